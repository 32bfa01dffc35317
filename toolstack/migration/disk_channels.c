/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/disk_channels.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/seam/transfer_ops.h"

enum {
    REACH_MS = 10000,
};

/* ---- the source ---- */

static int
put_count(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    const struct xk_copies *copies = context;

    (void)err;
    xk_json_put_integer(writer, "count", (int64_t)copies->count);
    return 0;
}

static int
greet(struct xk_copies *copies, const struct xk_uuid *move, int64_t silence_ms,
      struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_talk talk = {.to = &copies->link.to,
                           .from = &copies->link.from,
                           .silence_ms = silence_ms};
    int r = xk_talk_greet(&talk, move, err);

    if (r == 0)
        r = xk_talk_say(&talk, XK_FRAME_CHANNELS, put_count, copies, err);
    if (r == 0)
        r = xk_talk_hear(&talk, XK_FRAME_OPENED, NULL, deadline, err);
    xk_talk_end(&talk);
    return r == -1 ? xk_link_explain(&copies->link, err) : 0;
}

static void
close_fds(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] != -1)
            close(xk_take_fd(&fds[i]));
    }
}

static int
start(struct xk_copies *copies, int64_t silence_ms, struct xk_error *err)
{
    int carried[XK_CHANNELS_MAX];

    for (size_t i = 0; i < copies->count; i++) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1) {
            close_fds(carried, i);
            return xk_fail_errno(err, "socketpair");
        }
        copies->fds[i] = ends[0];
        carried[i] = ends[1];
    }
    copies->channels =
        xk_channels_start(&copies->link.to, &copies->link.from, carried,
                          copies->count, silence_ms, err);
    return copies->channels == NULL ? -1 : 0;
}

int
xk_copies_open(struct xk_copies *copies, const struct xk_link *first,
               const struct xk_uuid *move, size_t count, int64_t silence_ms,
               struct xk_deadline deadline, struct xk_error *err)
{
    *copies = (struct xk_copies){.count = count, .link = {.fd = -1}};
    for (size_t i = 0; i < XK_CHANNELS_MAX; i++)
        copies->fds[i] = -1;
    if (count > XK_CHANNELS_MAX)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "more than %d disks cannot be copied", XK_CHANNELS_MAX);
    xk_link_again(&copies->link, first);
    if (xk_link_open(&copies->link, err) == -1 ||
        greet(copies, move, silence_ms, deadline, err) == -1)
        return -1;
    return start(copies, silence_ms, err);
}

bool
xk_copies_have_failed(const struct xk_copies *copies)
{
    return copies->channels != NULL &&
           xk_channels_have_failed(copies->channels);
}

/* Close our ends first: while they are open, the channels do not see that QEMU
 * closed its copies. */
int
xk_copies_close(struct xk_copies *copies, bool stop, struct xk_error *err)
{
    int r = 0;

    close_fds(copies->fds, copies->count);
    if (copies->channels != NULL)
        r = xk_channels_join(XK_TAKE(copies->channels), stop, err);
    if (r == -1)
        xk_link_explain(&copies->link, err);
    xk_link_free(&copies->link);
    return r;
}

/* ---- the target ---- */

static int
reach(struct xk_hypervisor *hv, const struct xk_record *record, int *fds,
      size_t count, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(REACH_MS);

    for (size_t i = 0; i < count; i++) {
        fds[i] = xk_hv_reach_copies(hv, record, deadline, err);
        if (fds[i] == -1) {
            close_fds(fds, i);
            return -1;
        }
    }
    return 0;
}

static int
read_count(const struct xk_talk *talk, size_t *count, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_frame_parse(&talk->frame, talk->from->what, err);
    int64_t value = 0;

    if (json == NULL)
        return -1;
    if (!xk_json_integer(xk_json_get(json, "count"), &value) || value < 1 ||
        value > XK_CHANNELS_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL, "%s asks for %lld channels",
                       talk->from->what, (long long)value);
    *count = (size_t)value;
    return 0;
}

int
xk_copies_serve(struct xk_host *host, const struct xk_record *record,
                struct xk_talk *talk, struct xk_error *err)
{
    struct xk_hypervisor *hv = xk_host_driver_of(host, record, err);
    struct xk_channels *channels;
    int fds[XK_CHANNELS_MAX];
    size_t count = 0;

    if (hv == NULL || xk_hv_need_copies(hv, err) == -1)
        return -1;
    if (read_count(talk, &count, err) == -1 ||
        reach(hv, record, fds, count, err) == -1)
        return -1;
    if (xk_talk_say(talk, XK_FRAME_OPENED, NULL, NULL, err) == -1) {
        close_fds(fds, count);
        return -1;
    }
    channels = xk_channels_start(talk->to, talk->from, fds, count,
                                 talk->silence_ms, err);
    return channels == NULL ? -1 : xk_channels_join(channels, false, err);
}
