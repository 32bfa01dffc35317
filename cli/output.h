/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How results look: domains as rows and as JSON, and wrapped text. */
#ifndef XK_CLI_OUTPUT_H
#define XK_CLI_OUTPUT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/hypervisor.h"

/* Which domain it is: the first members of the domain object of the CLI
 * contract, into the object that is open. */
void xk_output_domain_handle(struct xk_json_writer *writer,
                             const struct xk_domain_info *info);

/* All members of the domain object. */
void xk_output_domain_members(struct xk_json_writer *writer,
                              const struct xk_domain_info *info);

/* The six letters of xl's State column: r b p s, the reason of a stop, d. */
#define XK_STATE_LETTERS_SIZE 7
void xk_output_state_letters(const struct xk_domain_info *info,
                             char letters[XK_STATE_LETTERS_SIZE]);

/* One fact of a host as a JSON member: a number, or a string. */
void xk_output_fact(struct xk_json_writer *writer, const struct xk_fact *fact);

/* Append text broken at blanks so that lines are at most `width` columns, each
 * but the first led by `indent` blanks; `column` is where the first begins.
 * Paragraphs, split by an empty line, stay apart. Ends without a newline. */
void xk_output_wrap(struct xk_buf *out, const char *text, size_t column,
                    size_t indent, size_t width);

/* Write all of it to a descriptor, "standard output" for instance. */
int xk_output_flush(int fd, const char *what, const struct xk_buf *out,
                    struct xk_error *err);

#endif
