/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call of a driver, as all wrappers make it: checked, timed, and traced in
 * the debug log:
 *
 *   kvm: pause 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed: 12 ms
 *   xen: list: failed after 3 ms: open "/dev/xen/privcmd": No such file ...
 */
#ifndef XK_TOOLSTACK_SEAM_CALL_INTERNAL_H
#define XK_TOOLSTACK_SEAM_CALL_INTERNAL_H

#include <assert.h>

#include "toolstack/hypervisor.h"

struct xk_call {
    const char *driver, *name;
    const struct xk_uuid *uuid; /* NULL: the call is about the host */
    struct xk_error *err;       /* the caller's, or `own` */
    struct xk_error own;
    int64_t began_ns;
};

/* Start the clock. Returns where the driver puts its error: err, or if that is
 * NULL a buffer of the call's own, so that the log has the error too. */
struct xk_error *xk_call_begin(struct xk_call *call, const char *driver,
                               const char *name, const struct xk_uuid *uuid,
                               struct xk_error *err);

/* Write the line of the log. Returns result, which is -1 if the call failed. */
int xk_call_end(const struct xk_call *call, int result);

/* Call a member of a group, as `name`, with hv, the arguments that follow err,
 * and err. The driver has the member. */
#define XK_CALL_AS(name, hv, group, member, uuid, err, ...)                    \
    ({                                                                         \
        struct xk_call call_;                                                  \
        struct xk_error *err_ =                                                \
            xk_call_begin(&call_, xk_hv_name(hv), name, uuid, err);            \
                                                                               \
        xk_call_end(&call_, (hv)->ops->group->member(hv, __VA_ARGS__, err_));  \
    })

#define XK_CALL(hv, group, member, uuid, err, ...)                             \
    XK_CALL_AS(#member, hv, group, member, uuid, err, __VA_ARGS__)

/* Whether the driver has a group, and in it a member that may be NULL. */
#define XK_HAS(hv, group, member)                                              \
    ((hv)->ops->group != NULL && (hv)->ops->group->member != NULL)

/* XK_ERR_UNSUPPORTED: the driver "cannot <deed>". Returns -1. */
int xk_call_unsupported(const struct xk_hypervisor *hv, const char *deed,
                        struct xk_error *err);

/* This process holds the lock of a domain's record; a domain of another
 * toolstack has no record and no lock. */
static inline void
xk_call_assert_locked(const struct xk_domain *domain)
{
    assert(domain->record == NULL || domain->record->lock_fd != -1);
}

static inline void
xk_call_assert_held(const struct xk_record *record)
{
    assert(record != NULL && record->lock_fd != -1);
}

#endif
