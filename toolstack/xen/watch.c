/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports stops of domains. When Xen tells xenstored that a domain has shut
 * down or is gone, xenstored fires the watch @releaseDomain. One watch serves
 * all domains: each time it fires we list all domains once and report those
 * whose state has changed.
 */
#include <ev.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/ops.h"
#include "toolstack/xen/suspend.h"

enum {
    RECONNECT_SECONDS = 5
};

#define DYING_SECONDS 0.25

#define RELEASE "@releaseDomain"
#define TOKEN "xk"

struct watched {
    struct watched *next;
    struct xk_xen_watcher *watcher;
    ev_io *servers; /* pidfds of the processes that serve its devices */
    size_t server_count;
    struct xk_uuid uuid;
    unsigned seen; /* the state last reported, see state_of() */
    void (*changed)(const struct xk_uuid *uuid, void *context);
    void *context;
};

struct xk_xen_watcher {
    struct xk_xen *xen;
    struct ev_loop *loop;
    struct xk_store *store;
    struct watched *domains;
    ev_io io;
    ev_timer soon; /* look at all once, after a domain was added, or reconnect
                      to xenstored */
};

/* ---- wait ---- */

/* The first call sets the watch and returns at once, so that the caller checks
 * the domain once more; from then on events are queued on the connection. */
int
xk_xen_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
            uint64_t *cookie, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};

    (void)domain;
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    if (*cookie == 0 || !xen->waits) {
        if (!xen->waits &&
            xk_store_watch(xen->store, RELEASE, TOKEN,
                           xk_xen_store_deadline(deadline), err) == -1)
            return -1;
        xen->waits = true;
        *cookie = 1;
        return 0;
    }
    return xk_store_wait_event(xen->store, &event, deadline, err);
}

/* ---- watch ---- */

/* No event tells when a dying domain is finally gone, so it has to be polled.
 */
static bool
is_dying(const struct xk_xen_domains *domains, const struct xk_uuid *uuid)
{
    for (size_t i = 0; i < domains->count; i++) {
        if (xk_uuid_equal(&domains->items[i].uuid, uuid))
            return domains->items[i].state == XK_STATE_DYING;
    }
    return false;
}

/* A suspended domain may be resumed without an event and then stop for good:
 * that has to be a different phase. */
enum phase {
    PHASE_RUNS,
    PHASE_SUSPENDED,
    PHASE_STOPPED,
    PHASE_COUNT
};

static enum phase
phase_of(const struct xk_xen_domain *domain)
{
    if (xk_xen_is_suspended(domain))
        return PHASE_SUSPENDED;
    return domain->state == XK_STATE_SHUTDOWN ||
                   domain->state == XK_STATE_CRASHED ||
                   domain->state == XK_STATE_DYING
               ? PHASE_STOPPED
               : PHASE_RUNS;
}

/* Returns 0 for a domain that is gone, else a number for its state. It contains
 * the domid, because a restart makes another domain of Xen. */
static unsigned
state_of(const struct xk_xen_domains *domains, const struct xk_uuid *uuid)
{
    for (size_t i = 0; i < domains->count; i++) {
        const struct xk_xen_domain *domain = &domains->items[i];

        if (xk_uuid_equal(&domain->uuid, uuid))
            return 1 + domain->domid * PHASE_COUNT + phase_of(domain);
    }
    return 0;
}

static void
look_again_in(struct xk_xen_watcher *watcher, double seconds)
{
    ev_timer_stop(watcher->loop, &watcher->soon);
    ev_timer_set(&watcher->soon, seconds, 0.);
    ev_timer_start(watcher->loop, &watcher->soon);
}

static void
look_at_all(struct xk_xen_watcher *watcher)
{
    XK_CLEANUP_XEN_DOMAINS struct xk_xen_domains domains = {0};
    struct watched *next;

    if (xk_xen_domains(watcher->xen, &domains, NULL) == -1)
        return;
    for (struct watched *one = watcher->domains; one != NULL; one = next) {
        unsigned now = state_of(&domains, &one->uuid);

        next = one->next; /* changed() may remove this one */
        if (is_dying(&domains, &one->uuid))
            look_again_in(watcher, DYING_SECONDS);
        if (now == one->seen)
            continue;
        one->seen = now;
        one->changed(&one->uuid, one->context);
    }
}

static int connect_store(struct xk_xen_watcher *watcher, struct xk_error *err);

static void
lose_store(struct xk_xen_watcher *watcher)
{
    ev_io_stop(watcher->loop, &watcher->io);
    xk_store_cleanup(&watcher->store);
    watcher->store = NULL;
    look_again_in(watcher, RECONNECT_SECONDS);
}

static void
take_events(struct ev_loop *loop, ev_io *io, int events)
{
    struct xk_xen_watcher *watcher = io->data;
    struct xk_error err = {0};
    bool any = false;
    int r;

    (void)loop;
    (void)events;
    for (;;) {
        XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};

        r = xk_store_next_event(watcher->store, &event, &err);
        if (r != 1)
            break;
        any = true;
    }
    if (r == -1) {
        xk_warn("lost the connection to xenstored: %s", err.message);
        lose_store(watcher);
    }
    if (any)
        look_at_all(watcher);
}

static void
look_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct xk_xen_watcher *watcher = timer->data;

    (void)loop;
    (void)events;
    if (watcher->store == NULL && connect_store(watcher, NULL) == -1)
        lose_store(watcher);
    else
        look_at_all(watcher);
}

static int
connect_store(struct xk_xen_watcher *watcher, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(XK_XEN_STORE_MS);

    watcher->store = xk_store_open(NULL, deadline, err);
    if (watcher->store == NULL)
        return -1;
    if (xk_store_watch(watcher->store, RELEASE, TOKEN, deadline, err) == -1) {
        xk_store_cleanup(&watcher->store);
        watcher->store = NULL;
        return -1;
    }
    ev_io_init(&watcher->io, take_events, xk_store_fd(watcher->store), EV_READ);
    watcher->io.data = watcher;
    ev_io_start(watcher->loop, &watcher->io);
    return 0;
}

static struct xk_xen_watcher *
need_watcher(struct xk_xen *xen, struct ev_loop *loop, struct xk_error *err)
{
    struct xk_xen_watcher *watcher = xen->watcher;

    if (watcher != NULL)
        return watcher;
    watcher = XK_NEW(struct xk_xen_watcher);
    watcher->xen = xen;
    watcher->loop = loop;
    ev_timer_init(&watcher->soon, look_soon, 0., 0.);
    watcher->soon.data = watcher;
    if (connect_store(watcher, err) == -1) {
        free(watcher);
        return NULL;
    }
    xen->watcher = watcher;
    return watcher;
}

/* ---- processes that serve devices ---- */

static void
server_ended(struct ev_loop *loop, ev_io *io, int events)
{
    struct watched *one = io->data;

    (void)events;
    ev_io_stop(loop, io);
    one->changed(&one->uuid, one->context);
}

static void
watch_server(struct watched *one, int fd)
{
    ev_io *io = &one->servers[one->server_count++];

    ev_io_init(io, server_ended, fd, EV_READ);
    io->data = one;
    ev_io_start(one->watcher->loop, io);
}

static void
watch_servers(struct watched *one)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(one->watcher->xen->base.state, &one->uuid, NULL);
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (record == NULL || xk_xen_devices_list(record, &devices, NULL) == -1)
        return;
    one->servers = xk_calloc(devices.count * XK_XEN_DEVICE_PROCESSES,
                             sizeof(*one->servers));
    for (size_t i = 0; i < devices.count; i++) {
        int fds[XK_XEN_DEVICE_PROCESSES];
        size_t count = xk_xen_device_open_processes(&devices.items[i], fds);

        for (size_t n = 0; n < count; n++)
            watch_server(one, fds[n]);
    }
}

static void
free_watched(struct watched *one)
{
    for (size_t i = 0; i < one->server_count; i++) {
        ev_io_stop(one->watcher->loop, &one->servers[i]);
        close(one->servers[i].fd);
    }
    free(one->servers);
    free(one);
}

int
xk_xen_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
             const struct xk_uuid *uuid, xk_domain_changed *changed,
             void *context, struct xk_error *err)
{
    struct xk_xen_watcher *watcher = need_watcher(xk_xen(hv), loop, err);
    struct watched *one;

    if (watcher == NULL)
        return -1;
    one = XK_NEW(struct watched);
    *one = (struct watched){.next = watcher->domains,
                            .watcher = watcher,
                            .uuid = *uuid,
                            .seen = UINT32_MAX, /* report it once */
                            .changed = changed,
                            .context = context};
    watcher->domains = one;
    watch_servers(one);
    look_again_in(watcher, 0.);
    return 0;
}

void
xk_xen_watcher_free(struct xk_xen *xen)
{
    struct xk_xen_watcher *watcher = xen->watcher;

    if (watcher == NULL)
        return;
    ev_timer_stop(watcher->loop, &watcher->soon);
    if (watcher->store != NULL)
        ev_io_stop(watcher->loop, &watcher->io);
    xk_store_cleanup(&watcher->store);
    free(watcher);
    xen->watcher = NULL;
}

/* With the last domain, stop watching altogether. */
void
xk_xen_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    struct xk_xen *xen = xk_xen(hv);
    struct watched **link;

    if (xen->watcher == NULL)
        return;
    link = &xen->watcher->domains;
    while (*link != NULL && !xk_uuid_equal(&(*link)->uuid, uuid))
        link = &(*link)->next;
    if (*link != NULL) {
        struct watched *gone = *link;

        *link = gone->next;
        free_watched(gone);
    }
    if (xen->watcher->domains == NULL)
        xk_xen_watcher_free(xen);
}
