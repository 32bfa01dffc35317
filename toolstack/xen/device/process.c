/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that serve a disk. They outlive us. Which they are is said by
 * files that were written before they gave up their privileges, and which they
 * cannot write any more: what a guest has taken over names nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "toolstack/program.h"
#include "toolstack/xen/device/device.h"

enum {
    READY_FD = 3,
    ANSWER_MAX = 64 * 1024,
    ASK_MS = 5000,
    DRAIN_MS = 5000, /* for the I/O under way; then it is given up */
    GONE_MS = 5000,
    NAMED_MS = 2000,
    LOOK_MS = 20,
    EXIT_NO_PROGRAM = 126,
};

/* Files of a device's directory, as xk-backend writes them. */
#define BACKEND "backend.json"
#define DAEMON "daemon.json"
#define FLUSHER "flusher.json"

/* ---- which process ---- */

/* Whether anybody holds the lock of a file, or that cannot be known now. A
 * process that is jailed can write what it likes into it, or let go of it. */
static bool
is_locked(const struct xk_vbd *vbd, const char *name)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", vbd->path, name);
    XK_CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fd == -1)
        return errno != ENOENT;
    return fcntl(fd, F_OFD_GETLK, &lock) == -1 || lock.l_type != F_UNLCK;
}

/* pid 0: nobody. */
static struct xk_process
find_process(const struct xk_vbd *vbd, const char *name)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", vbd->path, name);
    struct xk_process process;

    xk_process_load(AT_FDCWD, path, &process, NULL);
    return process;
}

/* A process that has let go of its directory serves no more. */
static bool
has_backend(const struct xk_vbd *vbd)
{
    struct xk_process process = find_process(vbd, BACKEND);

    return is_locked(vbd, "lock") && xk_process_alive(&process);
}

static bool
daemon_lives(const struct xk_vbd *vbd)
{
    struct xk_process process = find_process(vbd, DAEMON);

    return xk_process_alive(&process);
}

static bool
has_daemon(const struct xk_vbd *vbd)
{
    const char *engine = xk_json_string(xk_json_get(vbd->json, "engine"));

    return engine != NULL && strcmp(engine, "nbd") == 0;
}

bool
xk_vbd_is_served(const struct xk_vbd *vbd)
{
    return has_backend(vbd) && (!has_daemon(vbd) || daemon_lives(vbd));
}

static int
open_process(const struct xk_vbd *vbd, const char *name)
{
    struct xk_process process = find_process(vbd, name);

    return xk_process_open(&process);
}

int
xk_vbd_open_process(const struct xk_vbd *vbd, bool daemon)
{
    return open_process(vbd, daemon ? DAEMON : BACKEND);
}

/* ---- ending ---- */

static void
send_signal(int fd, int number)
{
    syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

/* *fd: a pidfd, or -1 where there is nobody. Where somebody holds the lock the
 * file that names who is written a moment after; one that stays missing, or
 * cannot be read, does not mean that there is nobody. */
static int
find_holder(const struct xk_vbd *vbd, const char *name, int *fd,
            struct xk_error *err)
{
    const char *lock = strcmp(name, DAEMON) == 0 ? "qsd.lock" : "lock";
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", vbd->path, name);
    struct xk_deadline patience = xk_deadline_in_ms(NAMED_MS);
    struct xk_process process;

    while (xk_process_load(AT_FDCWD, path, &process, NULL) == -1 &&
           is_locked(vbd, lock)) {
        if (!xk_deadline_pause(patience, LOOK_MS))
            return xk_fail(err, XK_ERR_IN_USE,
                           "a process holds \"%s/%s\", and \"%s\" beside it "
                           "does not tell which: end what \"fuser\" names for "
                           "it, and try again",
                           vbd->path, lock, name);
    }
    *fd = xk_process_open(&process);
    return *fd != -1 || errno == ESRCH
               ? 0
               : xk_fail_errno(err, "open the process of \"%s\"", name);
}

/* Asked first, so that it finishes what it began. let_go: it is enough that it
 * has given up its lock, and with that the guest's memory; it says so itself,
 * so it is killed all the same, and gone when the kernel lets it. */
static int
end_process(const struct xk_vbd *vbd, const char *name, bool let_go,
            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_deadline patience =
        xk_deadline_min(deadline, xk_deadline_in_ms(DRAIN_MS));

    if (find_holder(vbd, name, &fd, err) == -1)
        return -1;
    if (fd == -1)
        return 0;
    send_signal(fd, SIGTERM);
    if (xk_deadline_poll(patience, fd, POLLIN, name, NULL) != -1)
        return 0;
    let_go = let_go && !is_locked(vbd, "lock");
    send_signal(fd, SIGKILL);
    if (let_go || xk_deadline_poll(xk_deadline_in_ms(GONE_MS), fd, POLLIN, name,
                                   NULL) != -1)
        return 0;
    return xk_fail(err, XK_ERR_TIMEOUT,
                   "the process that serves disk %s does not end: the kernel "
                   "waits for its image",
                   vbd->vdev);
}

/* The process that flushes a raw image (backends/engine/flusher.h): it has done
 * so, or is given up. */
static int
end_flusher(const struct xk_vbd *vbd, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" FLUSHER, vbd->path);
    struct xk_process process;
    struct xk_error why = {0};

    if (xk_process_load(AT_FDCWD, path, &process, &why) == -1)
        return why.kind == XK_ERR_NOT_FOUND
                   ? 0
                   : xk_fail(err, why.kind, "disk %s: %s", vbd->vdev,
                             why.message);
    if (xk_process_kill(&process, xk_deadline_in_ms(GONE_MS), err) == 0)
        return 0;
    return xk_wrap(err, "disk %s: the process that flushes", vbd->vdev);
}

int
xk_vbd_stop(const struct xk_vbd *vbd, struct xk_deadline deadline,
            struct xk_error *err)
{
    if (end_process(vbd, BACKEND, false, deadline, err) == -1 ||
        xk_vbd_settle(vbd, deadline, err) == -1 ||
        end_process(vbd, DAEMON, false, deadline, err) == -1 ||
        end_flusher(vbd, err) == -1)
        return -1;
    /* What they began may outlive them. */
    return xk_vbd_await_image(
        vbd, xk_deadline_min(deadline, xk_deadline_in_ms(GONE_MS)), err);
}

void
xk_vbd_begin_stop(const struct xk_vbd *vbd)
{
    XK_CLEANUP_CLOSE int fd = open_process(vbd, BACKEND);

    if (fd != -1)
        send_signal(fd, SIGTERM);
}

int
xk_vbd_abandon(const struct xk_vbd *vbd, struct xk_deadline deadline,
               struct xk_error *err)
{
    struct xk_error late;

    if (end_process(vbd, BACKEND, true, deadline, err) == -1)
        return -1;
    if (end_process(vbd, DAEMON, false, deadline, &late) == -1 ||
        end_flusher(vbd, &late) == -1)
        xk_warn("%s", late.message); /* it has nothing of the guest */
    return 0;
}

/* ---- xk-backend ---- */

static void
become_backend(const char *program, const struct xk_vbd *vbd, int ready_fd)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/log", vbd->path);
    const char *argv[] = {program, "block", vbd->path, NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int ready = fcntl(ready_fd, F_DUPFD, READY_FD + 1);
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (null == -1 || log == -1 || ready == -1 ||
        dup2(null, STDIN_FILENO) == -1 || dup2(log, STDOUT_FILENO) == -1 ||
        dup2(log, STDERR_FILENO) == -1 || dup2(ready, READY_FD) == -1)
        _exit(EXIT_NO_PROGRAM);
    close(ready);
    setenv("XK_READY_FD", "3", 1);
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(EXIT_NO_PROGRAM);
}

/* It is nobody's child: whoever starts it may end before. */
static int
fork_backend(const char *program, const struct xk_vbd *vbd, int ready_fd,
             struct xk_error *err)
{
    pid_t pid = fork();

    if (pid == 0) {
        pid = fork();
        if (pid == 0)
            become_backend(program, vbd, ready_fd);
        _exit(pid == -1 ? 1 : 0);
    }
    if (pid == -1)
        return xk_fail_errno(err, "fork");
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR) {
    }
    return 0;
}

static int
judge(const struct xk_buf *line, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    const struct xk_json *error;

    if (line->length == 0)
        return xk_fail(err, XK_ERR_FAILED,
                       "xk-backend ended before it served; its log tells why");
    json = xk_json_parse(line->data, line->length, "xk-backend", err);
    if (json == NULL)
        return -1;
    error = xk_json_get(json, "error");
    return error == NULL ? 0 : xk_json_take_error(error, err);
}

/* Until it says so, or is no more. */
static int
read_to_end(int fd, const char *what, struct xk_buf *line,
            struct xk_deadline deadline, struct xk_error *err)
{
    for (;;) {
        char *room = xk_buf_reserve(line, ANSWER_MAX);
        ssize_t got;

        if (xk_deadline_poll(deadline, fd, POLLIN, what, err) == -1)
            return -1;
        got = read(fd, room, ANSWER_MAX);
        if (got == 0)
            return 0;
        if (got == -1 && errno != EINTR)
            return xk_fail_errno(err, "read from %s", what);
        line->length += got > 0 ? (size_t)got : 0;
        if (line->length > ANSWER_MAX)
            return xk_fail(err, XK_ERR_PROTOCOL, "%s talks without end", what);
        if (memchr(line->data, '\n', line->length) != NULL)
            return 0;
    }
}

static int
start_backend(const struct xk_vbd *vbd, struct xk_deadline deadline,
              struct xk_error *err)
{
    XK_CLEANUP_FREE char *program = xk_program_find("xk-backend", err);
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_CLOSE int ready_fd = -1;
    int ends[2], r;

    if (program == NULL)
        return -1;
    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    ready_fd = ends[0];
    r = fork_backend(program, vbd, ends[1], err);
    close(ends[1]);
    if (r == -1 ||
        read_to_end(ready_fd, "xk-backend", &line, deadline, err) == -1)
        return -1;
    return judge(&line, err);
}

/* One that lives and does not serve has let go, or was made to. */
static int
clear_way(const struct xk_vbd *vbd, struct xk_deadline deadline,
          struct xk_error *err)
{
    return has_backend(vbd) ? 0
                            : end_process(vbd, BACKEND, false, deadline, err);
}

int
xk_vbd_start(const struct xk_vbd *vbd, struct xk_deadline deadline,
             struct xk_error *err)
{
    if (clear_way(vbd, deadline, err) == -1)
        return -1;
    if (has_daemon(vbd) && !daemon_lives(vbd)) {
        /* The backend's connection is to the one that is gone. */
        if (end_process(vbd, BACKEND, false, deadline, err) == -1 ||
            xk_vbd_start_daemon(vbd, deadline, err) == -1)
            return -1;
    } else if (has_daemon(vbd) && !has_backend(vbd) &&
               xk_vbd_offer_image(vbd, deadline, err) == -1) {
        return -1;
    }
    return has_backend(vbd) ? 0 : start_backend(vbd, deadline, err);
}

int
xk_vbd_resize(const struct xk_vbd *vbd, uint64_t bytes,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error other;
    int r;

    if (!has_daemon(vbd))
        return xk_fail(err, XK_ERR_UNSUPPORTED, "disk %s is a raw image",
                       vbd->vdev);
    if (end_process(vbd, BACKEND, false, deadline, err) == -1)
        return -1;
    r = xk_vbd_resize_image(vbd, bytes, deadline, err);
    if (xk_vbd_start(vbd, deadline, r == 0 ? err : &other) == -1)
        return -1;
    return r;
}

/* ---- asking it ---- */

static int
connect_control(const struct xk_vbd *vbd, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int dir =
        open(vbd->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    XK_CLEANUP_CLOSE int fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (dir == -1 || fd == -1)
        return xk_fail_errno(err, "open \"%s\"", vbd->path);
    /* The path of a record may be longer than an address. */
    snprintf(address.sun_path, sizeof(address.sun_path),
             "/proc/self/fd/%d/control", dir);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
        return xk_fail(err, XK_ERR_STATE,
                       "nothing serves disk %s at this moment (%s)", vbd->vdev,
                       strerror(errno));
    return xk_take_fd(&fd);
}

struct xk_json *
xk_vbd_ask(const struct xk_vbd *vbd, const char *question,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = connect_control(vbd, err);
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *error;

    if (fd == -1)
        return NULL;
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS));
    if (xk_write_all(fd, question, strlen(question)) == -1 ||
        xk_write_all(fd, "\n", 1) == -1) {
        xk_fail_errno(err, "ask xk-backend");
        return NULL;
    }
    if (read_to_end(fd, "xk-backend", &line, deadline, err) == -1)
        return NULL;
    answer = xk_json_parse(line.data != NULL ? line.data : "", line.length,
                           "xk-backend", err);
    error = xk_json_get(answer, "error");
    if (error == NULL)
        return XK_TAKE(answer);
    xk_json_take_error(error, err);
    return NULL;
}

int
xk_vbd_check_whole(const struct xk_vbd *vbd, struct xk_deadline deadline,
                   struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    /* Where the last one was killed, the next finds in the log what it was
     * about. */
    if (vbd->json != NULL && !xk_vbd_is_leaving(vbd) &&
        !xk_vbd_is_served(vbd) && xk_vbd_start(vbd, deadline, err) == -1)
        return -1;
    answer = xk_vbd_ask(vbd, "{\"query\":\"status\"}", deadline, NULL);
    if (!xk_json_is_true(xk_json_get(answer, "poisoned")))
        return 0;
    return xk_fail(err, XK_ERR_FAILED,
                   "disk %s has lost what was written to it, and its guest "
                   "would not be told any more",
                   vbd->vdev);
}
