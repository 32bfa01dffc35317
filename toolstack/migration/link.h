/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to another host: a program (ssh, or what the person says) whose
 * standard input and output lead to an "xk migrate-receive" there.
 */
#ifndef XK_TOOLSTACK_MIGRATION_LINK_H
#define XK_TOOLSTACK_MIGRATION_LINK_H

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "toolstack/migration/frame.h"

enum {
    /* Of a command. A move in doubt is asked for by what its journal says. */
    XK_LINK_WORDS_MAX = 64,
    XK_LINK_BYTES_MAX = 16 << 10,
};

struct xk_link {
    char **argv; /* ended by NULL */
    char *host;  /* as it was given */
    char *name;  /* of the host, for messages */
    pid_t pid;   /* 0: not running */
    int fd;      /* both ways, -1 */
    struct xk_frame_stream to, from;
};

/* ssh to a host: XK_ERR_USAGE for a name that ssh could take for something
 * else. program is the xk there, NULL: "xk". */
int xk_link_by_ssh(struct xk_link *link, const char *host, const char *program,
                   struct xk_error *err);

/* A command of the person's, split into words at blanks; quotes and backslashes
 * as in a shell, but nothing else of one: NAME=VALUE words at its start become
 * its environment by env(1). host is only a name. XK_ERR_USAGE, also where it
 * could not be noted in a journal as it is. */
int xk_link_by_command(struct xk_link *link, const char *host,
                       const char *command, struct xk_error *err);

/* The same words again, from a journal. */
void xk_link_by_words(struct xk_link *link, const char *host,
                      const char *const *argv);

/* The same way once more. */
void xk_link_again(struct xk_link *link, const struct xk_link *first);

/* Start the program. */
int xk_link_open(struct xk_link *link, struct xk_error *err);

/* After an error of the streams: where the program has ended, say that, and how
 * it ended, instead. Returns -1. */
int xk_link_explain(struct xk_link *link, struct xk_error *err);

/* End it, waiting a little for it to do so by itself. Can be opened again. */
void xk_link_close(struct xk_link *link);
void xk_link_free(struct xk_link *link);

#endif
