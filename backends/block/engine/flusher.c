/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flusher's process, its start, and the calls of its clients.
 *
 * How it works. xk_flusher_start() binds the socket, opens the image again and
 * forks twice, so that the flusher is nobody's child. become() then moves its
 * descriptors to fixed numbers, writes the file that names the process, enters
 * the jail and reports that it is ready. serve() polls the socket and all
 * clients: serve_once() first receives every request that has arrived, then
 * makes one flush for all of them and answers each. The first error is kept in
 * flusher->error for ever. If nobody is connected, it checks once a second
 * whether its socket's file is still there.
 */
#include "backends/block/engine/flusher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/mem.h"
#include "base/process.h"

enum {
    CLIENTS_MAX = 64, /* for a backend, its successor, and verbs */
    ORPHAN_LOOK_MS = 1000,
    START_MS = 10000,
    GONE_MS = 5000,
    CONNECT_S = 5, /* while the backlog is full */
    /* The descriptors that the new process keeps. */
    IMAGE_FD = 3,
    LISTEN_FD = 4,
    NAME_FD = 5, /* of the socket's file, to see when it is removed */
    READY_FD = 6,
    FIRST_FREE_FD = 7,
};

/* ---- the process ---- */

struct flusher {
    int error;      /* of the first flush that failed */
    bool was_asked; /* has ever been asked for a flush */
    struct pollfd fds[1 + CLIENTS_MAX];
    bool asked[1 + CLIENTS_MAX];
    nfds_t count;
};

static int
flush(struct flusher *flusher)
{
    int rc;

    if (flusher->error != 0)
        return flusher->error;
    do
        rc = fdatasync(IMAGE_FD);
    while (rc == -1 && errno == EINTR);
    if (rc == -1)
        flusher->error = errno;
    return flusher->error;
}

static void
drop(struct flusher *flusher, nfds_t i)
{
    close(flusher->fds[i].fd);
    flusher->count--;
    flusher->fds[i] = flusher->fds[flusher->count];
    flusher->asked[i] = flusher->asked[flusher->count];
}

static void
accept_client(struct flusher *flusher)
{
    int fd = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd == -1)
        return;
    flusher->asked[flusher->count] = false;
    flusher->fds[flusher->count++] =
        (struct pollfd){.fd = fd, .events = POLLIN};
}

/* Receive one request. False: drop the client; it is gone or sent something
 * invalid. A client may be a backend that its guest has taken over. */
static bool
receive_request(struct flusher *flusher, nfds_t i)
{
    char word;
    ssize_t n = recv(flusher->fds[i].fd, &word, 1, 0);

    if (n == -1)
        return errno == EAGAIN || errno == EINTR;
    if (n == 1 && word == XK_FLUSHER_END && !flusher->was_asked)
        _exit(0);
    if (n != 1 || word != XK_FLUSHER_FLUSH)
        return false;
    flusher->asked[i] = flusher->was_asked = true;
    return true;
}

static void
answer(struct flusher *flusher, int32_t error)
{
    for (nfds_t i = flusher->count - 1; i > 0; i--) {
        if (!flusher->asked[i])
            continue;
        flusher->asked[i] = false;
        if (send(flusher->fds[i].fd, &error, sizeof(error), MSG_NOSIGNAL) == -1)
            drop(flusher, i);
    }
}

static void
serve_once(struct flusher *flusher)
{
    bool asked = false;

    for (nfds_t i = flusher->count - 1; i > 0; i--) {
        if (flusher->fds[i].revents != 0 && !receive_request(flusher, i))
            drop(flusher, i);
        else
            asked = asked || flusher->asked[i];
    }
    if (flusher->fds[0].revents != 0)
        accept_client(flusher);
    if (asked)
        answer(flusher, flush(flusher));
}

/* Returns true if no client is connected and the device's directory has been
 * removed: then nobody will ask again. */
static bool
is_orphan(const struct flusher *flusher)
{
    struct stat st;

    return flusher->count == 1 && fstat(NAME_FD, &st) == 0 && st.st_nlink == 0;
}

_Noreturn static void
serve(void)
{
    struct flusher flusher = {.count = 1};

    for (;;) {
        flusher.fds[0] =
            (struct pollfd){.fd = flusher.count <= CLIENTS_MAX ? LISTEN_FD : -1,
                            .events = POLLIN};
        if (poll(flusher.fds, flusher.count,
                 flusher.count == 1 ? ORPHAN_LOOK_MS : -1) > 0)
            serve_once(&flusher);
        else if (is_orphan(&flusher))
            _exit(0);
    }
}

/* ---- its start ---- */

static char *
name_of(const char *socket_path)
{
    return xk_asprintf("%s.json", socket_path);
}

static struct sockaddr_un
address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static int
bind_at(const char *path, struct xk_error *err)
{
    struct sockaddr_un address = address_of(path);
    XK_CLEANUP_CLOSE int fd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is too long for the path of a socket", path);
    if (fd == -1 || (unlink(path) == -1 && errno != ENOENT) ||
        fchmod(fd, 0600) == -1 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
        return xk_fail_errno(err, "make the socket \"%s\"", path);
    return xk_take_fd(&fd);
}

struct start {
    const struct xk_flusher_options *options;
    int image_fd, listen_fd, name_fd, ready_fd;
};

/* Close the inherited standard descriptors: a process that reads our starter's
 * output to its end must not wait for us. */
static int
close_output(void)
{
    XK_CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    return null == -1 || dup2(null, STDIN_FILENO) == -1 ||
                   dup2(null, STDOUT_FILENO) == -1 ||
                   dup2(null, STDERR_FILENO) == -1
               ? -1
               : 0;
}

/* Move each descriptor to its fixed number. First duplicate all of them above
 * these numbers, because one may have the number of another. */
static int
arrange(const struct start *start)
{
    int fds[] = {start->image_fd, start->listen_fd, start->name_fd,
                 start->ready_fd};

    for (int i = 0; i < 4; i++) {
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
        if (fds[i] == -1)
            return -1;
    }
    for (int i = 0; i < 4; i++) {
        if (dup3(fds[i], IMAGE_FD + i, O_CLOEXEC) == -1)
            return -1;
    }
    return close_range(FIRST_FREE_FD, ~0U, 0);
}

/* Change the process's name, so that killing backends by name spares it. */
static void
rename_ourselves(void)
{
    static const char old[] = "xk-backend", new[] = "xk-flusher";
    char *at = strstr(program_invocation_name, old);

    if (at != NULL)
        memcpy(at, new, sizeof(new) - 1);
    prctl(PR_SET_NAME, new);
}

/* Write the file that identifies this process to those who want it to end, who
 * thus have it before we can be asked for anything. */
static int
write_identity(const char *socket_path)
{
    XK_CLEANUP_FREE char *path = name_of(socket_path);

    return xk_process_save_self(AT_FDCWD, path, NULL);
}

static int
enter_jail(const struct xk_flusher_options *options)
{
    struct xk_error err;

    return options->jail != NULL ? options->jail(options->context, &err) : 0;
}

/* Become the flusher. It ignores every usual signal but SIGKILL: when the host
 * shuts down, a backend that was asked to end still needs flushes. It reports
 * that it is ready only once it is jailed. */
_Noreturn static void
become(const struct start *start)
{
    static const int deaf_to[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};

    for (size_t i = 0; i < sizeof(deaf_to) / sizeof(deaf_to[0]); i++)
        signal(deaf_to[i], SIG_IGN);
    rename_ourselves();
    if (close_output() == -1 || arrange(start) == -1 ||
        write_identity(start->options->path) == -1 ||
        listen(LISTEN_FD, CLIENTS_MAX) == -1 ||
        enter_jail(start->options) == -1 ||
        send(READY_FD, "", 1, MSG_NOSIGNAL) != 1)
        _exit(1);
    close(READY_FD);
    serve();
}

/* Fork twice, so that the flusher is nobody's child and outlives us. */
static int
fork_twice(const struct start *start, struct xk_error *err)
{
    pid_t pid = fork();

    if (pid == 0) {
        pid = fork();
        if (pid == 0)
            become(start);
        _exit(pid == -1 ? 1 : 0);
    }
    if (pid == -1)
        return xk_fail_errno(err, "fork");
    xk_process_reap(pid, NULL);
    return 0;
}

static int
await_start(int fd, struct xk_error *err)
{
    char byte;

    if (xk_deadline_poll(xk_deadline_in_ms(START_MS), fd, POLLIN,
                         "the process that flushes", err) == -1)
        return -1;
    return read(fd, &byte, 1) == 1
               ? 0
               : xk_fail(err, XK_ERR_FAILED,
                         "the process that flushes could not be started");
}

int
xk_flusher_start(const struct xk_flusher_options *options, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int image_fd = -1;
    XK_CLEANUP_CLOSE int listen_fd = bind_at(options->path, err);
    XK_CLEANUP_CLOSE int name_fd = -1;
    XK_CLEANUP_CLOSE int ready_fd = -1;
    struct start start = {.options = options, .listen_fd = listen_fd};
    char path[32];
    int ends[2], r;

    if (listen_fd == -1)
        return -1;
    /* Through /proc, to open the same file even if it was renamed. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", options->image_fd);
    start.image_fd = image_fd = open(path, O_RDWR | O_CLOEXEC);
    start.name_fd = name_fd = open(options->path, O_PATH | O_CLOEXEC);
    if (image_fd == -1 || name_fd == -1 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
        return xk_fail_errno(err, "prepare for the process that flushes");
    ready_fd = ends[0];
    start.ready_fd = ends[1];
    r = fork_twice(&start, err);
    close(ends[1]);
    return r == -1 ? -1 : await_start(ready_fd, err);
}

/* ---- calls of its clients ---- */

bool
xk_flusher_is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ECONNREFUSED;
}

int
xk_flusher_connect(const char *path, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = address_of(path);
    struct timeval patience = {.tv_sec = CONNECT_S};

    if (fd == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ==
            -1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
        return xk_fail_errno(err, "connect to the process that flushes");
    return xk_take_fd(&fd);
}

int
xk_flusher_flush(const char *path, int *error, struct xk_deadline deadline,
                 struct xk_error *err)
{
    struct xk_error why = {0};
    XK_CLEANUP_CLOSE int fd = xk_flusher_connect(path, &why);
    char word = XK_FLUSHER_FLUSH;
    int32_t answer;

    if (fd == -1 && (why.errnum == ENOENT || xk_flusher_is_gone(why.errnum)))
        return 0;
    if (fd == -1)
        return xk_fail(err, why.kind, "%s", why.message);
    if (send(fd, &word, 1, MSG_NOSIGNAL) != 1)
        return xk_flusher_is_gone(errno)
                   ? 0
                   : xk_fail_errno(err, "ask the process that flushes");
    if (xk_deadline_poll(deadline, fd, POLLIN, "the process that flushes",
                         err) == -1)
        return -1;
    *error =
        recv(fd, &answer, sizeof(answer), 0) == sizeof(answer) ? answer : EPIPE;
    return 1;
}

void
xk_flusher_end(int fd)
{
    char word = XK_FLUSHER_END;

    /* Wait for its end: a flusher found later would count as one that knows
     * earlier flushes. */
    if (send(fd, &word, 1, MSG_NOSIGNAL) == 1)
        (void)xk_deadline_poll(xk_deadline_in_ms(GONE_MS), fd, POLLIN, "it",
                               NULL);
}

static bool
has_image(pid_t pid, int image_fd)
{
    struct stat its, ours;
    char path[40];

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, IMAGE_FD);
    if (stat(path, &its) == -1 || fstat(image_fd, &ours) == -1)
        return false;
    return S_ISBLK(ours.st_mode)
               ? S_ISBLK(its.st_mode) && its.st_rdev == ours.st_rdev
               : its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* Kill a flusher of another image: it is useless here, and keeps that image
 * open. */
static void
kill_stranger(int process)
{
    syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
    (void)xk_deadline_poll(xk_deadline_in_ms(GONE_MS), process, POLLIN, "it",
                           NULL);
}

/* Find the flusher by the file that names its process and not by its socket: a
 * flusher that is stopped or busy does not answer there, but still knows the
 * results of flushes. */
int
xk_flusher_find(const struct xk_flusher_options *options, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = name_of(options->path);
    XK_CLEANUP_CLOSE int process = -1;
    struct xk_process named;
    struct xk_error why = {0};
    struct pollfd gone = {.events = POLLIN};

    if (xk_process_load(AT_FDCWD, path, &named, &why) == -1)
        return why.kind == XK_ERR_NOT_FOUND
                   ? 0
                   : xk_fail(err, why.kind, "%s", why.message);
    process = xk_process_open(&named);
    if (process == -1)
        return errno == ESRCH
                   ? 0
                   : xk_fail_errno(err, "open the process that flushes");
    if (!has_image(named.pid, options->image_fd)) {
        kill_stranger(process);
        return 0;
    }
    gone.fd = process;
    return poll(&gone, 1, 0) == 0;
}
