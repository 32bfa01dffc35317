/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small macros that every room uses. */
#ifndef XK_BASE_UTIL_H
#define XK_BASE_UTIL_H

/* The number of elements of an array; refuses a pointer at compile time. */
#define XK_ARRAY_SIZE(a)                                                       \
    (sizeof(a) / sizeof((a)[0]) +                                              \
     0 * sizeof(struct {                                                       \
         _Static_assert(!__builtin_types_compatible_p(__typeof__(a),           \
                                                      __typeof__(&(a)[0])),    \
                        "not an array");                                       \
         int unused;                                                           \
     }))

#endif
