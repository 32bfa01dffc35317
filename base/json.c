/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>
#include <yajl/yajl_tree.h>

#include "base/mem.h"

/* struct xk_json is never defined: it is yajl's node under our name. */
static yajl_val
node(const struct xk_json *value)
{
    return (yajl_val)(uintptr_t)value;
}

static const struct xk_json *
wrap(yajl_val value)
{
    return (const struct xk_json *)value;
}

/* Returns what is wrong with the text, or NULL. yajl's tree builder does not
 * limit depth, and freeing a tree recurses, so count brackets before building.
 * Brackets inside strings do not count. Refuse comments: JSON has none, yajl
 * accepts them, and a quote in one would hide brackets. */
static const char *
find_fault(const char *text, size_t length)
{
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '\0' || c == '/') {
            return c == '/' ? "a comment" : "a NUL byte";
        } else if (c == '[' || c == '{') {
            if (++depth > XK_JSON_DEPTH_MAX)
                return "nested too deeply";
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return memchr(text, '\0', length) != NULL ? "a NUL byte" : NULL;
}

struct xk_json *
xk_json_parse(const char *text, size_t length, const char *what,
              struct xk_error *err)
{
    const char *fault = find_fault(text, length);
    char message[256] = "";
    char *copy;
    yajl_val root = NULL;

    if (fault != NULL) {
        xk_fail(err, XK_ERR_PROTOCOL, "%s: not JSON: %s", what, fault);
        return NULL;
    }
    copy = xk_strndup(text, length); /* yajl_tree_parse wants a C string */
    root = yajl_tree_parse(copy, message, sizeof(message));
    free(copy);
    if (root == NULL) {
        message[strcspn(message, "\n")] = '\0';
        xk_fail(err, XK_ERR_PROTOCOL, "%s: not JSON: %s", what,
                message[0] != '\0' ? message : "empty");
    }
    return (struct xk_json *)root;
}

void
xk_json_free(struct xk_json *root)
{
    yajl_tree_free(node(root));
}

void
xk_json_cleanup(struct xk_json **root)
{
    if (*root != NULL)
        xk_json_free(*root);
    *root = NULL;
}

const struct xk_json *
xk_json_get(const struct xk_json *value, const char *key)
{
    yajl_val object = node(value);

    if (!YAJL_IS_OBJECT(object))
        return NULL;
    for (size_t i = 0; i < object->u.object.len; i++) {
        if (strcmp(object->u.object.keys[i], key) == 0)
            return wrap(object->u.object.values[i]);
    }
    return NULL;
}

size_t
xk_json_length(const struct xk_json *value)
{
    if (YAJL_IS_ARRAY(node(value)))
        return node(value)->u.array.len;
    if (YAJL_IS_OBJECT(node(value)))
        return node(value)->u.object.len;
    return 0;
}

const struct xk_json *
xk_json_at(const struct xk_json *value, size_t index)
{
    if (index >= xk_json_length(value))
        return NULL;
    if (YAJL_IS_ARRAY(node(value)))
        return wrap(node(value)->u.array.values[index]);
    return wrap(node(value)->u.object.values[index]);
}

const char *
xk_json_key_at(const struct xk_json *value, size_t index)
{
    if (!YAJL_IS_OBJECT(node(value)) || index >= xk_json_length(value))
        return NULL;
    return node(value)->u.object.keys[index];
}

const char *
xk_json_string(const struct xk_json *value)
{
    return YAJL_GET_STRING(node(value));
}

bool
xk_json_integer(const struct xk_json *value, int64_t *integer)
{
    if (!YAJL_IS_INTEGER(node(value)))
        return false;
    *integer = YAJL_GET_INTEGER(node(value));
    return true;
}

bool
xk_json_is_true(const struct xk_json *value)
{
    return YAJL_IS_TRUE(node(value));
}

bool
xk_json_is_false(const struct xk_json *value)
{
    return YAJL_IS_FALSE(node(value));
}

bool
xk_json_is_object(const struct xk_json *value)
{
    return YAJL_IS_OBJECT(node(value));
}

bool
xk_json_is_array(const struct xk_json *value)
{
    return YAJL_IS_ARRAY(node(value));
}

bool
xk_json_is_null(const struct xk_json *value)
{
    return YAJL_IS_NULL(node(value));
}

const char *
xk_json_need_string(const struct xk_json *value, const char *key,
                    struct xk_error *err)
{
    const char *text = xk_json_string(xk_json_get(value, key));

    if (text == NULL)
        xk_fail(err, XK_ERR_PROTOCOL, "no string \"%s\"", key);
    return text;
}

uint64_t
xk_json_count(const struct xk_json *object, const char *key)
{
    int64_t value;

    return xk_json_integer(xk_json_get(object, key), &value) && value > 0
               ? (uint64_t)value
               : 0;
}

int
xk_json_check_version(const struct xk_json *object, int known,
                      struct xk_error *err)
{
    const struct xk_json *version = xk_json_get(object, XK_JSON_VERSION);
    int64_t number = 1;

    if (version != NULL && !xk_json_integer(version, &number))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not a number",
                       XK_JSON_VERSION);
    if (number != known)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "it is of version %lld, written by another xk; this one "
                       "reads version %d",
                       (long long)number, known);
    return 0;
}

int
xk_json_take_error(const struct xk_json *object, struct xk_error *err)
{
    const char *kind = xk_json_string(xk_json_get(object, "kind"));
    const char *message = xk_json_string(xk_json_get(object, "message"));

    return xk_fail(err, xk_error_kind_by_name(kind), "%s",
                   message != NULL ? message : "no reason given");
}

struct xk_json_writer {
    yajl_gen gen;
    struct xk_buf *out;
};

static void
emit(void *context, const char *text, size_t length)
{
    xk_buf_append(context, text, length);
}

struct xk_json_writer *
xk_json_writer_new(struct xk_buf *out, bool indent)
{
    struct xk_json_writer *writer = XK_NEW(struct xk_json_writer);

    writer->gen = yajl_gen_alloc(NULL);
    if (writer->gen == NULL)
        abort();
    writer->out = out;
    yajl_gen_config(writer->gen, yajl_gen_beautify, indent ? 1 : 0);
    yajl_gen_config(writer->gen, yajl_gen_indent_string, "  ");
    yajl_gen_config(writer->gen, yajl_gen_print_callback, emit, out);
    return writer;
}

void
xk_json_writer_free(struct xk_json_writer *writer)
{
    yajl_gen_free(writer->gen);
    free(writer);
}

void
xk_json_writer_cleanup(struct xk_json_writer **writer)
{
    if (*writer != NULL)
        xk_json_writer_free(*writer);
    *writer = NULL;
}

/* Returns the length of the valid UTF-8 sequence at p, 0 if there is none.
 * Overlong forms, surrogates and values above U+10FFFF are invalid
 * (RFC 3629). */
static size_t
utf8_length(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char first, last, low, high;
        unsigned char length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (p[0] < forms[i].first || p[0] > forms[i].last)
            continue;
        if (forms[i].length > left)
            return 0;
        if (forms[i].length > 1 &&
            (p[1] < forms[i].low || p[1] > forms[i].high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static void
put_text(struct xk_json_writer *writer, const char *text)
{
    XK_CLEANUP_BUF struct xk_buf clean = {0};
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);

    while (left > 0) {
        size_t length = utf8_length(p, left);

        if (length == 0) {
            xk_buf_puts(&clean, "\xef\xbf\xbd");
            length = 1;
        } else {
            xk_buf_append(&clean, p, length);
        }
        p += length;
        left -= length;
    }
    xk_buf_append(&clean, "", 0);
    yajl_gen_string(writer->gen, (const unsigned char *)clean.data,
                    clean.length);
}

static void
put_key(struct xk_json_writer *writer, const char *key)
{
    if (key != NULL)
        put_text(writer, key);
}

void
xk_json_open_object(struct xk_json_writer *writer, const char *key)
{
    put_key(writer, key);
    yajl_gen_map_open(writer->gen);
}

void
xk_json_close_object(struct xk_json_writer *writer)
{
    yajl_gen_map_close(writer->gen);
}

void
xk_json_open_array(struct xk_json_writer *writer, const char *key)
{
    put_key(writer, key);
    yajl_gen_array_open(writer->gen);
}

void
xk_json_close_array(struct xk_json_writer *writer)
{
    yajl_gen_array_close(writer->gen);
}

void
xk_json_put_string(struct xk_json_writer *writer, const char *key,
                   const char *text)
{
    if (text == NULL) {
        xk_json_put_null(writer, key);
        return;
    }
    put_key(writer, key);
    put_text(writer, text);
}

void
xk_json_put_integer(struct xk_json_writer *writer, const char *key,
                    int64_t integer)
{
    put_key(writer, key);
    yajl_gen_integer(writer->gen, integer);
}

void
xk_json_put_double(struct xk_json_writer *writer, const char *key,
                   double number)
{
    char text[32];

    put_key(writer, key);
    if (!isfinite(number)) {
        yajl_gen_null(writer->gen);
        return;
    }
    /* yajl itself writes 20 digits: "0.10000000000000000555" for 0.1. */
    snprintf(text, sizeof(text), "%.15g", number);
    if (strtod(text, NULL) != number)
        snprintf(text, sizeof(text), "%.17g", number);
    yajl_gen_number(writer->gen, text, strlen(text));
}

void
xk_json_put_bool(struct xk_json_writer *writer, const char *key, bool value)
{
    put_key(writer, key);
    yajl_gen_bool(writer->gen, value);
}

void
xk_json_put_null(struct xk_json_writer *writer, const char *key)
{
    put_key(writer, key);
    yajl_gen_null(writer->gen);
}

static void
put_container(struct xk_json_writer *writer, const char *key,
              const struct xk_json *value)
{
    bool object = xk_json_is_object(value);

    if (object)
        xk_json_open_object(writer, key);
    else
        xk_json_open_array(writer, key);
    for (size_t i = 0; i < xk_json_length(value); i++)
        xk_json_put_value(writer, xk_json_key_at(value, i),
                          xk_json_at(value, i));
    if (object)
        xk_json_close_object(writer);
    else
        xk_json_close_array(writer);
}

void
xk_json_put_value(struct xk_json_writer *writer, const char *key,
                  const struct xk_json *value)
{
    int64_t integer;

    if (xk_json_is_object(value) || xk_json_is_array(value))
        put_container(writer, key, value);
    else if (xk_json_string(value) != NULL)
        xk_json_put_string(writer, key, xk_json_string(value));
    else if (xk_json_integer(value, &integer))
        xk_json_put_integer(writer, key, integer);
    else if (YAJL_IS_DOUBLE(node(value)))
        xk_json_put_double(writer, key, YAJL_GET_DOUBLE(node(value)));
    else if (xk_json_is_true(value) || xk_json_is_false(value))
        xk_json_put_bool(writer, key, xk_json_is_true(value));
    else
        xk_json_put_null(writer, key);
}

void
xk_json_put_error(struct xk_json_writer *writer, const struct xk_error *error)
{
    xk_json_put_integer(writer, "code", xk_error_exit_status(error->kind));
    xk_json_put_string(writer, "kind", xk_error_kind_name(error->kind));
    xk_json_put_string(writer, "message", error->message);
}

void
xk_json_put_error_member(struct xk_json_writer *writer, const char *key,
                         const struct xk_error *error)
{
    xk_json_open_object(writer, key);
    xk_json_put_error(writer, error);
    xk_json_close_object(writer);
}
