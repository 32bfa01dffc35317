/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/json_mutations.h"

#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/util.h"

#define STRANGER "a-member-of-another-version"

static void
put_nothing(struct xk_json_writer *writer, const char *key,
            const struct xk_json *value)
{
    (void)writer;
    (void)key;
    (void)value;
}

static void
put_twice(struct xk_json_writer *writer, const char *key,
          const struct xk_json *value)
{
    xk_json_put_value(writer, key, value);
    xk_json_put_value(writer, key, value);
}

static void
put_with_another(struct xk_json_writer *writer, const char *key,
                 const struct xk_json *value)
{
    xk_json_put_value(writer, key, value);
    xk_json_put_integer(writer, key != NULL ? STRANGER : NULL, 1);
}

static void
put_null(struct xk_json_writer *writer, const char *key,
         const struct xk_json *value)
{
    (void)value;
    xk_json_put_null(writer, key);
}

static void
put_true(struct xk_json_writer *writer, const char *key,
         const struct xk_json *value)
{
    (void)value;
    xk_json_put_bool(writer, key, true);
}

static void
put_false(struct xk_json_writer *writer, const char *key,
          const struct xk_json *value)
{
    (void)value;
    xk_json_put_bool(writer, key, false);
}

static void
put_zero(struct xk_json_writer *writer, const char *key,
         const struct xk_json *value)
{
    (void)value;
    xk_json_put_integer(writer, key, 0);
}

static void
put_minus(struct xk_json_writer *writer, const char *key,
          const struct xk_json *value)
{
    (void)value;
    xk_json_put_integer(writer, key, INT64_MIN);
}

static void
put_much(struct xk_json_writer *writer, const char *key,
         const struct xk_json *value)
{
    (void)value;
    xk_json_put_integer(writer, key, INT64_MAX);
}

static void
put_fraction(struct xk_json_writer *writer, const char *key,
             const struct xk_json *value)
{
    (void)value;
    xk_json_put_double(writer, key, 1.5e300);
}

static void
put_empty_text(struct xk_json_writer *writer, const char *key,
               const struct xk_json *value)
{
    (void)value;
    xk_json_put_string(writer, key, "");
}

static void
put_text(struct xk_json_writer *writer, const char *key,
         const struct xk_json *value)
{
    (void)value;
    xk_json_put_string(writer, key, "../of another version/%s%n\x1b[0m");
}

static void
put_array(struct xk_json_writer *writer, const char *key,
          const struct xk_json *value)
{
    xk_json_open_array(writer, key);
    xk_json_put_value(writer, NULL, value);
    xk_json_close_array(writer);
}

static void
put_object(struct xk_json_writer *writer, const char *key,
           const struct xk_json *value)
{
    xk_json_open_object(writer, key);
    xk_json_put_value(writer, STRANGER, value);
    xk_json_close_object(writer);
}

static const struct {
    const char *name;
    void (*put)(struct xk_json_writer *writer, const char *key,
                const struct xk_json *value);
} changes[] = {
    {"taken away", put_nothing},
    {"there twice", put_twice},
    {"with another", put_with_another},
    {"null", put_null},
    {"true", put_true},
    {"false", put_false},
    {"zero", put_zero},
    {"minus", put_minus},
    {"much", put_much},
    {"a fraction", put_fraction},
    {"an empty text", put_empty_text},
    {"a text", put_text},
    {"an array", put_array},
    {"an object", put_object},
};

struct walk {
    struct xk_json_writer *writer;
    size_t left; /* values before the one that is changed */
    size_t change;
    bool done;
    char key[64];
};

static void put_children(struct walk *walk, const struct xk_json *value,
                         const char *key);

static void
put(struct walk *walk, const char *key, const struct xk_json *value)
{
    if (!walk->done && walk->left-- == 0) {
        walk->done = true;
        snprintf(walk->key, sizeof(walk->key), "%s",
                 key != NULL ? key : "an element");
        changes[walk->change].put(walk->writer, key, value);
    } else if (!walk->done &&
               (xk_json_is_object(value) || xk_json_is_array(value))) {
        put_children(walk, value, key);
    } else {
        xk_json_put_value(walk->writer, key, value);
    }
}

static void
put_children(struct walk *walk, const struct xk_json *value, const char *key)
{
    bool is_object = xk_json_is_object(value);

    if (is_object)
        xk_json_open_object(walk->writer, key);
    else
        xk_json_open_array(walk->writer, key);
    for (size_t i = 0; i < xk_json_length(value); i++)
        put(walk, xk_json_key_at(value, i), xk_json_at(value, i));
    if (is_object)
        xk_json_close_object(walk->writer);
    else
        xk_json_close_array(walk->writer);
}

bool
json_mutation(const struct xk_json *document, size_t number,
              struct xk_buf *text, struct xk_buf *what)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);
    struct walk walk = {.writer = writer,
                        .left = number / XK_ARRAY_SIZE(changes),
                        .change = number % XK_ARRAY_SIZE(changes)};

    put_children(&walk, document, NULL);
    if (walk.done && what != NULL)
        xk_buf_printf(what, "%s: %s", walk.key, changes[walk.change].name);
    return walk.done;
}
