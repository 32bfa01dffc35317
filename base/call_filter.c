/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

/* libseccomp's macros do not initialise every field. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

int
xk_call_filter_load(uint32_t otherwise,
                    int (*add)(scmp_filter_ctx filter, const void *context),
                    const void *context, struct xk_error *err)
{
    scmp_filter_ctx filter = seccomp_init(otherwise);
    int rc;

    if (filter == NULL)
        return xk_fail(err, XK_ERR_SYSTEM, "make a seccomp filter");
    rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A tree instead of a list, which is fast for every call. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = add(filter, context);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0)
        return xk_fail(err, XK_ERR_SYSTEM, "load the seccomp filter: %s",
                       strerror(-rc));
    return 0;
}

int
xk_call_filter_refuse(scmp_filter_ctx filter, unsigned errnum,
                      const struct xk_call_rule *rules, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(errnum),
                                    rules[i].call, rules[i].count,
                                    rules[i].args);
    return rc;
}

int
xk_call_filter_refuse_waits(scmp_filter_ctx filter)
{
    static const struct xk_call_rule rules[] = {
        {SCMP_SYS(setsockopt),
         2,
         {XK_CALL_IS(1, SOL_SOCKET), XK_CALL_IS(2, SO_LINGER)}},
        {SCMP_SYS(fcntl), 1, {XK_CALL_IS(1, F_SETLEASE)}},
    };

    return xk_call_filter_refuse(filter, EPERM, rules, XK_ARRAY_SIZE(rules));
}

int
xk_call_filter_allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return rc;
}

int
xk_call_filter_allow_values(scmp_filter_ctx filter, int call, unsigned argument,
                            const uint32_t *values, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct scmp_arg_cmp is = {argument, SCMP_CMP_EQ, values[i], 0};

        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is);
    }
    return rc;
}

/* The protection is the third argument of these. mremap keeps that of the
 * mapping. */
int
xk_call_filter_allow_basics(scmp_filter_ctx filter)
{
    static const int mappings[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));

    for (size_t i = 0; i < XK_ARRAY_SIZE(mappings) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mappings[i], 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}
