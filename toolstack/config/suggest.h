/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "did you mean": the word of a list that is nearest to a mistyped one. Offer
 * the words one by one, then ask for the best.
 */
#ifndef XK_TOOLSTACK_CONFIG_SUGGEST_H
#define XK_TOOLSTACK_CONFIG_SUGGEST_H

#include <stddef.h>

enum {
    XK_SUGGEST_MAX = 64 /* longer words are never near to anything */
};

struct xk_suggest {
    const char *typed;
    size_t length;
    const char *best;
    unsigned distance; /* twice the number of edits: what is found must be
                          less */
};

void xk_suggest_init(struct xk_suggest *suggest, const char *typed);

/* word must outlive the suggestion. */
void xk_suggest_offer(struct xk_suggest *suggest, const char *word);

/* NULL where no word is near enough. */
const char *xk_suggest_best(const struct xk_suggest *suggest);

/* The best of words separated by '|', copied to the buffer; NULL as above. */
const char *xk_suggest_word(const char *typed, const char *words, char *buffer,
                            size_t size);

#endif
