/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hypervisor without machines, for tests of the code above the seam. Its
 * world is a directory with one file per domain. So domains outlive a killed
 * process, as real ones do, and a leaked domain is a file.
 */
#ifndef XK_TESTS_FAKES_FAKE_HYPERVISOR_H
#define XK_TESTS_FAKES_FAKE_HYPERVISOR_H

#include "toolstack/seam/domain_ops.h"

extern const struct xk_hypervisor_ops xk_fake_ops;

/* Its domain operations, for tests that replace some of them. */
extern const struct xk_domain_ops xk_fake_domain_ops;

/* Faults at the Nth call that changes the world (counted from 1; 0: never). */
struct xk_fake_faults {
    unsigned calls;        /* how many calls there were */
    unsigned fail_at;      /* the call fails with its effect half done */
    unsigned killed_at;    /* the process ends before the effect */
    unsigned killed_after; /* the process ends after the effect */
    /* From that call on the world is paused, like a stopped QEMU: calls have no
     * effect and time out, until xk_fake_go_on(). Only destroying works. */
    unsigned stops_at;
    unsigned late_at;    /* as stops_at, but xk_fake_go_on() then carries this
                            call out */
    unsigned unheard_at; /* the call has its effect, but its answer is lost */
    unsigned halted_at;  /* the process is stopped before the effect */
    unsigned full_at;    /* xk_fake_fill_disks() before the effect */
};

/* Make this process unable to write to any file except those of its world. */
void xk_fake_fill_disks(void);

/* world: an existing directory. If it has a file "lacks", the host lacks what
 * that file says, for every domain. */
struct xk_hypervisor *xk_fake_open(const struct xk_state *state,
                                   const char *world);
struct xk_fake_faults *xk_fake_faults(struct xk_hypervisor *hv);

/* Resume a paused world. */
void xk_fake_go_on(struct xk_hypervisor *hv);

/* Let the guest stop by itself. */
void xk_fake_stop(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
                  enum xk_stop_reason reason);

/* Returns the names of the disks that a domain was given since it was made,
 * each followed by a blank, or the devids of its network cards. The caller
 * frees the text. */
char *xk_fake_disks(struct xk_hypervisor *hv, const struct xk_uuid *uuid);
char *xk_fake_cards(struct xk_hypervisor *hv, const struct xk_uuid *uuid);

/* From now on guests do not grant a detach of this disk, or card, unless it is
 * forced. */
void xk_fake_hold_disk(struct xk_hypervisor *hv, const char *vdev);
void xk_fake_hold_card(struct xk_hypervisor *hv, const char *devid);

/* Set the world of another host. If a domain runs in both worlds at once, a
 * file "both-run" of this world notes it. */
void xk_fake_set_rival(struct xk_hypervisor *hv, const char *rival_world);

enum {
    XK_FAKE_MEMORY = 700 * 1000 /* bytes of memory of a domain that is sent */
};

/* Fill in the memory of the domain with that UUID. */
void xk_fake_memory(const struct xk_uuid *uuid, unsigned char *memory);

/* A file of another toolstack: this line, a UUID and a line feed, and the
 * memory of that domain, whose name is "a". */
#define XK_FAKE_FOREIGN "foreign\n"

/* Returns how many domains there are in the world. */
size_t xk_fake_count(struct xk_hypervisor *hv);

#endif
