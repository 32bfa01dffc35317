/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Find the word nearest to a mistyped one, for "did you mean". Offer the
 * candidates one by one, then ask for the best.
 */
#ifndef XK_TOOLSTACK_CONFIG_SUGGEST_H
#define XK_TOOLSTACK_CONFIG_SUGGEST_H

#include <stddef.h>

enum {
    XK_SUGGEST_MAX = 64 /* longer words are not compared */
};

struct xk_suggest {
    const char *typed;
    size_t length;
    const char *best;
    unsigned distance; /* twice the edits; a candidate must be below it */
};

void xk_suggest_init(struct xk_suggest *suggest, const char *typed);

/* word must outlive the suggestion. */
void xk_suggest_offer(struct xk_suggest *suggest, const char *word);

/* Returns NULL if no word is near enough. */
const char *xk_suggest_best(const struct xk_suggest *suggest);

/* Copy the best of the words, which are separated by '|', to buffer and return
 * it. Returns NULL as above. */
const char *xk_suggest_word(const char *typed, const char *words, char *buffer,
                            size_t size);

#endif
