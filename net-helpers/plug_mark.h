/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mark of a card that is plugged in: a file that says all that taking the
 * card out needs, because by then the configuration may know it no more.
 */
#ifndef XK_NET_HELPERS_PLUG_MARK_H
#define XK_NET_HELPERS_PLUG_MARK_H

#include "net-helpers/plug.h"

/* What a mark says; card.dir_fd and card.mark are those of the reader. */
struct xk_plug_mark {
    struct xk_plug plug;
    struct xk_plug_card card;
    struct xk_plug_mark_texts *texts; /* owns the texts of both */
};

int xk_plug_mark_write(const struct xk_plug *plug,
                       const struct xk_plug_card *card, struct xk_error *err);

/* The caller frees it. */
int xk_plug_mark_read(int dir_fd, const char *path, struct xk_plug_mark *mark,
                      struct xk_error *err);
void xk_plug_mark_free(struct xk_plug_mark *mark);

#endif
