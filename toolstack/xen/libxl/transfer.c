/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that send and receive a domain as libxl's stream. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/libxl/call.h"
#include "toolstack/xen/to_libxl/config.h"

struct sending {
    libxl_ctx *ctx;
    libxl_asyncop_how how;
};

/* SIGTERM aborts the call cleanly: libxl resumes the guest. Signals do not
 * interrupt libxl's own waits, so a thread waits for the signal. */
static void *
abort_at_signal(void *context)
{
    struct sending *sending = context;
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigwait(&set, &number) == 0)
        libxl_ao_abort(sending->ctx, &sending->how);
    return NULL;
}

static int
start_waiting_for_signal(struct sending *sending, struct xk_error *err)
{
    pthread_t thread;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    errno = pthread_create(&thread, NULL, abort_at_signal, sending);
    if (errno != 0)
        return xk_fail_errno(err, "start a thread");
    pthread_detach(thread);
    return 0;
}

static int
wait_for_end(libxl_ctx *ctx)
{
    for (;;) {
        libxl_event *event = NULL;
        bool complete;
        int rc;

        if (libxl_event_wait(ctx, &event, LIBXL_EVENTMASK_ALL, NULL, NULL) != 0)
            return ERROR_FAIL;
        complete = event->type == LIBXL_EVENT_TYPE_OPERATION_COMPLETE;
        rc = complete ? event->u.operation_complete.rc : 0;
        libxl_event_free(ctx, event);
        if (complete)
            return rc;
    }
}

int
xk_libxl_send(struct xk_libxl *call, struct xk_error *err)
{
    struct sending sending = {.ctx = call->ctx};
    int flags = 0, rc;
    uint32_t domid;

    if (xk_libxl_domid(call, &domid, err) == -1 ||
        start_waiting_for_signal(&sending, err) == -1)
        return -1;
    if (call->argument_count > 1 && strcmp(call->arguments[1], "live") == 0)
        flags |= LIBXL_SUSPEND_LIVE;
    rc = libxl_domain_suspend(call->ctx, domid, XK_XEN_HELPER_STREAM, flags,
                              &sending.how);
    if (rc == 0)
        rc = wait_for_end(call->ctx);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}

/* Resumes the guest, which learns that its suspend was cancelled if it supports
 * that. */
int
xk_libxl_resume(struct xk_libxl *call, struct xk_error *err)
{
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    rc = libxl_domain_resume(call->ctx, domid, 1, NULL);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}

int
xk_libxl_receive(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    libxl_domain_restore_params params;
    libxl_domain_config to;
    uint32_t domid = 0;
    int rc, r = xk_libxl_config(call, &config, &to, err);

    libxl_domain_restore_params_init(&params);
    params.stream_version = 2;
    if (r == 0) {
        rc = libxl_domain_create_restore(call->ctx, &to, &domid,
                                         XK_XEN_HELPER_STREAM, -1, &params,
                                         NULL, NULL);
        if (rc != 0)
            r = xk_libxl_fail(call, rc, config->name, err, "libxl");
    }
    libxl_domain_restore_params_dispose(&params);
    libxl_domain_config_dispose(&to);
    xk_json_put_integer(call->answer, "domid", domid);
    return r;
}
