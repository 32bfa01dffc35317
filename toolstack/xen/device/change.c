/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attach devices of a kind to an existing domain, change and detach them. A
 * device that the guest does not release is still served, because the guest
 * still uses it; the others are changed all the same.
 */
#include <poll.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "toolstack/xen/device/device.h"

enum {
    LET_GO_MS = 10000, /* as long as xl waits for a guest */
    LATE_MS = 2000,    /* if the guest was asked before */
};

/* A change of a domain's devices of one kind. */
struct work {
    struct xk_xen *xen;
    const struct xk_xen_device_kind *kind;
    const struct xk_record *record;
    unsigned domid;
    const struct xk_change *change;
    struct xk_deadline deadline;
};

/* What the configuration wants of that number; false: nothing. */
static bool
find_wish(const struct work *work, unsigned number,
          struct xk_xen_device_wish *wish)
{
    const struct xk_xen_device_kind *kind = work->kind;

    *wish = (struct xk_xen_device_wish){
        .kind = kind, .domid = work->domid, .config = work->change->config};
    for (; wish->index < kind->count(wish->config); wish->index++) {
        if (kind->number(wish->config, wish->index) == number)
            return true;
    }
    return false;
}

static int
holds_on(const struct xk_xen_device *device, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_IN_USE,
                   "the guest still uses %s %s, which is detached once the "
                   "guest releases it; --force detaches it now",
                   device->kind->noun, device->name);
}

/* A guest can only release a device that is served. */
static int
need_served(const struct xk_xen_device *device, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_error why = {0};

    if (xk_xen_device_is_served(device) ||
        xk_xen_device_start(device, deadline, &why) == 0)
        return 0;
    return xk_fail(err, why.kind,
                   "the guest cannot release %s %s: %s; --force detaches it "
                   "all the same",
                   device->kind->noun, device->name, why.message);
}

/* Ask the guest to release the device, and wait: xk-backend ends when the
 * frontend has closed. */
static int
ask_guest(struct xk_xen *xen, const struct xk_xen_device *device,
          int patience_ms, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_deadline patience =
        xk_deadline_min(deadline, xk_deadline_in_ms(patience_ms));

    if (need_served(device, patience, err) == -1)
        return -1;
    fd = xk_xen_device_open_backend(device);
    if (xk_xen_device_ask_to_leave(xen, device, deadline, err) == -1)
        return -1;
    return fd == -1 || xk_deadline_poll(patience, fd, POLLIN, "it", NULL) != -1
               ? 0
               : holds_on(device, err);
}

/* The end of xk-backend does not prove that the guest has released the device,
 * so look at the backend's state again. */
static int
part(struct xk_xen *xen, const struct xk_xen_device *device, int patience_ms,
     struct xk_deadline deadline, struct xk_error *err)
{
    int left = xk_xen_device_has_left(xen, device, deadline, err);

    if (left == 0 && ask_guest(xen, device, patience_ms, deadline, err) == -1)
        return -1;
    if (left == 0)
        left = xk_xen_device_has_left(xen, device, deadline, err);
    if (left == 0)
        return holds_on(device, err);
    return left == 1 ? 0 : -1;
}

/* Once the guest has released a disk, it cannot be told of a lost write; so
 * report that here. */
static int
let_go(struct xk_xen *xen, const struct xk_xen_device *device, int patience_ms,
       struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};

    if (part(xen, device, patience_ms, deadline, err) == -1)
        return -1;
    if (xk_xen_device_settle(device, deadline, &why) == 0)
        return 0;
    return xk_fail(err, why.kind, "%s; --force detaches it all the same",
                   why.message);
}

/* Fail the requests in flight, so that the guest can release the device. */
static void
let_fail(const struct xk_xen_device *device, struct xk_deadline deadline)
{
    XK_CLEANUP_JSON struct xk_json *answer = xk_xen_device_ask(
        device, XK_DEVICE_ASK(XK_ORDER_LEAVE), deadline, NULL);
}

static int
detach(const struct work *work, const struct xk_xen_device *device,
       struct xk_error *err)
{
    bool meant = device->number == work->change->number;
    int patience_ms = meant && !work->change->recovery ? LET_GO_MS : LATE_MS;
    struct xk_deadline deadline = work->deadline;

    if (xk_xen_device_mark_leaving(device, err) == -1)
        return -1;
    if (meant && work->change->force)
        let_fail(device, deadline);
    else if (let_go(work->xen, device, patience_ms, deadline, err) == -1)
        return -1;
    return xk_xen_device_remove(work->xen, work->record, device, deadline, err);
}

/* Fail if the wished device cannot be served now. */
static int
check_wish(const struct work *work, const struct xk_xen_device_wish *wish,
           struct xk_error *err)
{
    struct xk_problems problems = {0};
    int r = wish->kind->check(work->record->state, wish->config, wish->index,
                              false, &problems, err);

    if (r == 0 && problems.errors > 0)
        r = xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    return r;
}

static int
change_to(const struct work *work, const struct xk_xen_device *device,
          const struct xk_xen_device_wish *wish, struct xk_error *err)
{
    if (check_wish(work, wish, err) == -1)
        return -1;
    return xk_xen_device_change(work->record, device, wish, work->deadline,
                                err);
}

/* A leaving device that the guest still holds goes once the guest releases it.
 * A change of another device leaves it alone. */
static bool
is_passed_over(const struct xk_xen_device *device,
               const struct xk_change *change)
{
    return change->number != XK_EVERY_DEVICE &&
           change->number != device->number && xk_xen_device_is_leaving(device);
}

/* The process that marked the device as leaving may have been killed before it
 * asked the guest. */
static int
remind(const struct work *work, const struct xk_xen_device *device)
{
    struct xk_error ignored;

    xk_xen_device_ask_to_leave(work->xen, device, work->deadline, &ignored);
    return 0;
}

static int
change_one(const struct work *work, const struct xk_xen_device *device,
           struct xk_error *err)
{
    const struct xk_xen_device_kind *kind = work->kind;
    struct xk_xen_device_wish wish;

    if (xk_xen_device_need_known(device, err) == -1)
        return -1;
    if (device->json == NULL)
        return xk_xen_device_remove(work->xen, work->record, device,
                                    work->deadline, err);
    if (is_passed_over(device, work->change))
        return remind(work, device);
    if (!find_wish(work, device->number, &wish) ||
        xk_xen_device_is_leaving(device))
        return detach(work, device, err);
    if (kind->differs != NULL && kind->differs(device, wish.config, wish.index))
        return change_to(work, device, &wish, err);
    return xk_xen_device_is_new(device)
               ? xk_xen_device_start_new(work->xen, device, work->deadline, err)
               : 0;
}

/* Whether the change fails with the device. In a recovery a device that stays,
 * or is not understood, says nothing about another one that was attached. */
static bool
is_decisive(const struct xk_change *change, const struct xk_xen_device *device)
{
    if (!change->recovery || change->number == device->number)
        return true;
    return change->number == XK_EVERY_DEVICE && device->json != NULL &&
           !xk_xen_device_is_leaving(device);
}

/* A verb stops at the first device that cannot be changed. Recovery continues
 * with the others and gets as far as it can. Returns the first failure. */
static int
change_all(const struct work *work, struct xk_error *err)
{
    const struct xk_change *change = work->change;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    int r = 0;

    if (xk_xen_devices_list(work->record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];
        struct xk_error why = {0};

        if (device->kind != work->kind || change_one(work, device, &why) == 0)
            continue;
        if (!is_decisive(change, device)) {
            xk_warn("domain \"%s\": %s", change->config->name, why.message);
            continue;
        }
        if (r == 0)
            *err = why;
        r = -1;
        if (!change->recovery)
            break;
    }
    return r;
}

static int
attach_missing(const struct work *work, struct xk_error *err)
{
    const struct xk_xen_device_kind *kind = work->kind;
    const struct xk_domain_config *config = work->change->config;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (xk_xen_devices_list(work->record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < kind->count(config); i++) {
        const struct xk_xen_device_wish wish = {kind, work->domid, config, i};

        if (!kind->is_ours(config, i) ||
            xk_xen_devices_find(&devices, kind, kind->number(config, i)))
            continue;
        if (check_wish(work, &wish, err) == -1 ||
            xk_xen_device_attach(work->xen, work->record, &wish, work->deadline,
                                 err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_devices_change(struct xk_xen *xen, const struct xk_xen_device_kind *kind,
                      const struct xk_record *record, unsigned domid,
                      const struct xk_change *change,
                      struct xk_deadline deadline, struct xk_error *err)
{
    const struct work work = {xen, kind, record, domid, change, deadline};
    int r = change_all(&work, err);

    if (r == -1 && !change->recovery)
        return -1;
    return attach_missing(&work, err) == -1 ? -1 : r;
}
