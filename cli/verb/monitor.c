/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/monitor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/invocation.h"
#include "cli/verbs.h"
#include "toolstack/monitor_start.h"
#include "toolstack/record.h"

enum {
    OPTION_UNTIL_IDLE,
    OPTION_STATUS,
    OPTION_COUNT,
};

/* Notify systemd by the protocol of sd_notify(3), which is one datagram. */
static void
tell_systemd(const char *path)
{
    static const char text[] = "READY=1";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    XK_CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd == -1 || length == 0 || length >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* the abstract namespace, unix(7) */
    if (sendto(fd, text, sizeof(text) - 1, MSG_NOSIGNAL,
               (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) ==
        -1)
        xk_warn("could not tell systemd that the monitor is ready");
}

static void
ready(void *context)
{
    const char *path = getenv("NOTIFY_SOCKET");

    (void)context;
    xk_info("watching domains");
    if (path != NULL)
        tell_systemd(path);
}

static int
put_status(struct xk_invocation *invocation, struct xk_error *err)
{
    struct xk_state state = {.run_fd = -1, .domains_fd = -1};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    pid_t pid;

    if (xk_state_open(&state, err) == -1)
        return -1;
    pid = xk_monitor_pid(&state);
    xk_state_close(&state);
    if (!invocation->json && pid != 0) {
        xk_buf_printf(&invocation->out, "running, pid %d\n", (int)pid);
    } else if (!invocation->json) {
        xk_buf_puts(&invocation->out, "not running\n");
    } else {
        writer = xk_json_writer_new(&invocation->out, false);
        xk_json_open_object(writer, NULL);
        xk_json_put_bool(writer, "running", pid != 0);
        if (pid != 0)
            xk_json_put_integer(writer, "pid", pid);
        else
            xk_json_put_null(writer, "pid");
        xk_json_close_object(writer);
    }
    return 0;
}

static int
run_monitor(struct xk_invocation *invocation, struct xk_error *err)
{
    bool linger = !xk_option_given(invocation, OPTION_UNTIL_IDLE);

    if (xk_option_given(invocation, OPTION_STATUS))
        return put_status(invocation, err);
    if (xk_invocation_open_host(invocation, err) == -1 ||
        xk_monitor_run(&invocation->host, linger, ready, NULL, err) == -1)
        return -1;
    if (invocation->json)
        xk_buf_puts(&invocation->out, "{}");
    return 0;
}

static const struct xk_option options[] = {
    [OPTION_UNTIL_IDLE] = XK_FLAG(0, "until-idle", "end with the last domain"),
    [OPTION_STATUS] = XK_FLAG(0, "status", "only print whether one runs"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_monitor = {
    .name = "monitor",
    .summary = "watch domains and carry out their policies",
    .details = "Runs in the foreground until SIGTERM or SIGINT. One monitor "
               "watches all domains; it carries out on_poweroff=, on_reboot=, "
               "on_crash= and on_watchdog=. If none runs, the first \"xk "
               "create\" starts one in the background, which ends with the "
               "last domain, so this verb is for service managers: under "
               "systemd it reports when it is ready (Type=notify).\n\n"
               "It may be killed at any time. The next one catches up with "
               "what happened in between.",
    .options = options,
    .run = run_monitor,
};
