/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A C structure as a JSON object and back, by a table of its fields. Reading
 * wants exactly the members of the table, each once and of its type.
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
    XK_FIELD_WORD,     /* an enumeration; words[] has max + 1 of them */
    XK_FIELD_CUSTOM,   /* put and get */
};

struct xk_field {
    const char *name;
    enum xk_field_kind kind;
    size_t offset;
    int64_t min, max;
    const char *(*word)(int value); /* XK_FIELD_WORD */
    /* XK_FIELD_CUSTOM, of the whole structure. */
    void (*put)(struct xk_json_writer *writer, const char *name,
                const void *record);
    int (*get)(const struct xk_json *value, const char *name, void *record,
               struct xk_error *err);
};

/* Write the members of record; the object is the caller's to open. */
void xk_record_put(struct xk_json_writer *writer, const struct xk_field *fields,
                   size_t count, const void *record);

/* Fill record, which is all zero. What was filled at a failure is the caller's
 * to free. Kind XK_ERR_PROTOCOL. */
int xk_record_get(const struct xk_json *object, const struct xk_field *fields,
                  size_t count, void *record, struct xk_error *err);

#endif
