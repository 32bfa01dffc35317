/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocation that cannot fail, for small amounts: the process aborts if the
 * machine has no memory left. A size that comes from a guest, a peer or a file
 * must be checked against its own limit before.
 */
#ifndef XK_BASE_MEM_H
#define XK_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *xk_calloc(size_t count, size_t size);
void *xk_realloc(void *old, size_t count, size_t size);
char *xk_strdup(const char *text);
char *xk_strndup(const char *text, size_t length);
char *xk_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xk_vasprintf(const char *fmt, va_list args)
    __attribute__((format(printf, 1, 0)));

/* Whole pages, which are zero and take memory only once they are touched. The
 * caller passes them to xk_unmap_pages(). */
void *xk_map_pages(size_t bytes);
void xk_unmap_pages(void *pages, size_t bytes); /* NULL is ignored */

#define XK_NEW(type) ((type *)xk_calloc(1, sizeof(type)))

/* Make room for one more element after the first `count` of array a (a pointer
 * variable, which may change), and zero that element. The capacity doubles at
 * each power of two, so the caller need not store it. */
#define XK_GROW(a, count) ((a) = xk_grow((a), (count), sizeof(*(a))))
void *xk_grow(void *array, size_t count, size_t size);

/* Remove element `index` from array a, and lower its count (a variable). What
 * the element owns was freed before. */
#define XK_TAKE_OUT(a, count, index)                                           \
    xk_take_out((a), &(count), (index), sizeof(*(a)))
void xk_take_out(void *array, size_t *count, size_t index, size_t size);

#endif
