/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/json_struct.h"

#include <string.h>

#include "base/mem.h"

static void *
member(void *record, const struct xk_field *field)
{
    return (char *)record + field->offset;
}

static const void *
const_member(const void *record, const struct xk_field *field)
{
    return (const char *)record + field->offset;
}

static void
put_field(struct xk_json_writer *writer, const struct xk_field *field,
          const void *record)
{
    const void *from = const_member(record, field);

    switch (field->kind) {
    case XK_FIELD_TEXT:
    case XK_FIELD_NAME:
        xk_json_put_string(writer, field->name, *(char *const *)from);
        break;
    case XK_FIELD_BOOL:
        if (!field->optional || *(const bool *)from)
            xk_json_put_bool(writer, field->name, *(const bool *)from);
        break;
    case XK_FIELD_INT:
        xk_json_put_integer(writer, field->name, *(const int *)from);
        break;
    case XK_FIELD_UNSIGNED:
        xk_json_put_integer(writer, field->name, *(const unsigned *)from);
        break;
    case XK_FIELD_U64:
        xk_json_put_integer(writer, field->name,
                            (int64_t) * (const uint64_t *)from);
        break;
    case XK_FIELD_WORD:
        if (!field->optional || *(const int *)from != 0)
            xk_json_put_string(writer, field->name,
                               field->word(*(const int *)from));
        break;
    case XK_FIELD_CUSTOM:
        field->put(writer, field->name, record);
        break;
    }
}

void
xk_struct_put(struct xk_json_writer *writer, const struct xk_field *fields,
              size_t count, const void *record)
{
    for (size_t i = 0; i < count; i++)
        put_field(writer, &fields[i], record);
}

static int
wrong(const struct xk_field *field, const char *wanted, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not %s", field->name,
                   wanted);
}

static int
get_text(const struct xk_field *field, const struct xk_json *value,
         void *record, struct xk_error *err)
{
    const char *text = xk_json_string(value);

    if (text == NULL &&
        (field->kind == XK_FIELD_NAME || !xk_json_is_null(value)))
        return wrong(field, "a string", err);
    if (text != NULL)
        *(char **)member(record, field) = xk_strdup(text);
    return 0;
}

static int
get_integer(const struct xk_field *field, const struct xk_json *value,
            void *record, struct xk_error *err)
{
    void *to = member(record, field);
    int64_t integer;

    if (!xk_json_integer(value, &integer) || integer < field->min ||
        integer > field->max)
        return wrong(field, "an integer in its range", err);
    if (field->kind == XK_FIELD_INT)
        *(int *)to = (int)integer;
    else if (field->kind == XK_FIELD_UNSIGNED)
        *(unsigned *)to = (unsigned)integer;
    else
        *(uint64_t *)to = (uint64_t)integer;
    return 0;
}

static int
get_word(const struct xk_field *field, const struct xk_json *value,
         void *record, struct xk_error *err)
{
    const char *text = xk_json_string(value);

    for (int i = 0; text != NULL && i <= field->max; i++) {
        if (strcmp(text, field->word(i)) == 0) {
            *(int *)member(record, field) = i;
            return 0;
        }
    }
    return wrong(field, "one of its words", err);
}

static int
get_field(const struct xk_field *field, const struct xk_json *value,
          void *record, struct xk_error *err)
{
    if (value == NULL)
        return field->optional
                   ? 0
                   : xk_fail(err, XK_ERR_PROTOCOL, "no \"%s\"", field->name);
    switch (field->kind) {
    case XK_FIELD_TEXT:
    case XK_FIELD_NAME:
        return get_text(field, value, record, err);
    case XK_FIELD_BOOL:
        if (!xk_json_is_true(value) && !xk_json_is_false(value))
            return wrong(field, "true or false", err);
        *(bool *)member(record, field) = xk_json_is_true(value);
        return 0;
    case XK_FIELD_INT:
    case XK_FIELD_UNSIGNED:
    case XK_FIELD_U64:
        return get_integer(field, value, record, err);
    case XK_FIELD_WORD:
        return get_word(field, value, record, err);
    case XK_FIELD_CUSTOM:
        break;
    }
    return field->get(value, field->name, record, err);
}

static bool
is_known(const struct xk_json *object, size_t index,
         const struct xk_field *fields, size_t count)
{
    const char *name = xk_json_key_at(object, index);

    if (xk_json_get(object, name) != xk_json_at(object, index))
        return false; /* a repeated name */
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return true;
    }
    return false;
}

int
xk_struct_get(const struct xk_json *object, const struct xk_field *fields,
              size_t count, void *record, struct xk_error *err)
{
    if (!xk_json_is_object(object))
        return xk_fail(err, XK_ERR_PROTOCOL, "not an object");
    for (size_t i = 0; i < count; i++) {
        if (get_field(&fields[i], xk_json_get(object, fields[i].name), record,
                      err) == -1)
            return -1;
    }
    for (size_t i = 0; i < xk_json_length(object); i++) {
        if (!is_known(object, i, fields, count))
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "\"%.40s\" is unknown or repeated",
                           xk_json_key_at(object, i));
    }
    return 0;
}
