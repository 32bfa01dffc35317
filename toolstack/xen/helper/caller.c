/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/helper/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/spawn.h"
#include "base/util.h"
#include "toolstack/program.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"

enum {
    TICK_MS = 500,
    WATCH_MS = 20, /* tick if the call has a watch */
    ABORT_MS = 5000,
    ANSWER_MAX = 8 << 20,
    ARGUMENTS_MAX = 16,
    FDS_MAX = 5,
};

#define LOOK_NS INT64_C(500000000) /* between two checks of xenstored */

struct child {
    pid_t pid;
    int pidfd;
    int answer_fd;
    struct xk_buf answer;
    bool sends;
};

static const char *
name_of(const struct xk_xen_call *call)
{
    return call->program != NULL ? call->program : "xk-libxl";
}

static int
make_input(const struct xk_buf *text, struct xk_error *err)
{
    int fd = memfd_create("xk input", MFD_CLOEXEC);

    if (fd == -1 ||
        (text != NULL && xk_write_all(fd, text->data, text->length) == -1) ||
        lseek(fd, 0, SEEK_SET) == -1) {
        xk_fail_errno(err, "pass the configuration on");
        if (fd != -1)
            close(fd);
        return -1;
    }
    return fd;
}

/* The descriptors that a helper inherits. */
struct fd_list {
    struct xk_spawn_fd fds[FDS_MAX];
    size_t count;
};

/* Add a descriptor unless from is -1. */
static void
add_fd(struct fd_list *list, int from, int to, const char *what)
{
    if (from != -1)
        list->fds[list->count++] = (struct xk_spawn_fd){from, to, what};
}

/* The helper dies with us, because its answer would reach nobody. It has a
 * session of its own, because a Ctrl-C must not reach libxl and its children:
 * we handle it. */
static int
spawn_program(const char *program, const struct xk_xen_call *call, int input_fd,
              int answer_fd, struct child *child, struct xk_error *err)
{
    const char *argv[ARGUMENTS_MAX + 2] = {program};
    struct fd_list list = {0};
    struct xk_spawn spawn = {
        .argv = argv, .fds = list.fds, .session = true, .dies_with_us = true};

    for (size_t i = 0; i < ARGUMENTS_MAX && call->argv[i] != NULL; i++)
        argv[i + 1] = call->argv[i];
    add_fd(&list, input_fd, STDIN_FILENO, "its input");
    add_fd(&list, STDERR_FILENO, STDOUT_FILENO, "its output");
    add_fd(&list, answer_fd, XK_XEN_HELPER_FD, "its answer");
    add_fd(&list, call->stream_fd, XK_XEN_HELPER_STREAM, "its stream");
    add_fd(&list, call->lock_fd, XK_XEN_HELPER_LOCK, "the record's lock");
    spawn.fd_count = list.count;
    child->pid = xk_spawn(&spawn, err);
    return child->pid == -1 ? -1 : 0;
}

static int
start(const struct xk_xen_call *call, struct child *child, struct xk_error *err)
{
    XK_CLEANUP_FREE char *program = xk_program_find(name_of(call), err);
    XK_CLEANUP_CLOSE int input_fd = -1;
    XK_CLEANUP_CLOSE int answer_end = -1;
    int ends[2];

    if (program == NULL)
        return -1;
    input_fd = make_input(call->input, err);
    if (input_fd == -1)
        return -1;
    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    child->answer_fd = ends[0];
    answer_end = ends[1];
    if (spawn_program(program, call, input_fd, answer_end, child, err) == -1)
        return -1;
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    return 0;
}

static void
reap(struct child *child, int *status)
{
    xk_process_reap(child->pid, status);
    child->pid = 0;
}

/* Send SIGTERM first to a helper that sends a domain, so that it resumes the
 * guest. */
static void
end_child(struct child *child)
{
    if (child->pid > 0) {
        if (child->sends && child->pidfd != -1) {
            kill(child->pid, SIGTERM);
            xk_deadline_poll(xk_deadline_in_ms(ABORT_MS), child->pidfd, POLLIN,
                             "", NULL);
        }
        xk_process_kill_child(child->pid);
    }
    if (child->pidfd != -1)
        close(child->pidfd);
    if (child->answer_fd != -1)
        close(child->answer_fd);
    xk_buf_free(&child->answer);
}

#define CLEANUP_CHILD __attribute__((cleanup(end_child)))

/* Fail if xenstored does not answer: libxl would hang with it. */
static int
check_store(struct xk_xen *xen, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};
    struct xk_error why = {0};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    if (xk_store_read(xen->store, XK_STORE_NO_TX, "/local/domain/0/domid",
                      XK_XEN_NAME_MAX, &value, xk_xen_store_deadline(deadline),
                      &why) == 0 ||
        why.kind == XK_ERR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = why;
    return -1;
}

static int
take_answer(struct child *child, bool *done, struct xk_error *err)
{
    char *room = xk_buf_reserve(&child->answer, 4096);
    ssize_t got = read(child->answer_fd, room, 4096);

    if (got == -1 && errno != EINTR)
        return xk_fail_errno(err, "read its answer");
    if (got > 0)
        child->answer.length += (size_t)got;
    if (child->answer.length > ANSWER_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "a helper sent an answer longer than %d bytes",
                       ANSWER_MAX);
    *done = got == 0;
    return 0;
}

static bool
goes_on(const struct xk_xen_call *call)
{
    static const struct xk_send_progress none = {0};

    return call->watch == NULL ||
           call->watch->go_on(&none, call->watch->context);
}

static int
wait_for_answer(struct xk_xen *xen, const struct xk_xen_call *call,
                struct child *child, struct xk_deadline deadline,
                struct xk_error *err)
{
    int tick_ms = call->watch != NULL ? WATCH_MS : TICK_MS;
    int64_t look_at_ns = xk_now_ns() + LOOK_NS;
    bool done = false;

    while (!done) {
        struct pollfd poller = {child->answer_fd, POLLIN, 0};
        int left = xk_deadline_left_ms(deadline);

        if (left == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "%s did not finish \"%s\" in time", name_of(call),
                           call->argv[0]);
        if (!goes_on(call))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        if (poll(&poller, 1, left < tick_ms ? left : tick_ms) > 0) {
            if (take_answer(child, &done, err) == -1)
                return -1;
        } else if (xk_now_ns() >= look_at_ns) {
            if (check_store(xen, deadline, err) == -1)
                return -1;
            look_at_ns = xk_now_ns() + LOOK_NS;
        }
    }
    return 0;
}

static int
take_result(struct child *child, const struct xk_xen_call *call,
            struct xk_json **result, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    int status = 0;

    reap(child, &status);
    if (child->answer.length == 0)
        return xk_fail(
            err, XK_ERR_FAILED, "%s ended in the middle of \"%s\" (%s %d)",
            name_of(call), call->argv[0],
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    answer = xk_json_parse(child->answer.data, child->answer.length,
                           name_of(call), err);
    if (answer == NULL)
        return -1;
    if (xk_json_get(answer, "error") != NULL)
        return xk_json_take_error(xk_json_get(answer, "error"), err);
    if (result != NULL)
        *result = XK_TAKE(answer);
    return 0;
}

int
xk_xen_helper(struct xk_xen *xen, const struct xk_xen_call *call,
              struct xk_json **result, struct xk_deadline deadline,
              struct xk_error *err)
{
    CLEANUP_CHILD struct child child = {
        .pidfd = -1, .answer_fd = -1, .sends = call->stream_fd != -1};

    if (check_store(xen, deadline, err) == -1 ||
        start(call, &child, err) == -1 ||
        wait_for_answer(xen, call, &child, deadline, err) == -1)
        return -1;
    return take_result(&child, call, result, err);
}

int
xk_xen_helper_simple(struct xk_xen *xen, const char *verb,
                     const struct xk_record *record, unsigned domid,
                     const char *argument, struct xk_deadline deadline,
                     struct xk_error *err)
{
    char number[16];
    const char *const argv[] = {verb, number, argument, NULL};
    const struct xk_xen_call call = {
        .argv = argv,
        .stream_fd = -1,
        .lock_fd = record != NULL ? record->lock_fd : -1,
    };

    snprintf(number, sizeof(number), "%u", domid);
    return xk_xen_helper(xen, &call, NULL, deadline, err);
}
