/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about this host, and whether the driver can run on it. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"

enum {
    INFO_MS = 10000
};

int
xk_xen_probe(struct xk_error *err)
{
    static const char *const devices[] = {"/dev/xen/privcmd",
                                          "/proc/xen/privcmd"};
    int error = ENOENT;

    for (size_t i = 0; i < XK_ARRAY_SIZE(devices); i++) {
        if (access(devices[i], R_OK | W_OK) == 0)
            return 0;
        if (errno != ENOENT)
            error = errno;
    }
    if (error == ENOENT)
        return xk_fail(err, XK_ERR_HOST,
                       "this host does not run under Xen: /dev/xen/privcmd is "
                       "missing; boot Xen, or use --hypervisor kvm");
    return xk_fail(err, XK_ERR_HOST,
                   "/dev/xen/privcmd: %s: only root can manage domains of Xen",
                   strerror(error));
}

static int
ask(struct xk_hypervisor *hv, struct xk_json **answer, struct xk_error *err)
{
    static const char *const argv[] = {"info", NULL};
    const struct xk_xen_call call = {
        .argv = argv, .stream_fd = -1, .lock_fd = -1};

    return xk_xen_helper(xk_xen(hv), &call, answer, xk_deadline_in_ms(INFO_MS),
                         err);
}

static void
add_fact(struct xk_facts *facts, const char *key, const struct xk_json *value)
{
    int64_t number;

    if (xk_json_integer(value, &number))
        xk_facts_add_number(facts, key, number);
    else if (xk_json_string(value) != NULL)
        xk_facts_add(facts, key, "%s", xk_json_string(value));
}

int
xk_xen_info(struct xk_hypervisor *hv, struct xk_facts *facts,
            struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    struct utsname name;

    if (uname(&name) == -1)
        return xk_fail_errno(err, "uname");
    if (ask(hv, &answer, err) == -1)
        return -1;
    xk_facts_add(facts, "host", "%s", name.nodename);
    xk_facts_add(facts, "release", "%s", name.release);
    xk_facts_add(facts, "version", "%s", name.version);
    xk_facts_add(facts, "machine", "%s", name.machine);
    for (size_t i = 0; i < xk_json_length(answer); i++)
        add_fact(facts, xk_json_key_at(answer, i), xk_json_at(answer, i));
    return 0;
}

int
xk_xen_capabilities(struct xk_hypervisor *hv, struct xk_facts *facts,
                    struct xk_error *err)
{
    static const struct {
        const char *key, *fact, *reason;
    } rows[] = {
        {"pv", "cap_pv", "Xen was built without support for PV guests"},
        {"pvh", "cap_hvm", "the processor has neither vmx nor svm"},
        {"hvm", "cap_hvm", "the processor has neither vmx nor svm"},
        {"hap", "cap_hap", "the processor has no nested paging"},
        {"shadow", "cap_shadow", "Xen was built without shadow paging"},
        {"migrate_live_pv", "cap_shadow",
         "Xen was built without shadow paging, which PV guests need for this"},
        {"migrate_live_hvm", "cap_hap", "the processor has no nested paging"},
        {"pci_passthrough", "cap_hvm_directio", "there is no IOMMU"},
    };
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (ask(hv, &answer, err) == -1)
        return -1;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        bool can = xk_json_is_true(xk_json_get(answer, rows[i].fact));

        xk_facts_add_ability(facts, rows[i].key, can ? NULL : rows[i].reason);
    }
    return 0;
}
