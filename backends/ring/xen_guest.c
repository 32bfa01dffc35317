/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access a guest through libxengnttab and libxenevtchn.
 *
 * The libraries open, bind and map. The work of each batch is one system call
 * each: a copy is the library's ioctl with all segments in one array, and the
 * caller reads and acknowledges events on the descriptor itself.
 */
#include "backends/ring/xen_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "base/mem.h"

enum {
    SEGMENTS = 1024 /* in one ioctl */
};

struct xen_guest {
    struct xk_guest base;
    uint32_t domid;
    xenevtchn_handle *events;
    xengnttab_handle *grants;
    evtchn_port_t ports[XK_GUEST_PORTS_MAX]; /* local; 0: not bound */
    xengnttab_grant_copy_segment_t segments[SEGMENTS];
};

static struct xen_guest *
of(struct xk_guest *guest)
{
    return (struct xen_guest *)guest;
}

static void *
map_pages(struct xk_guest *guest, const uint32_t *grefs, unsigned count,
          struct xk_error *err)
{
    struct xen_guest *xen = of(guest);
    void *address;

    /* The library's parameter is not const, but it does not write to it. */
    address = xengnttab_map_domain_grant_refs(xen->grants, count, xen->domid,
                                              (uint32_t *)(uintptr_t)grefs,
                                              PROT_READ | PROT_WRITE);
    if (address == NULL) {
        xk_fail_errno(err, "map %u pages that domain %u grants", count,
                      xen->domid);
        return NULL;
    }
    return address;
}

static void
unmap_pages(struct xk_guest *guest, void *address, unsigned count)
{
    xengnttab_unmap(of(guest)->grants, address, count);
}

static void
fill_segment(struct xen_guest *xen, const struct xk_guest_copy *copy,
             xengnttab_grant_copy_segment_t *segment)
{
    memset(segment, 0, sizeof(*segment));
    segment->len = copy->length;
    segment->status = GNTST_general_error;
    if (copy->to_guest) {
        segment->flags = GNTCOPY_dest_gref;
        segment->source.virt = copy->local;
        segment->dest.foreign.ref = copy->gref;
        segment->dest.foreign.offset = copy->offset;
        segment->dest.foreign.domid = (domid_t)xen->domid;
    } else {
        segment->flags = GNTCOPY_source_gref;
        segment->dest.virt = copy->local;
        segment->source.foreign.ref = copy->gref;
        segment->source.foreign.offset = copy->offset;
        segment->source.foreign.domid = (domid_t)xen->domid;
    }
}

static int
copy_some(struct xen_guest *xen, struct xk_guest_copy *copies, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fill_segment(xen, &copies[i], &xen->segments[i]);
    if (xengnttab_grant_copy(xen->grants, count, xen->segments) != 0)
        return -1;
    for (unsigned i = 0; i < count; i++)
        copies[i].status = xen->segments[i].status;
    return 0;
}

static int
copy_pages(struct xk_guest *guest, struct xk_guest_copy *copies, unsigned count)
{
    int rc = 0;

    for (unsigned done = 0; done < count; done += SEGMENTS) {
        unsigned part = count - done < SEGMENTS ? count - done : SEGMENTS;

        if (copy_some(of(guest), copies + done, part) == -1)
            rc = -1;
    }
    return rc;
}

static int
bind_port(struct xk_guest *guest, unsigned number, uint32_t port,
          struct xk_error *err)
{
    struct xen_guest *xen = of(guest);
    xenevtchn_port_or_error_t local;

    local = xenevtchn_bind_interdomain(xen->events, xen->domid, port);
    if (local < 0)
        return xk_fail_errno(err, "bind event channel %u of domain %u", port,
                             xen->domid);
    xen->ports[number] = (evtchn_port_t)local;
    return 0;
}

static void
unbind_ports(struct xk_guest *guest)
{
    struct xen_guest *xen = of(guest);

    for (unsigned i = 0; i < XK_GUEST_PORTS_MAX; i++) {
        if (xen->ports[i] != 0)
            xenevtchn_unbind(xen->events, xen->ports[i]);
        xen->ports[i] = 0;
    }
}

/* Fails only if the guest has closed its end. */
static void
notify_guest(struct xk_guest *guest, unsigned number)
{
    struct xen_guest *xen = of(guest);

    if (xen->ports[number] != 0)
        (void)xenevtchn_notify(xen->events, xen->ports[number]);
}

static void
close_guest(struct xk_guest *guest)
{
    struct xen_guest *xen = of(guest);

    unbind_ports(guest);
    if (xen->grants != NULL)
        xengnttab_close(xen->grants);
    if (xen->events != NULL)
        xenevtchn_close(xen->events);
    free(xen);
}

static const struct xk_guest_ops xen_ops = {
    .map = map_pages,
    .unmap = unmap_pages,
    .copy = copy_pages,
    .bind = bind_port,
    .unbind = unbind_ports,
    .notify = notify_guest,
    .close = close_guest,
};

static int
open_devices(struct xen_guest *xen, struct xk_error *err)
{
    int fd;

    xen->events = xenevtchn_open(NULL, 0);
    if (xen->events == NULL)
        return xk_fail(err, XK_ERR_HOST,
                       "open /dev/xen/evtchn: %s: is this a Xen dom0 with the "
                       "module xen-evtchn?",
                       strerror(errno));
    xen->grants = xengnttab_open(NULL, 0);
    if (xen->grants == NULL)
        return xk_fail(err, XK_ERR_HOST,
                       "open /dev/xen/gntdev: %s: is this a Xen dom0 with the "
                       "module xen-gntdev?",
                       strerror(errno));
    fd = xenevtchn_fd(xen->events);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
        return xk_fail_errno(err, "make event channels not block");
    xen->base.event_fd = fd;
    /* Linux refuses to restrict to domain 0, which only tests serve. */
    if (xen->domid != 0 &&
        xenevtchn_restrict(xen->events, (domid_t)xen->domid) != 0)
        return xk_fail_errno(err, "restrict event channels to domain %u",
                             xen->domid);
    return 0;
}

struct xk_guest *
xk_xen_guest_open(uint32_t domid, struct xk_error *err)
{
    struct xen_guest *xen = XK_NEW(struct xen_guest);

    xen->base = (struct xk_guest){
        .ops = &xen_ops,
        .event_fd = -1,
        .event_bytes = XK_GUEST_PORTS_MAX * sizeof(evtchn_port_t),
        .wants_ack = true,
    };
    xen->domid = domid;
    if (open_devices(xen, err) == -1) {
        close_guest(&xen->base);
        return NULL;
    }
    return &xen->base;
}
