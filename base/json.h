/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON, both ways, over yajl.
 *
 * Reading gives a tree that owns all its strings. The getters take the value
 * they look into and are strict about types: a hostile document gives an
 * error, never a crash. Depth is limited to XK_JSON_DEPTH_MAX.
 *
 * Writing appends to an xk_buf. The writer checks nothing about the order of
 * calls beyond what yajl does; strings that are not UTF-8 are written with the
 * offending bytes as U+FFFD, so that the document stays valid.
 */
#ifndef XK_BASE_JSON_H
#define XK_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    XK_JSON_DEPTH_MAX = 64
};

/* One JSON value; opaque, owned by the document it was parsed in. */
struct xk_json;

/* Parse exactly one document. what names the source in errors (kind
 * XK_ERR_PROTOCOL). Free the result with xk_json_free(). */
struct xk_json *xk_json_parse(const char *text, size_t length, const char *what,
                              struct xk_error *err);
void xk_json_free(struct xk_json *root);
/* The pointer is NULL afterwards. */
void xk_json_cleanup(struct xk_json **root);
#define XK_CLEANUP_JSON __attribute__((cleanup(xk_json_cleanup)))

/* The member of an object; NULL where there is none, or value is no object or
 * NULL. So lookups can be chained. */
const struct xk_json *xk_json_get(const struct xk_json *value, const char *key);

/* Array and object sizes and elements; 0 and NULL for other values. */
size_t xk_json_length(const struct xk_json *value);
const struct xk_json *xk_json_at(const struct xk_json *value, size_t index);
const char *xk_json_key_at(const struct xk_json *value, size_t index);

/* The value as a string, NULL if it is none. A string that holds a NUL is
 * cut there. */
const char *xk_json_string(const struct xk_json *value);

/* True if value is an integer; stores it. */
bool xk_json_integer(const struct xk_json *value, int64_t *integer);
bool xk_json_is_true(const struct xk_json *value);
bool xk_json_is_false(const struct xk_json *value);
bool xk_json_is_object(const struct xk_json *value);
bool xk_json_is_array(const struct xk_json *value);
bool xk_json_is_null(const struct xk_json *value);

/* The string member `key` or an error that names it. */
const char *xk_json_need_string(const struct xk_json *value, const char *key,
                                struct xk_error *err);

/* The integer member `key`; 0 where there is none, or it is less. */
uint64_t xk_json_count(const struct xk_json *object, const char *key);

/* Files of ours say by their member "version" how they are to be read; one
 * without it is of the first. XK_ERR_UNSUPPORTED where it is not `known`: the
 * message says so, the caller's says of what. */
#define XK_JSON_VERSION "version"
int xk_json_check_version(const struct xk_json *object, int known,
                          struct xk_error *err);

/* The error that xk_json_put_error() wrote into the object: fill *err, return
 * -1. What is missing becomes XK_ERR_FAILED and "no reason given". */
int xk_json_take_error(const struct xk_json *object, struct xk_error *err);

struct xk_json_writer;

/* indent: human-readable over several lines, else all on one line. The text
 * goes to *out, which must outlive the writer. */
struct xk_json_writer *xk_json_writer_new(struct xk_buf *out, bool indent);
void xk_json_writer_free(struct xk_json_writer *writer);
void xk_json_writer_cleanup(struct xk_json_writer **writer);
#define XK_CLEANUP_JSON_WRITER __attribute__((cleanup(xk_json_writer_cleanup)))

/* key may be NULL inside arrays and at the top. text may be NULL: null. */
void xk_json_open_object(struct xk_json_writer *writer, const char *key);
void xk_json_close_object(struct xk_json_writer *writer);
void xk_json_open_array(struct xk_json_writer *writer, const char *key);
void xk_json_close_array(struct xk_json_writer *writer);
void xk_json_put_string(struct xk_json_writer *writer, const char *key,
                        const char *text);
void xk_json_put_integer(struct xk_json_writer *writer, const char *key,
                         int64_t integer);
/* As few digits as read back equal; null for what is not a finite number. */
void xk_json_put_double(struct xk_json_writer *writer, const char *key,
                        double number);
void xk_json_put_bool(struct xk_json_writer *writer, const char *key,
                      bool value);
void xk_json_put_null(struct xk_json_writer *writer, const char *key);
/* A parsed value, whole. */
void xk_json_put_value(struct xk_json_writer *writer, const char *key,
                       const struct xk_json *value);
/* What went wrong, as members of the open object: "code" (the exit status of
 * the CLI contract), "kind" and "message". */
void xk_json_put_error(struct xk_json_writer *writer,
                       const struct xk_error *error);
/* The same as an object of its own. */
void xk_json_put_error_member(struct xk_json_writer *writer, const char *key,
                              const struct xk_error *error);

#endif
