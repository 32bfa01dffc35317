/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xk-libxl: see toolstack/xen/helper.h. Not for people. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/xen/config.h"
#include "toolstack/xen/helper.h"
#include "toolstack/xen/libxl/blame.h"
#include "toolstack/xen/libxl/call.h"

enum {
    LINES_MAX = 4, /* of libxl's errors: the first ones tell the cause */
    LINE_MAX = 512,
};

static const struct {
    const char *name;
    xk_libxl_verb *run;
    bool input;
} verbs[] = {
    {"adopt", xk_libxl_adopt, true},
    {"build", xk_libxl_build, true},
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

/* ---- what libxl says ---- */

static void
take_message(xentoollog_logger *logger, xentoollog_level level, int errnoval,
             const char *context, const char *format, va_list al)
{
    struct xk_libxl_log *log = (struct xk_libxl_log *)logger;
    char line[LINE_MAX];
    const char *text = line, *colon;

    vsnprintf(line, sizeof(line), format, al);
    if (log->debug)
        fprintf(stderr, "xk-libxl: %s: %s\n", context != NULL ? context : "",
                line);
    if (level < XTL_ERROR || log->count++ >= LINES_MAX)
        return;
    /* "libxl_dm.c:123:function: Domain 4:" is for those who read its source. */
    while ((colon = strstr(text, ": ")) != NULL &&
           (strncmp(text, "libxl", 5) == 0 || strncmp(text, "Domain ", 7) == 0))
        text = colon + 2;
    xk_buf_printf(&log->errors, "%s%s", log->errors.length > 0 ? "; " : "",
                  text);
    if (errnoval > 0)
        xk_buf_printf(&log->errors, ": %s", strerror(errnoval));
}

static void
take_progress(xentoollog_logger *logger, const char *context,
              const char *doing_what, int percent, unsigned long done,
              unsigned long total)
{
    (void)logger;
    (void)context;
    (void)doing_what;
    (void)percent;
    (void)done;
    (void)total;
}

static void
end_log(xentoollog_logger *logger)
{
    (void)logger;
}

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
read_input(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (xk_read_fd(STDIN_FILENO, "standard input", XK_XEN_HELPER_INPUT_MAX,
                   &text, err) == -1)
        return -1;
    call->input = xk_json_parse(text.data != NULL ? text.data : "", text.length,
                                "standard input", err);
    return call->input == NULL ? -1 : 0;
}

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
        if ((verbs[i].input && read_input(call, err) == -1) ||
            open_context(call, err) == -1)
            return -1;
        return verbs[i].run(call, err);
    }
    return xk_fail(err, XK_ERR_USAGE, "xk-libxl has no verb \"%s\"", name);
}

/* libxl starts programs that live on, as device models do: whoever waits for
 * the end of our answer must not wait for theirs. */
static void
keep_from_children(void)
{
    for (int fd = XK_XEN_HELPER_FD; fd <= XK_XEN_HELPER_LOCK; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void
put_error(struct xk_buf *answer, const struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(answer, false);

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "error");
    xk_json_put_error(writer, err);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
}

int
main(int argc, char **argv)
{
    XK_CLEANUP_BUF struct xk_buf answer = {0};
    XK_CLEANUP_BUF struct xk_buf failure = {0};
    struct xk_error err = {0};
    struct xk_libxl call = {
        .log = {.logger = {take_message, take_progress, end_log},
                .debug = getenv("XK_DEBUG_LIBXL") != NULL},
        .arguments = argv + 2,
        .argument_count = argc - 2,
    };
    int r;

    if (argc < 2 || isatty(STDIN_FILENO)) {
        fprintf(stderr, "xk-libxl is run by xk\n");
        return 2;
    }
    keep_from_children();
    call.answer = xk_json_writer_new(&answer, false);
    xk_json_open_object(call.answer, NULL);
    r = run(&call, argv[1], &err);
    xk_json_close_object(call.answer);
    xk_json_writer_free(call.answer);
    if (r == -1)
        put_error(&failure, &err);
    if (r == -1)
        xk_write_all(XK_XEN_HELPER_FD, failure.data, failure.length);
    else
        xk_write_all(XK_XEN_HELPER_FD, answer.data, answer.length);
    /* Its context is not freed: that costs time, and the process ends. */
    return r == 0 ? 0 : 1;
}
