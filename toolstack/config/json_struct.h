/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Convert a C structure to a JSON object and back, by a table of its fields.
 * When reading, each member of the table must be present once and have its
 * type, and there must be no other members.
 */
#ifndef XK_TOOLSTACK_CONFIG_JSON_STRUCT_H
#define XK_TOOLSTACK_CONFIG_JSON_STRUCT_H

#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

enum xk_field_kind {
    XK_FIELD_TEXT,     /* char *; null for NULL */
    XK_FIELD_NAME,     /* char *; never NULL */
    XK_FIELD_BOOL,     /* bool */
    XK_FIELD_INT,      /* int, within min and max */
    XK_FIELD_UNSIGNED, /* unsigned, within min and max */
    XK_FIELD_U64,      /* uint64_t, within min and max */
    XK_FIELD_WORD,     /* an enumeration from 0 to max */
    XK_FIELD_CUSTOM,   /* put and get */
};

struct xk_field {
    const char *name;
    enum xk_field_kind kind;
    size_t offset;
    int64_t min, max;
    bool optional; /* of XK_FIELD_WORD and XK_FIELD_BOOL: 0 is left out, and
                      what is missing is 0, so that versions which lack the
                      member read the rest */
    const char *(*word)(int value); /* XK_FIELD_WORD: the word of a value */
    /* XK_FIELD_CUSTOM: called with the whole structure. */
    void (*put)(struct xk_json_writer *writer, const char *name,
                const void *record);
    int (*get)(const struct xk_json *value, const char *name, void *record,
               struct xk_error *err);
};

/* Write the members of record into the object that the caller has opened. */
void xk_struct_put(struct xk_json_writer *writer, const struct xk_field *fields,
                   size_t count, const void *record);

/* Fill *record, which must be all zero. On failure (XK_ERR_PROTOCOL) the caller
 * frees what was filled. */
int xk_struct_get(const struct xk_json *object, const struct xk_field *fields,
                  size_t count, void *record, struct xk_error *err);

#endif
