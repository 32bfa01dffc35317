/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small macros for all rooms. */
#ifndef XK_BASE_UTIL_H
#define XK_BASE_UTIL_H

#include <stddef.h>

/* Returns the struct of that type whose member `name` is at `pointer`. */
#define XK_CONTAINER_OF(pointer, type, name)                                   \
    ((type *)((char *)(pointer)-offsetof(type, name)))

/* Returns the number of elements of an array; does not compile for a pointer.
 */
#define XK_ARRAY_SIZE(a)                                                       \
    (sizeof(a) / sizeof((a)[0]) +                                              \
     0 * sizeof(struct {                                                       \
         _Static_assert(!__builtin_types_compatible_p(__typeof__(a),           \
                                                      __typeof__(&(a)[0])),    \
                        "not an array");                                       \
         int unused;                                                           \
     }))

#endif
