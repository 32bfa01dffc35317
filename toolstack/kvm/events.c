/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of QEMU, applied one by one to the state of its guest. */
#include "toolstack/kvm/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/qmp_reader.h"

enum {
    PAGE = 4096,
};

/* Causes of a SHUTDOWN event (ShutdownCause, qapi/run-state.json). A triple
 * fault of the guest comes as "guest-reset", because that is what the processor
 * then does. */
static const struct shutdown_row {
    const char *cause;
    enum xk_stop_reason reason;
    bool ending; /* QEMU was told to end; the guest did not stop */
} shutdowns[] = {
    {"guest-shutdown", XK_STOP_POWEROFF, false},
    {"guest-reset", XK_STOP_REBOOT, false},
    {"guest-panic", XK_STOP_CRASH, false},
    {"host-error", XK_STOP_CRASH, false},
    {"host-qmp-system-reset", XK_STOP_REBOOT, false},
    {"subsystem-reset", XK_STOP_REBOOT, false},
    {"host-qmp-quit", XK_STOP_POWEROFF, true},
    {"host-signal", XK_STOP_POWEROFF, true},
    {"host-ui", XK_STOP_POWEROFF, true},
};

/* Enter a state, but keep what belongs to the log itself. */
static void
enter(struct xk_kvm_run *run, struct xk_kvm_run next)
{
    next.negotiated = run->negotiated;
    *run = next;
}

static void
stop_for(struct xk_kvm_run *run, enum xk_stop_reason reason)
{
    enter(run, (struct xk_kvm_run){.state = reason == XK_STOP_CRASH
                                                ? XK_STATE_CRASHED
                                                : XK_STATE_SHUTDOWN,
                                   .reason = reason});
}

static void
on_shutdown(struct xk_kvm_run *run, const struct xk_json *data)
{
    const char *cause = xk_json_string(xk_json_get(data, "reason"));
    const struct shutdown_row *row = &shutdowns[0];

    for (size_t i = 0; cause != NULL && i < XK_ARRAY_SIZE(shutdowns); i++) {
        if (strcmp(shutdowns[i].cause, cause) == 0)
            row = &shutdowns[i];
    }
    /* A guest that has already stopped keeps its reason when its QEMU is
     * ended. */
    if (!row->ending ||
        (run->state != XK_STATE_SHUTDOWN && run->state != XK_STATE_CRASHED))
        stop_for(run, row->reason);
    run->ending = row->ending;
    run->powered_off = row == &shutdowns[0];
}

static void
on_panic(struct xk_kvm_run *run, const struct xk_json *data)
{
    const char *action = xk_json_string(xk_json_get(data, "action"));

    if (action == NULL || strcmp(action, "run") != 0)
        stop_for(run, XK_STOP_CRASH);
}

static void
on_watchdog(struct xk_kvm_run *run, const struct xk_json *data)
{
    const char *action = xk_json_string(xk_json_get(data, "action"));

    if (action != NULL && strcmp(action, "pause") == 0)
        stop_for(run, XK_STOP_WATCHDOG);
}

static void
on_stop(struct xk_kvm_run *run, const struct xk_json *data)
{
    (void)data;
    if (run->state != XK_STATE_RUNNING)
        return;
    run->state = XK_STATE_PAUSED;
    run->stop_unexplained = true;
}

static void
on_resume(struct xk_kvm_run *run, const struct xk_json *data)
{
    (void)data;
    enter(run, (struct xk_kvm_run){.state = XK_STATE_RUNNING});
}

/* A stopped guest can run again only after a reset. */
static void
on_reset(struct xk_kvm_run *run, const struct xk_json *data)
{
    (void)data;
    if (run->state == XK_STATE_SHUTDOWN || run->state == XK_STATE_CRASHED)
        enter(run, (struct xk_kvm_run){.state = XK_STATE_PAUSED});
}

static const struct {
    const char *event;
    void (*take)(struct xk_kvm_run *run, const struct xk_json *data);
} handlers[] = {
    {"RESUME", on_resume},        {"STOP", on_stop},
    {"SHUTDOWN", on_shutdown},    {"RESET", on_reset},
    {"GUEST_PANICKED", on_panic}, {"WATCHDOG", on_watchdog},
};

void
xk_kvm_run_init(struct xk_kvm_run *run)
{
    *run = (struct xk_kvm_run){.state = XK_STATE_PAUSED};
}

/* Whether the line is a complete event that has no handler. This is found
 * without parsing, because a guest may cause more events than could be parsed
 * in time. Quotes within a string are escaped, so the key matches only a
 * member. */
static bool
is_unhandled_event(const char *line, size_t length)
{
    static const char start[] = "{\"timestamp\"", key[] = "\"event\": \"";
    const size_t start_length = sizeof(start) - 1;
    const size_t key_length = sizeof(key) - 1;
    const char *end = line + length;
    const char *name;

    if (length <= start_length || memcmp(line, start, start_length) != 0 ||
        memchr(end - 3, '}', 3) == NULL ||
        memmem(line + 1, length - 1, start, start_length) != NULL)
        return false;
    name = memmem(line, length, key, key_length);
    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(handlers); i++) {
        size_t wanted = strlen(handlers[i].event);

        if ((size_t)(end - name) > key_length + wanted &&
            memcmp(name + key_length, handlers[i].event, wanted) == 0)
            return false;
    }
    return name != NULL;
}

static int64_t
time_us(const struct xk_json *stamp)
{
    const int64_t limit = INT64_C(1) << 40;
    int64_t s = 0, us = 0;

    if (!xk_json_integer(xk_json_get(stamp, "seconds"), &s) ||
        !xk_json_integer(xk_json_get(stamp, "microseconds"), &us) || s < 0 ||
        s > limit || us < 0 || us > limit)
        return 0;
    return s * 1000000 + us;
}

/* If a write failed in the middle of a line, the next line continues there.
 * Return the start of that next line, or NULL. */
static const char *
find_glued(const char *line, size_t length)
{
    static const char start[] = "{\"timestamp\"";
    const char *found = NULL;
    const char *next = length > 0 ? line + 1 : NULL;

    while (next != NULL && (next = memmem(next, length - (size_t)(next - line),
                                          start, sizeof(start) - 1)) != NULL)
        found = next++;
    return found;
}

/* A line that is not a message is torn, and its event is lost. */
static bool
take_torn(struct xk_kvm_run *run, const char *line, size_t length)
{
    const char *glued = find_glued(line, length);

    if (length == 0)
        return false;
    run->doubtful = true;
    if (glued != NULL)
        xk_kvm_run_take(run, glued, length - (size_t)(glued - line));
    return true;
}

bool
xk_kvm_run_take(struct xk_kvm_run *run, const char *line, size_t length)
{
    XK_CLEANUP_QMP_MESSAGE struct xk_qmp_message message = {0};
    const struct xk_json *stamp;

    if (length > XK_KVM_EVENT_MAX)
        return take_torn(run, "?", 1);
    if (is_unhandled_event(line, length))
        return false;
    if (xk_qmp_message_parse(line, length, &message, NULL) == -1)
        return take_torn(run, line, length);
    if (message.kind == XK_QMP_GREETING) { /* a new QEMU begins here */
        xk_kvm_run_init(run);
        return true;
    }
    if (message.kind == XK_QMP_RETURN)
        run->negotiated = true;
    if (message.kind != XK_QMP_EVENT)
        return false;
    stamp = xk_json_get(message.json, "timestamp");
    for (size_t i = 0; i < XK_ARRAY_SIZE(handlers); i++) {
        if (strcmp(handlers[i].event, message.event) == 0) {
            handlers[i].take(run, message.body);
            if (run->powered_off && run->powered_off_us == 0)
                run->powered_off_us = time_us(stamp);
            return true;
        }
    }
    return false;
}

/* If the host is out of memory, writes still succeed as long as they fit the
 * last page. So a line can be lost as a whole only at the end of a page. */
size_t
xk_kvm_run_take_text(struct xk_kvm_run *run, const char *text, size_t length,
                     off_t at, bool *changed)
{
    size_t taken = 0;
    const char *end;

    while ((end = memchr(text + taken, '\n', length - taken)) != NULL) {
        off_t line = at + (off_t)taken;

        if (line % PAGE == 0 && line != 0)
            run->doubtful = true;
        if (xk_kvm_run_take(run, text + taken, (size_t)(end - text) - taken) &&
            changed != NULL)
            *changed = true;
        taken = (size_t)(end - text) + 1;
    }
    if (length - taken <= XK_KVM_EVENT_MAX)
        return taken;
    run->doubtful = true;
    return length;
}
