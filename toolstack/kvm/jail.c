/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/jail.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/call_filter.h"
#include "base/util.h"

/* The number is the same for all architectures. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

/* If QEMU left a set-user-ID file, whoever runs it would act as the next QEMU
 * with that uid. `argument` is the position of the mode, which is 0 if the call
 * creates nothing. */
static const struct {
    int call;
    unsigned argument;
} modes[] = {
    {SCMP_SYS(chmod), 1}, {SCMP_SYS(fchmod), 1},  {SCMP_SYS(fchmodat), 2},
    {SCMP_SYS(open), 2},  {SCMP_SYS(openat), 3},  {SCMP_SYS(creat), 1},
    {SCMP_SYS(mknod), 1}, {SCMP_SYS(mknodat), 2},
};

/* A persistent TAP would be on the host's bridge without a guest. */
static const struct xk_call_rule taps[] = {
    {SCMP_SYS(ioctl), 1, {XK_CALL_IS(1, TUNSETPERSIST)}},
    {SCMP_SYS(ioctl), 1, {XK_CALL_IS(1, TUNSETOWNER)}},
    {SCMP_SYS(ioctl), 1, {XK_CALL_IS(1, TUNSETGROUP)}},
};

/* Processes of ours briefly run as its user, to check whether the uid is
 * free. */
static int
refuse_signals(scmp_filter_ctx filter)
{
    const uint32_t self = (uint32_t)getpid();
    const struct xk_call_rule rules[] = {
        {SCMP_SYS(kill), 1, {SCMP_A0_32(SCMP_CMP_NE, self)}},
        {SCMP_SYS(tgkill), 1, {SCMP_A0_32(SCMP_CMP_NE, self)}},
    };

    return xk_call_filter_refuse(filter, EPERM, rules, XK_ARRAY_SIZE(rules));
}

/* A filter cannot see arguments in memory. QEMU falls back as on a kernel that
 * lacks these calls. */
static const struct xk_call_rule missing[] = {
    {.call = SCMP_SYS(openat2)},
    {.call = __NR_fchmodat2},
    {.call = SCMP_SYS(io_uring_setup)},
};

static int
refuse_modes(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(modes) && rc == 0; i++) {
        unsigned argument = modes[i].argument;
        const struct xk_call_rule rules[] = {
            {modes[i].call, 1, {XK_CALL_HAS(argument, S_ISUID)}},
            {modes[i].call, 1, {XK_CALL_HAS(argument, S_ISGID)}},
        };

        rc = xk_call_filter_refuse(filter, EPERM, rules, XK_ARRAY_SIZE(rules));
    }
    return rc;
}

static int
add_rules(scmp_filter_ctx filter, const void *context)
{
    int rc = xk_call_filter_refuse_waits(filter);

    (void)context;
    if (rc == 0)
        rc = refuse_modes(filter);
    if (rc == 0)
        rc = refuse_signals(filter);
    if (rc == 0)
        rc = xk_call_filter_refuse(filter, EPERM, taps, XK_ARRAY_SIZE(taps));
    if (rc == 0)
        rc = xk_call_filter_refuse(filter, ENOSYS, missing,
                                   XK_ARRAY_SIZE(missing));
    return rc;
}

int
xk_kvm_jail_enter(struct xk_error *err)
{
    return xk_call_filter_load(SCMP_ACT_ALLOW, add_rules, NULL, err);
}
