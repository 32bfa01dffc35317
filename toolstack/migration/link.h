/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link to another host: a program (ssh, or the user's --transport command)
 * whose standard input and output are connected to an "xk migrate-receive"
 * there.
 */
#ifndef XK_TOOLSTACK_MIGRATION_LINK_H
#define XK_TOOLSTACK_MIGRATION_LINK_H

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "toolstack/migration/frame.h"

enum {
    /* Limits of a command: it must fit in the journal, from which a move in
     * doubt is asked for. */
    XK_LINK_WORDS_MAX = 64,
    XK_LINK_BYTES_MAX = 16 << 10,
};

struct xk_link {
    char **argv; /* ended by NULL */
    char *host;  /* as the user named it */
    char *name;  /* "host \"NAME\"", for messages */
    pid_t pid;   /* 0: not running */
    int fd;      /* both ways, -1 */
    struct xk_frame_stream to, from;
};

/* Use ssh. program is the path of xk on the host (NULL: "xk"). XK_ERR_USAGE for
 * a host name that ssh could take for an option or anything else. */
int xk_link_by_ssh(struct xk_link *link, const char *host, const char *program,
                   struct xk_error *err);

/* Use the user's command, split into words at blanks. Quotes and backslashes
 * work as in a shell; of the rest of a shell only NAME=VALUE words at the
 * start, which env(1) puts into the environment. host is only a name.
 * XK_ERR_USAGE if the command is malformed or cannot be written to a journal
 * unchanged. */
int xk_link_by_command(struct xk_link *link, const char *host,
                       const char *command, struct xk_error *err);

/* Use the words of a command as read from a journal. */
void xk_link_by_words(struct xk_link *link, const char *host,
                      const char *const *argv);

/* Use the same command as `first`. */
void xk_link_again(struct xk_link *link, const struct xk_link *first);

/* Start the program. */
int xk_link_open(struct xk_link *link, struct xk_error *err);

/* Call after an error of the streams. If the program has ended, replace or
 * extend the error with how it ended. Returns -1. */
int xk_link_explain(struct xk_link *link, struct xk_error *err);

/* End the program; it gets 2 s to end by itself. The link can be opened again.
 */
void xk_link_close(struct xk_link *link);
void xk_link_free(struct xk_link *link);

#endif
