/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read and write JSON, with yajl.
 *
 * Parsing returns a tree that owns all its strings. The getters are strict
 * about types: a hostile document causes an error, never a crash. Depth is
 * limited to XK_JSON_DEPTH_MAX.
 *
 * Writing appends to an xk_buf. Only yajl checks the order of calls. Bytes of a
 * string that are not UTF-8 are written as U+FFFD, so that the document stays
 * valid.
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

/* One JSON value; opaque, owned by its document. */
struct xk_json;

/* Parse exactly one document; XK_ERR_PROTOCOL if it is not. `what` names the
 * source in errors. The caller frees the result with xk_json_free(). */
struct xk_json *xk_json_parse(const char *text, size_t length, const char *what,
                              struct xk_error *err);
void xk_json_free(struct xk_json *root);
/* Free *root and set it to NULL. */
void xk_json_cleanup(struct xk_json **root);
#define XK_CLEANUP_JSON __attribute__((cleanup(xk_json_cleanup)))

/* Returns the member of an object; NULL if there is no such member, or if value
 * is NULL or not an object, so that lookups can be chained. */
const struct xk_json *xk_json_get(const struct xk_json *value, const char *key);

/* The size and the elements of an array or object; 0 and NULL for any other
 * value. */
size_t xk_json_length(const struct xk_json *value);
const struct xk_json *xk_json_at(const struct xk_json *value, size_t index);
const char *xk_json_key_at(const struct xk_json *value, size_t index);

/* Returns the string, or NULL if the value is not a string. A string with a NUL
 * ends there. */
const char *xk_json_string(const struct xk_json *value);

/* Returns true and stores the integer, if value is one. */
bool xk_json_integer(const struct xk_json *value, int64_t *integer);
bool xk_json_is_true(const struct xk_json *value);
bool xk_json_is_false(const struct xk_json *value);
bool xk_json_is_object(const struct xk_json *value);
bool xk_json_is_array(const struct xk_json *value);
bool xk_json_is_null(const struct xk_json *value);

/* Returns the string member `key`; XK_ERR_PROTOCOL names it if there is
 * none. */
const char *xk_json_need_string(const struct xk_json *value, const char *key,
                                struct xk_error *err);

/* Returns the integer member `key`; 0 if there is none, or if it is
 * negative. */
uint64_t xk_json_count(const struct xk_json *object, const char *key);

/* Check the version of a file of ours, its member "version"; a file without it
 * has version 1. XK_ERR_UNSUPPORTED if it is not `known`; the caller adds the
 * file's name to the message. */
#define XK_JSON_VERSION "version"
int xk_json_check_version(const struct xk_json *object, int known,
                          struct xk_error *err);

/* Fill *err with the error that xk_json_put_error() wrote into the object, and
 * return -1. A missing kind becomes XK_ERR_FAILED, and a missing message "no
 * reason given". */
int xk_json_take_error(const struct xk_json *object, struct xk_error *err);

struct xk_json_writer;

/* indent: write several indented lines, else one line. The text goes to *out,
 * which must outlive the writer. */
struct xk_json_writer *xk_json_writer_new(struct xk_buf *out, bool indent);
void xk_json_writer_free(struct xk_json_writer *writer);
void xk_json_writer_cleanup(struct xk_json_writer **writer);
#define XK_CLEANUP_JSON_WRITER __attribute__((cleanup(xk_json_writer_cleanup)))

/* key is NULL inside arrays and at the top. A NULL text is written as null. */
void xk_json_open_object(struct xk_json_writer *writer, const char *key);
void xk_json_close_object(struct xk_json_writer *writer);
void xk_json_open_array(struct xk_json_writer *writer, const char *key);
void xk_json_close_array(struct xk_json_writer *writer);
void xk_json_put_string(struct xk_json_writer *writer, const char *key,
                        const char *text);
void xk_json_put_integer(struct xk_json_writer *writer, const char *key,
                         int64_t integer);
/* Write 15 digits, or 17 if the number would not read back equal. A number that
 * is not finite is written as null. */
void xk_json_put_double(struct xk_json_writer *writer, const char *key,
                        double number);
void xk_json_put_bool(struct xk_json_writer *writer, const char *key,
                      bool value);
void xk_json_put_null(struct xk_json_writer *writer, const char *key);
/* Write a whole parsed value. */
void xk_json_put_value(struct xk_json_writer *writer, const char *key,
                       const struct xk_json *value);
/* Write an error as members of the open object: "code" (the exit status of the
 * CLI contract), "kind" and "message". */
void xk_json_put_error(struct xk_json_writer *writer,
                       const struct xk_error *error);
/* Write an error as an object of its own. */
void xk_json_put_error_member(struct xk_json_writer *writer, const char *key,
                              const struct xk_error *error);

#endif
