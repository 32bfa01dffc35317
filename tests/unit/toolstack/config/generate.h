/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generated input for the configuration parsers. The same seed gives the same
 * texts on every machine, so that a failure can be named by its number.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_CONFIG_GENERATE_H
#define XK_TESTS_UNIT_TOOLSTACK_CONFIG_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct generator {
    uint64_t state;
};

struct generator generator_seeded(uint64_t seed);

/* Returns a number below n. */
size_t generate_below(struct generator *generator, size_t n);

/* Returns true once in n times on average. */
bool generate_once_in(struct generator *generator, size_t n);

/* Returns a configuration file that the grammar allows. */
void generate_file(struct generator *generator, struct xk_buf *out);

/* Returns a text similar to a disk specification. */
void generate_disk(struct generator *generator, struct xk_buf *out);

/* Returns a text similar to the rate of a network card. */
void generate_rate(struct generator *generator, struct xk_buf *out);

/* Change a few bytes to other bytes that matter to the grammar, never to NUL.
 */
void generate_damage(struct generator *generator, struct xk_buf *text);

#endif
