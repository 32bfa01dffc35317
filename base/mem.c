/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *
must(void *pointer)
{
    if (pointer == NULL) {
        fputs("xk: out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *
xk_calloc(size_t count, size_t size)
{
    return must(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *
xk_realloc(void *old, size_t count, size_t size)
{
    return must(reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1));
}

void *
xk_map_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return must(pages != MAP_FAILED ? pages : NULL);
}

void
xk_unmap_pages(void *pages, size_t bytes)
{
    if (pages != NULL)
        munmap(pages, bytes);
}

char *
xk_strdup(const char *text)
{
    return must(strdup(text));
}

char *
xk_strndup(const char *text, size_t length)
{
    return must(strndup(text, length));
}

char *
xk_vasprintf(const char *fmt, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, args) == -1)
        text = NULL;
    return must(text);
}

char *
xk_asprintf(const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = xk_vasprintf(fmt, args);
    va_end(args);
    return text;
}

void *
xk_grow(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0)
        array = xk_realloc(array, count > 0 ? 2 * count : 1, size);
    memset((char *)array + count * size, 0, size);
    return array;
}

void
xk_take_out(void *array, size_t *count, size_t index, size_t size)
{
    char *element = (char *)array + index * size;

    memmove(element, element + size, (*count - index - 1) * size);
    (*count)--;
}
