/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intentional differences from libxlutil. A text on which the two do not agree
 * must be one of these, or the differential tests fail.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_CONFIG_DIFFERENCES_H
#define XK_TESTS_UNIT_TOOLSTACK_CONFIG_DIFFERENCES_H

#include <stdbool.h>
#include <stddef.h>

struct difference {
    const char *what;
    const char *why;
    bool we_accept; /* xk accepts what libxlutil refuses; else the reverse */
    bool (*applies)(const char *text);
};

/* Of the grammar of files; of disk specifications; of rates. */
extern const struct difference file_differences[];
extern const size_t file_difference_count;
extern const struct difference disk_differences[];
extern const size_t disk_difference_count;
extern const struct difference rate_differences[];
extern const size_t rate_difference_count;

/* Whether one of the differences explains that libxlutil decides otherwise than
 * xk (we_accept) about text. */
bool difference_explains(const struct difference *differences, size_t count,
                         bool we_accept, const char *text);

#endif
