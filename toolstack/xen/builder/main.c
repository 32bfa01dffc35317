/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xk-build: see builder.h. Only xk runs it. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/builder/builder.h"
#include "toolstack/xen/to_libxl/config.h"

enum {
    STORE_MS = 5000, /* for each step's requests to xenstored */
};

int
xk_builder_fail(const struct xk_builder *builder, const char *what,
                struct xk_error *err)
{
    const char *said = builder->log.errors.data;
    int errnum = errno;

    if (said == NULL || said[0] == '\0')
        said = errnum != 0 ? strerror(errnum) : "no reason given";
    return xk_fail(err, errnum == ENOMEM ? XK_ERR_HOST : XK_ERR_FAILED,
                   "%s: %.1500s", what, said);
}

static int
open_all(struct xk_builder *builder, struct xk_error *err)
{
    xentoollog_logger *logger = &builder->log.logger;

    builder->xc = xc_interface_open(logger, logger, 0);
    if (builder->xc == NULL)
        return xk_builder_fail(builder, "open the hypervisor", err);
    builder->store = xk_store_open(NULL, xk_deadline_in_ms(STORE_MS), err);
    return builder->store == NULL ? -1 : 0;
}

typedef int step(struct xk_builder *builder, struct xk_error *err);

static int
build(struct xk_builder *builder, struct xk_error *err)
{
    static step *const steps[] = {
        xk_builder_make,       xk_builder_write_home,  xk_builder_load,
        xk_builder_write_rest, xk_builder_save_config, xk_builder_await_console,
    };

    if (open_all(builder, err) == -1 ||
        xk_builder_probe_host(builder, err) == -1)
        return -1;
    for (size_t i = 0; builder->declined == NULL && i < XK_ARRAY_SIZE(steps);
         i++) {
        builder->deadline = xk_deadline_in_ms(STORE_MS);
        if (steps[i](builder, err) == -1)
            return -1;
    }
    return 0;
}

static void
put_answer(const struct xk_builder *builder, struct xk_buf *answer)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(answer, false);

    xk_json_open_object(writer, NULL);
    if (builder->declined != NULL)
        xk_json_put_string(writer, "declined", builder->declined);
    else
        xk_json_put_integer(writer, "domid", builder->domid);
    xk_json_close_object(writer);
}

static int
run(struct xk_builder *builder, const char *verb, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *input = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    if (strcmp(verb, "build") != 0)
        return xk_fail(err, XK_ERR_USAGE, "xk-build has no verb \"%s\"", verb);
    input = xk_callee_input(err);
    if (input == NULL)
        return -1;
    config = xk_config_from_json(xk_json_get(input, "config"), err);
    if (config == NULL)
        return -1;
    builder->config = config;
    if (xk_xen_config(NULL, config, &builder->libxl, err) == -1)
        return -1;
    return build(builder, err);
}

/* Nothing is closed: that costs time, and the process ends anyway. */
int
main(int argc, char **argv)
{
    XK_CLEANUP_BUF struct xk_buf answer = {0};
    static struct xk_builder builder;
    struct xk_error err = {0};
    int r;

    if (!xk_callee_was_called("xk-build", argc))
        return 2;
    xk_callee_log_init(&builder.log);
    r = run(&builder, argv[1], &err);
    if (r == 0)
        put_answer(&builder, &answer);
    return xk_callee_answer(r, &answer, &err);
}
