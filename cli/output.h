/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Format results: domains as rows and as JSON, and wrapped text. */
#ifndef XK_CLI_OUTPUT_H
#define XK_CLI_OUTPUT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/hypervisor.h"

/* Write the identity of a domain into the open object: the first members of the
 * domain object of the CLI contract. */
void xk_output_domain_handle(struct xk_json_writer *writer,
                             const struct xk_domain_info *info);

/* Write all members of the domain object into the open object. */
void xk_output_domain_members(struct xk_json_writer *writer,
                              const struct xk_domain_info *info);

/* The six letters of xl's State column: r b p s, the reason of a stop, d. */
#define XK_STATE_LETTERS_SIZE 7
void xk_output_state_letters(const struct xk_domain_info *info,
                             char letters[XK_STATE_LETTERS_SIZE]);

/* Write one fact of a host as a JSON member: a number, or a string. */
void xk_output_fact(struct xk_json_writer *writer, const struct xk_fact *fact);

/* Append text, wrapped at blanks to lines of at most `width` columns. All lines
 * but the first are indented by `indent` blanks; the first begins at `column`.
 * Paragraphs, separated by an empty line, stay separate. Ends without a
 * newline. */
void xk_output_wrap(struct xk_buf *out, const char *text, size_t column,
                    size_t indent, size_t width);

/* Write the whole buffer to a descriptor; `what` names it in errors, for
 * instance "standard output". */
int xk_output_flush(int fd, const char *what, const struct xk_buf *out,
                    struct xk_error *err);

#endif
