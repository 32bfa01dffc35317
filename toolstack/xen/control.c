/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations on an existing domain: pause, unpause, shutdown and reboot, reset,
 * rename, core dump. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/paths.h"

enum {
    PAUSES_MAX = 256 /* pauses that Xen counts at most */
};

/* Xen counts pauses, but to a user "paused" is a state. So do not pause a
 * paused domain again; xk_xen_unpause() undoes every counted pause. */
int
xk_xen_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    (void)deadline;
    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1)
        return -1;
    if (found.state == XK_STATE_PAUSED)
        return 0;
    return xk_hypercall_domctl(xen->hypercall, XEN_DOMCTL_pausedomain,
                               found.domid, "pause it", err);
}

/* An HVM guest's device model may have to be resumed too; libxl does that. */
static int
unpause_once(struct xk_xen *xen, const struct xk_domain *domain,
             const struct xk_xen_domain *found, struct xk_deadline deadline,
             struct xk_error *err)
{
    if (found->type == XK_TYPE_HVM)
        return xk_xen_helper_simple(xen, "unpause", domain->record,
                                    found->domid, NULL, deadline, err);
    return xk_hypercall_domctl(xen->hypercall, XEN_DOMCTL_unpausedomain,
                               found->domid, "unpause it", err);
}

int
xk_xen_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    for (int i = 0; i < PAUSES_MAX; i++) {
        if (xk_xen_find(xen, &domain->uuid, &found, err) == -1)
            return -1;
        if (found.state != XK_STATE_PAUSED)
            return 0;
        if (unpause_once(xen, domain, &found, deadline, err) == -1)
            return -1;
    }
    return xk_fail(err, XK_ERR_STATE,
                   "another program pauses it again and again");
}

/* If the unpause fails, the helper that tried it is dead, so Xen's answer after
 * that is final: a domain that is still paused has never run. */
int
xk_xen_unpause_received(struct xk_hypervisor *hv,
                        const struct xk_domain *domain, bool *told,
                        struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen_domain found;

    *told = false;
    if (xk_xen_find(xk_xen(hv), &domain->uuid, &found, err) == -1)
        return -1;
    *told = true;
    if (xk_xen_unpause(hv, domain, deadline, err) == 0)
        return 0;
    *told = xk_xen_find(xk_xen(hv), &domain->uuid, &found, NULL) == -1 ||
            found.state != XK_STATE_PAUSED;
    return -1;
}

/* ---- asking the guest ---- */

/* Returns whether the guest reacts to control/shutdown. A PV guest always does.
 * Other guests do if they have set up an interrupt for events
 * (HVM_PARAM_CALLBACK_IRQ) or announce the feature in xenstore. */
static bool
has_pv_control(struct xk_xen *xen, const struct xk_xen_domain *domain,
               const char *feature, struct xk_deadline deadline)
{
    XK_CLEANUP_FREE char *path =
        xk_path_control_feature(domain->domid, feature);
    uint64_t value = 0;

    if (domain->type == XK_TYPE_PV)
        return true;
    if (xk_store_read_u64(xen->store, XK_STORE_NO_TX, path, 1, &value,
                          xk_xen_store_deadline(deadline), NULL) == 0 &&
        value == 1)
        return true;
    value = 0;
    return xk_hypercall_hvm_param(xen->hypercall, domain->domid,
                                  HVM_PARAM_CALLBACK_IRQ, &value) &&
           value != 0;
}

int
xk_xen_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
              enum xk_signal signal, bool acpi_fallback,
              struct xk_deadline deadline, struct xk_error *err)
{
    static const struct {
        const char *word, *feature, *trigger;
    } words[] = {
        [XK_SIGNAL_POWEROFF] = {"poweroff", "poweroff", "power"},
        [XK_SIGNAL_REBOOT] = {"reboot", "reboot", "reset"},
    };
    static_assert(XK_ARRAY_SIZE(words) == XK_SIGNAL_NONE,
                  "one row per signal that asks the guest");
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_FREE char *path = NULL;
    struct xk_xen_domain found;

    if (signal == XK_SIGNAL_NONE) /* the guest itself says why it stops */
        return 0;
    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    if (has_pv_control(xen, &found, words[signal].feature, deadline)) {
        path = xk_path_control_shutdown(found.domid);
        return xk_store_write(xen->store, XK_STORE_NO_TX, path,
                              words[signal].word,
                              xk_xen_store_deadline(deadline), err);
    }
    if (!acpi_fallback || found.type != XK_TYPE_HVM)
        return xk_fail(
            err, XK_ERR_UNSUPPORTED,
            "the guest has no PV drivers that accept the request; -F "
            "presses the ACPI button of an HVM guest, destroy ends "
            "the domain");
    return xk_xen_helper_simple(xen, "trigger", domain->record, found.domid,
                                words[signal].trigger, deadline, err);
}

/* ---- through libxl ---- */

static int
call(struct xk_hypervisor *hv, const struct xk_domain *domain, const char *verb,
     const char *argument, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1)
        return -1;
    return xk_xen_helper_simple(xen, verb, domain->record, found.domid,
                                argument, deadline, err);
}

int
xk_xen_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1)
        return -1;
    if (found.type != XK_TYPE_HVM)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "a %s guest has no reset button; destroy the domain and "
                       "create it again",
                       xk_domain_type_name(found.type));
    return xk_xen_helper_simple(xen, "trigger", domain->record, found.domid,
                                "reset", deadline, err);
}

int
xk_xen_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
              const char *name, struct xk_deadline deadline,
              struct xk_error *err)
{
    return call(hv, domain, "rename", name, deadline, err);
}

int
xk_xen_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 const char *path, struct xk_deadline deadline,
                 struct xk_error *err)
{
    return call(hv, domain, "dump", path, deadline, err);
}
