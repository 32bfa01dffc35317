/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Made-up input for the configuration readers. The same seed gives the same
 * texts on every machine, so that a failure can be told by its number.
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

/* A number below n. */
size_t generate_below(struct generator *generator, size_t n);

/* True once in n times. */
bool generate_once_in(struct generator *generator, size_t n);

/* A configuration file that the grammar allows. */
void generate_file(struct generator *generator, struct xk_buf *out);

/* Something much like a disk specification. */
void generate_disk(struct generator *generator, struct xk_buf *out);

/* Something much like the rate of a network card. */
void generate_rate(struct generator *generator, struct xk_buf *out);

/* Change a few bytes to others that mean something to the grammar, never to
 * NUL. */
void generate_damage(struct generator *generator, struct xk_buf *text);

#endif
