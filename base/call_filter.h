/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters of system calls (seccomp(2)), made with libseccomp, for processes
 * that a guest may take over. */
#ifndef XK_BASE_CALL_FILTER_H
#define XK_BASE_CALL_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <seccomp.h>

#include "base/error.h"

/* Load a filter for all threads of the process. add() adds its rules and
 * returns 0 or -errno; `otherwise` is the action for any other call
 * (SCMP_ACT_*). An unprivileged caller must set no_new_privs before. */
int xk_call_filter_load(uint32_t otherwise,
                        int (*add)(scmp_filter_ctx filter, const void *context),
                        const void *context, struct xk_error *err);

/* Matches a call if all `count` comparisons of its arguments are true. */
struct xk_call_rule {
    int call; /* SCMP_SYS() */
    unsigned count;
    struct scmp_arg_cmp args[2];
};

/* IS: the low 32 bits of the argument, which are all that the kernel reads,
 * equal the value. HAS: the argument has all of the bits. */
#define XK_CALL_IS(argument, value)                                            \
    {                                                                          \
        (argument), SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value)          \
    }
#define XK_CALL_HAS(argument, bits)                                            \
    {                                                                          \
        (argument), SCMP_CMP_MASKED_EQ, (bits), (bits)                         \
    }

/* Make matching calls fail with the error. For add(). Returns 0 or -errno. */
int xk_call_filter_refuse(scmp_filter_ctx filter, unsigned errnum,
                          const struct xk_call_rule *rules, size_t count);

/* Refuse the calls by which a process can make others wait: a process that is
 * sent a lingering socket blocks when it closes the socket, and a process that
 * opens a file with a lease blocks until the lease is released. */
int xk_call_filter_refuse_waits(scmp_filter_ctx filter);

/* Add rules that allow these calls, whatever their arguments. */
int xk_call_filter_allow(scmp_filter_ctx filter, const int *calls,
                         size_t count);

/* Add rules that allow the call if that argument is one of the values. */
int xk_call_filter_allow_values(scmp_filter_ctx filter, int call,
                                unsigned argument, const uint32_t *values,
                                size_t count);

/* Add the rules that every list of allowed calls needs: abort(), which signals
 * this process only, and memory that is not executable. */
int xk_call_filter_allow_basics(scmp_filter_ctx filter);

#endif
