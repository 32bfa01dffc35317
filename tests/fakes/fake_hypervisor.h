/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor without machines, for tests of what stands above the seam. Its
 * world is a directory: one file per domain, which is all there is of it, so
 * that it outlives a killed process as real domains do, and a leak is a file.
 */
#ifndef XK_TESTS_FAKES_FAKE_HYPERVISOR_H
#define XK_TESTS_FAKES_FAKE_HYPERVISOR_H

#include "toolstack/seam/domain_ops.h"

extern const struct xk_hypervisor_ops xk_fake_ops;

/* Its calls of a domain's life, for tables that differ in some of them. */
extern const struct xk_domain_ops xk_fake_domain_ops;

/* What happens at the Nth call that changes the world (counted from 1, 0:
 * never), before and again after its effect. */
struct xk_fake_faults {
    unsigned calls;        /* how many there were */
    unsigned fail_at;      /* the call fails, its effect half done */
    unsigned killed_at;    /* the process ends before the effect */
    unsigned killed_after; /* the process ends after the effect */
    /* From that call on the world stands still, as a stopped QEMU does: calls
     * have no effect and time out, until xk_fake_go_on(). Only what is torn
     * down goes. */
    unsigned stops_at;
    unsigned late_at;    /* the same, but this call has its effect then */
    unsigned unheard_at; /* it has its effect, and its answer is lost */
    unsigned halted_at;  /* the process is stopped before the effect */
    unsigned full_at;    /* xk_fake_fill_disks() before the effect */
};

/* This process can write to no file any more, but for its world. */
void xk_fake_fill_disks(void);

/* world: an existing directory. What a file "lacks" in it says is missing there
 * for every domain. */
struct xk_hypervisor *xk_fake_open(const struct xk_state *state,
                                   const char *world);
struct xk_fake_faults *xk_fake_faults(struct xk_hypervisor *hv);

/* The world that stood still does not any more. */
void xk_fake_go_on(struct xk_hypervisor *hv);

/* The guest stops by itself. */
void xk_fake_stop(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
                  enum xk_stop_reason reason);

/* The names of the disks that a domain was given since it was made, each with a
 * blank after it. To be freed. */
char *xk_fake_disks(struct xk_hypervisor *hv, const struct xk_uuid *uuid);

/* The guests hold on to such a disk from now on, until it is taken by force. */
void xk_fake_hold_disk(struct xk_hypervisor *hv, const char *vdev);

/* Where the domains of another host are: one that is to run in both at once is
 * noted in a file "both-run" of this world. */
void xk_fake_set_rival(struct xk_hypervisor *hv, const char *rival_world);

enum {
    XK_FAKE_MEMORY = 700 * 1000 /* bytes of a domain that is sent */
};

/* What that is, by the domain's UUID. */
void xk_fake_memory(const struct xk_uuid *uuid, unsigned char *memory);

/* A file of another toolstack: this line, a UUID and a line feed, and the
 * memory of that domain, whose name is "a". */
#define XK_FAKE_FOREIGN "foreign\n"

/* How many domains there are in the world. */
size_t xk_fake_count(struct xk_hypervisor *hv);

#endif
