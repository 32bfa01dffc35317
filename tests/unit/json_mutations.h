/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A JSON document with one thing changed, in every way: each member and element
 * taken away, there twice, or of another type or size; and each object with a
 * member that nobody knows. For tests of those who read such documents.
 */
#ifndef XK_TESTS_UNIT_JSON_MUTATIONS_H
#define XK_TESTS_UNIT_JSON_MUTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"

/* Append change `number` of the document to text, and to what (may be NULL) of
 * what kind it is. False where there are no more. */
bool json_mutation(const struct xk_json *document, size_t number,
                   struct xk_buf *text, struct xk_buf *what);

#endif
