/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xk-libxl: see toolstack/xen/helper/caller.h. Only xk runs it. */
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/xen/helper/callee.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/libxl/blame.h"
#include "toolstack/xen/libxl/call.h"
#include "toolstack/xen/to_libxl/config.h"

static const struct {
    const char *name;
    xk_libxl_verb *run;
    bool input;
} verbs[] = {
    {"adopt", xk_libxl_adopt, true},
    {"build", xk_libxl_build, true},
    {"cards", xk_libxl_cards, true},
    {"describe", xk_libxl_describe, true},
    {"disks", xk_libxl_disks, true},
    {"memory", xk_libxl_memory, true},
    {"receive", xk_libxl_receive, true},
    {"destroy", xk_libxl_destroy, false},
    {"trigger", xk_libxl_trigger, false},
    {"unpause", xk_libxl_unpause, false},
    {"rename", xk_libxl_rename, false},
    {"preserve", xk_libxl_preserve, false},
    {"dump", xk_libxl_dump, false},
    {"info", xk_libxl_info, false},
    {"send", xk_libxl_send, false},
    {"resume", xk_libxl_resume, false},
};

static enum xk_error_kind
kind_of(int rc)
{
    static const struct {
        int rc;
        enum xk_error_kind kind;
    } kinds[] = {
        {ERROR_NI, XK_ERR_UNSUPPORTED},
        {ERROR_NOPARAVIRT, XK_ERR_UNSUPPORTED},
        {ERROR_TIMEDOUT, XK_ERR_TIMEOUT},
        {ERROR_GUEST_TIMEDOUT, XK_ERR_TIMEOUT},
        {ERROR_NOMEM, XK_ERR_HOST},
        {ERROR_DOMAIN_NOTFOUND, XK_ERR_NOT_FOUND},
        {ERROR_DEVICE_EXISTS, XK_ERR_EXISTS},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(kinds); i++) {
        if (kinds[i].rc == rc)
            return kinds[i].kind;
    }
    return XK_ERR_FAILED;
}

int
xk_libxl_fail(struct xk_libxl *call, int rc, const char *name,
              struct xk_error *err, const char *what)
{
    XK_CLEANUP_BUF struct xk_buf blame = {0};
    const char *said =
        call->log.errors.length > 0 ? call->log.errors.data : "no reason given";

    xk_libxl_blame(said, name, &blame);
    return xk_fail(err, kind_of(rc), "%s: %.900s%s%.700s", what, said,
                   blame.length > 0 ? "; " : "",
                   blame.length > 0 ? blame.data : "");
}

/* ---- arguments ---- */

int
xk_libxl_domid(const struct xk_libxl *call, uint32_t *domid,
               struct xk_error *err)
{
    uint64_t number;

    if (call->argument_count < 1 ||
        !xk_parse_u64(call->arguments[0], UINT16_MAX, &number))
        return xk_fail(err, XK_ERR_USAGE, "which domain?");
    *domid = (uint32_t)number;
    return 0;
}

int
xk_libxl_config(struct xk_libxl *call, struct xk_domain_config **config,
                libxl_domain_config *to, struct xk_error *err)
{
    libxl_domain_config_init(to);
    *config = xk_config_from_json(xk_json_get(call->input, "config"), err);
    if (*config == NULL)
        return -1;
    libxl_domain_config_dispose(to);
    return xk_xen_config(call->ctx, *config, to, err);
}

/* ---- the call ---- */

static int
open_context(struct xk_libxl *call, struct xk_error *err)
{
    int rc = libxl_ctx_alloc(&call->ctx, LIBXL_VERSION, 0, &call->log.logger);

    if (rc != 0)
        return xk_libxl_fail(call, rc, NULL, err, "open libxl");
    return 0;
}

static int
run(struct xk_libxl *call, const char *name, struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(verbs); i++) {
        if (strcmp(verbs[i].name, name) != 0)
            continue;
        if (verbs[i].input) {
            call->input = xk_callee_input(err);
            if (call->input == NULL)
                return -1;
        }
        if (open_context(call, err) == -1)
            return -1;
        return verbs[i].run(call, err);
    }
    return xk_fail(err, XK_ERR_USAGE, "xk-libxl has no verb \"%s\"", name);
}

int
main(int argc, char **argv)
{
    XK_CLEANUP_BUF struct xk_buf answer = {0};
    struct xk_error err = {0};
    struct xk_libxl call = {
        .arguments = argv + 2,
        .argument_count = argc - 2,
    };
    int r;

    if (!xk_callee_was_called("xk-libxl", argc))
        return 2;
    xk_callee_log_init(&call.log);
    call.answer = xk_json_writer_new(&answer, false);
    xk_json_open_object(call.answer, NULL);
    r = run(&call, argv[1], &err);
    xk_json_close_object(call.answer);
    xk_json_writer_free(call.answer);
    /* The context is not freed: that costs time, and the process ends anyway.
     */
    return xk_callee_answer(r, &answer, &err);
}
