/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tokens of a configuration file, as libxlutil's lexer defines them
 * (tools/libs/util/libxlu_cfg_l.l of Xen 4.17). Intentional differences are
 * listed in tests/unit/toolstack/config/differences.h.
 */
#ifndef XK_TOOLSTACK_CONFIG_CFG_LEXER_H
#define XK_TOOLSTACK_CONFIG_CFG_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "toolstack/config/problem.h"

enum xk_cfg_token_kind {
    XK_CFG_TOKEN_NAME,   /* [a-z][._0-9a-z]* */
    XK_CFG_TOKEN_NUMBER, /* [0-9][0-9a-fx]* */
    XK_CFG_TOKEN_STRING, /* with its quotes */
    XK_CFG_TOKEN_NEWLINE,
    XK_CFG_TOKEN_ASSIGN,
    XK_CFG_TOKEN_APPEND,
    XK_CFG_TOKEN_SEMICOLON,
    XK_CFG_TOKEN_COMMA,
    XK_CFG_TOKEN_OPEN,
    XK_CFG_TOKEN_CLOSE,
    XK_CFG_TOKEN_BAD, /* not a token; the problem has been reported */
    XK_CFG_TOKEN_END,
};

struct xk_cfg_token {
    enum xk_cfg_token_kind kind;
    const char *text; /* in the source; not NUL-terminated */
    size_t length;
    struct xk_location where;
};

struct xk_cfg_lexer {
    const char *next, *end;
    struct xk_location where; /* of next */
    bool python_hinted;
    struct xk_problems *problems;
};

/* Start with text, whose first line has the number `line`. text and file must
 * stay valid until the last token was used. */
void xk_cfg_lexer_init(struct xk_cfg_lexer *lexer, const char *file,
                       unsigned line, const char *text, size_t length,
                       struct xk_problems *problems);

/* Returns the next token; at the end, XK_CFG_TOKEN_END every time. */
struct xk_cfg_token xk_cfg_lexer_next(struct xk_cfg_lexer *lexer);

#endif
