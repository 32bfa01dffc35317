/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends a domain out of this Xen and receives one into it, as libxl's stream.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/xen/build.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"
#include "toolstack/xen/suspend.h"

enum {
    INFO_MS = 10000,
    LOOK_MS = 50,      /* how often to check for a cancel */
    FLUSH_MS = 120000, /* to flush all devices while the guest runs */
};

static int
ask(struct xk_xen *xen, struct xk_json **answer, struct xk_error *err)
{
    static const char *const argv[] = {"info", NULL};
    const struct xk_xen_call call = {
        .argv = argv, .stream_fd = -1, .lock_fd = -1};

    return xk_xen_helper(xen, &call, answer, xk_deadline_in_ms(INFO_MS), err);
}

static int
ask_version(struct xk_xen *xen, unsigned *major, unsigned *minor,
            struct xk_error *err)
{
    return xk_xen_need_hypercall(xen, err) == -1
               ? -1
               : xk_hypercall_version(xen->hypercall, major, minor, err);
}

int
xk_xen_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_json_writer *writer, struct xk_deadline deadline,
                 struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    unsigned major, minor;

    (void)deadline;
    /* A device that is not understood cannot be flushed. */
    if (domain->record != NULL &&
        xk_xen_devices_list_known(domain->record, &devices, err) == -1)
        return -1;
    if (ask_version(xk_xen(hv), &major, &minor, err) == -1)
        return -1;
    xk_json_put_integer(writer, "xen_major", major);
    xk_json_put_integer(writer, "xen_minor", minor);
    return 0;
}

/* Xen takes guests from an older Xen, but not from a newer one. */
static int
check_version(struct xk_xen *xen, const struct xk_json *needs,
              struct xk_problems *problems, struct xk_error *err)
{
    int64_t major = 0, minor = 0;
    unsigned our_major, our_minor;

    if (!xk_json_integer(xk_json_get(needs, "xen_major"), &major) ||
        !xk_json_integer(xk_json_get(needs, "xen_minor"), &minor))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the guest's needs do not name its version of Xen");
    if (ask_version(xen, &our_major, &our_minor, err) == -1)
        return -1;
    if (major > our_major || (major == our_major && minor > our_minor))
        xk_problem_add(
            problems, XK_PROBLEM_ERROR, NULL,
            "the guest comes from Xen %d.%d, but this host has %u.%u",
            (int)major, (int)minor, our_major, our_minor);
    return 0;
}

int
xk_xen_check_needs(struct xk_hypervisor *hv,
                   const struct xk_domain_config *config,
                   const struct xk_json *needs, bool live,
                   struct xk_problems *problems, struct xk_error *err)
{
    if (check_version(xk_xen(hv), needs, problems, err) == -1)
        return -1;
    return xk_xen_check_all(xk_xen(hv), config, live, problems, err);
}

/* Tracking a PV guest's writes needs shadow paging, and Debian's Xen is built
 * without that. */
int
xk_xen_can_send_live(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    struct xk_xen_domain found;

    if (xk_xen_find(xk_xen(hv), &domain->uuid, &found, err) == -1)
        return -1;
    if (found.type != XK_TYPE_PV)
        return 0;
    if (ask(xk_xen(hv), &answer, err) == -1)
        return -1;
    if (xk_json_is_true(xk_json_get(answer, "cap_shadow")))
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "this Xen was built without shadow paging, which a live "
                   "migration of a PV guest needs; --no-live suspends the "
                   "guest while it is sent");
}

/* libxl reports no progress. We ask Xen whether the guest has suspended. */
struct sending {
    struct xk_xen *xen;
    const struct xk_uuid *uuid;
    const struct xk_send_watch *watch;
    struct xk_send_progress progress;
};

static void
note_stopped(struct xk_send_progress *progress)
{
    progress->stopped = true;
    progress->stopped_at_ns = xk_now_ns();
}

static bool
check_progress(const struct xk_send_progress *nothing, void *context)
{
    struct sending *sending = context;
    struct xk_xen_domain found;

    (void)nothing;
    if (!sending->progress.stopped &&
        xk_xen_find(sending->xen, sending->uuid, &found, NULL) == 0 &&
        found.state == XK_STATE_SHUTDOWN)
        note_stopped(&sending->progress);
    return sending->watch == NULL ||
           sending->watch->go_on(&sending->progress, sending->watch->context);
}

/* Unpause a paused guest first, because it could not suspend itself. */
static int
call_libxl(struct sending *sending, const struct xk_domain *domain, bool live,
           int fd, struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_send_watch watch = {check_progress, sending};
    char number[16];
    const char *argv[] = {"send", number, live ? "live" : "still", NULL};
    const struct xk_xen_call call = {
        .argv = argv,
        .stream_fd = fd,
        .lock_fd = domain->record != NULL ? domain->record->lock_fd : -1,
        .watch = &watch,
    };
    struct xk_xen_domain found;

    if (xk_xen_find(sending->xen, &domain->uuid, &found, err) == -1)
        return -1;
    snprintf(number, sizeof(number), "%u", found.domid);
    if (found.state == XK_STATE_PAUSED &&
        xk_xen_unpause(&sending->xen->base, domain, deadline, err) == -1)
        return -1;
    if (domain->record != NULL &&
        xk_suspend_expect(sending->xen, domain->record, found.domid, deadline,
                          err) == -1)
        return -1;
    return xk_xen_helper(sending->xen, &call, NULL, deadline, err);
}

/* Flush ahead, so that the flush while the guest is suspended is short. */
static int
flush_devices(const struct xk_record *record, struct xk_deadline deadline,
              struct xk_error *err)
{
    return xk_xen_devices_flush(
        record, xk_deadline_min(deadline, xk_deadline_in_ms(FLUSH_MS)), err);
}

int
xk_xen_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
            const struct xk_send_options *options, int fd,
            const struct xk_send_watch *watch, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct sending sending = {
        .xen = xk_xen(hv),
        .uuid = &domain->uuid,
        .watch = watch,
        .progress = {.rounds = 1},
    };
    int r = 0;

    if (domain->record != NULL)
        r = flush_devices(domain->record, deadline, err);
    if (r == 0)
        r = call_libxl(&sending, domain, options->live, fd, deadline, err);
    if (r == 0)
        check_progress(NULL, &sending);
    /* Finish the guest's I/O and close its images before the other host sees
     * the end of the stream and opens them. */
    if (r == 0 && domain->record != NULL)
        r = xk_xen_devices_stop(domain->record, deadline, err);
    close(fd);
    return r;
}

/* Look up the domain's state last: until the request is withdrawn the guest may
 * carry it out at any moment. */
static int
prepare_resume(struct xk_xen *xen, const struct xk_domain *domain,
               struct xk_xen_domain *found, struct xk_deadline deadline,
               struct xk_error *err)
{
    if (xk_xen_find(xen, &domain->uuid, found, err) == -1)
        return -1;
    if (domain->record == NULL)
        return 0;
    if (xk_xen_devices_start(xen, domain->record, deadline, err) == -1 ||
        xk_suspend_withdraw(xen, domain->record, found->domid, deadline, err) ==
            -1)
        return -1;
    return xk_xen_find(xen, &domain->uuid, found, err);
}

/* A guest that never suspended continues by itself. */
int
xk_xen_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 bool runs, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (prepare_resume(xen, domain, &found, deadline, err) == -1)
        return -1;
    if (xk_xen_is_suspended(&found)) {
        if (xk_xen_helper_simple(xen, "resume", domain->record, found.domid,
                                 NULL, deadline, err) == -1)
            return -1;
        if (domain->record != NULL)
            xk_suspend_forget(domain->record);
    } else if (runs && found.state == XK_STATE_PAUSED &&
               xk_xen_unpause(hv, domain, deadline, err) == -1) {
        return -1;
    }
    return runs ? 0 : xk_xen_pause(hv, domain, deadline, err);
}

/* libxl knows from the stream that it is complete. The end of the pipe
 * additionally says that the sender has closed the images. */
static int
await_end(int fd, const struct xk_send_watch *watch,
          struct xk_deadline deadline, struct xk_error *err)
{
    static const struct xk_send_progress none = {0};
    char rest[4096];

    for (;;) {
        struct pollfd poller = {fd, POLLIN, 0};
        ssize_t got;

        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "the stream of the domain does not end");
        if (watch != NULL && !watch->go_on(&none, watch->context))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        if (poll(&poller, 1, LOOK_MS) <= 0)
            continue;
        got = read(fd, rest, sizeof(rest));
        if (got == 0)
            return 0;
        if (got == -1 && errno != EINTR)
            return xk_fail_errno(err, "read the stream of the domain");
    }
}

int
xk_xen_receive(struct xk_hypervisor *hv, struct xk_record *record,
               const struct xk_domain_config *config, int fd,
               const struct xk_send_watch *watch, struct xk_deadline deadline,
               struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    int r = xk_xen_helper_config(xen, NULL, "receive", record, config, fd,
                                 watch, &answer, deadline, err);

    if (r == 0)
        r = await_end(fd, watch, deadline, err);
    close(fd);
    return r == -1
               ? -1
               : xk_xen_attach_ours(xen, record, config, answer, deadline, err);
}
