/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Ignore case and the difference between '-' and '_': most typos are of that
 * kind. */
static bool
alike(char a, char b)
{
    if (a == '-')
        a = '_';
    if (b == '-')
        b = '_';
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Returns how many letters must be added, removed, changed or swapped with
 * their neighbour to turn a into b. Both are at most XK_SUGGEST_MAX long. */
static unsigned
edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][XK_SUGGEST_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *recycled = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = min3(last[j] + 1, row[j - 1] + 1,
                          last[j - 1] + !alike(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && alike(a[i - 1], b[j - 2]) &&
                alike(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        before = last;
        last = row;
        row = recycled;
    }
    return last[b_length];
}

void
xk_suggest_init(struct xk_suggest *suggest, const char *typed)
{
    *suggest = (struct xk_suggest){.typed = typed, .length = strlen(typed)};
    /* A third of the letters may be wrong, and at least one. */
    suggest->distance =
        2 * (suggest->length < 6 ? 2 : (unsigned)suggest->length / 3 + 1);
}

void
xk_suggest_offer(struct xk_suggest *suggest, const char *word)
{
    size_t length = strlen(word);
    unsigned distance;

    if (length > XK_SUGGEST_MAX || suggest->length > XK_SUGGEST_MAX)
        return;
    distance = 2 * edit_distance(suggest->typed, suggest->length, word, length);
    /* If every letter differs, the word is not a suggestion. */
    if (distance >= 2 * length)
        return;
    /* A word of which only the beginning was typed is nearer than any other. */
    if (distance > 1 && suggest->length > 1 &&
        strncmp(suggest->typed, word, suggest->length) == 0)
        distance = 1;
    if (distance >= suggest->distance)
        return;
    suggest->distance = distance;
    suggest->best = word;
}

const char *
xk_suggest_best(const struct xk_suggest *suggest)
{
    return suggest->best;
}

const char *
xk_suggest_word(const char *typed, const char *words, char *buffer, size_t size)
{
    struct xk_suggest suggest;
    char word[2][XK_SUGGEST_MAX + 1];
    unsigned spare = 0; /* the buffer in word[] that is not the best */

    xk_suggest_init(&suggest, typed);
    while (*words != '\0') {
        size_t length = strcspn(words, "|");

        if (length <= XK_SUGGEST_MAX) {
            memcpy(word[spare], words, length);
            word[spare][length] = '\0';
            xk_suggest_offer(&suggest, word[spare]);
            if (suggest.best == word[spare])
                spare = !spare;
        }
        words += length + (words[length] == '|');
    }
    if (suggest.best == NULL || strlen(suggest.best) >= size)
        return NULL;
    return strcpy(buffer, suggest.best);
}
