/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters of system calls (seccomp(2)), made by libseccomp, for processes that
 * a guest may take over. */
#ifndef XK_BASE_CALL_FILTER_H
#define XK_BASE_CALL_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <seccomp.h>

#include "base/error.h"

/* For all threads of the process: what is not in the rules of the filter is
 * taken as `otherwise` says (SCMP_ACT_*). add fills it, and returns 0 or
 * -errno. Whoever is not privileged has given up new privileges before. */
int xk_call_filter_load(uint32_t otherwise, int (*add)(scmp_filter_ctx filter),
                        struct xk_error *err);

/* A call, all of whose arguments (there are `count`) are so. */
struct xk_call_rule {
    int call; /* SCMP_SYS() */
    unsigned count;
    struct scmp_arg_cmp args[2];
};

/* The argument, of which the kernel looks at 32 bits, is the value; has all of
 * the bits. */
#define XK_CALL_IS(argument, value)                                            \
    {                                                                          \
        (argument), SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value)          \
    }
#define XK_CALL_HAS(argument, bits)                                            \
    {                                                                          \
        (argument), SCMP_CMP_MASKED_EQ, (bits), (bits)                         \
    }

/* To fill a filter: such calls fail with the error. 0 or -errno. */
int xk_call_filter_refuse(scmp_filter_ctx filter, unsigned errnum,
                          const struct xk_call_rule *rules, size_t count);

/* The same for what would make others wait: whoever is sent a socket that
 * lingers closes it when it is thrown away, and whoever opens a file with a
 * lease waits until that is given up. */
int xk_call_filter_refuse_waits(scmp_filter_ctx filter);

#endif
