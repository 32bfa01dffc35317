/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/backends/block/engine/world.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/block/engine/flusher.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

enum {
    IMAGE_BYTES = 4 * 1024 * 1024
};

char *folder, *flusher;
struct slow_file image;
struct xk_error err;
struct backend *running;

void
make(bool with_loop)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/image", folder);

    slow_file_new(&image, path, IMAGE_BYTES, with_loop);
}

int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    flusher = xk_asprintf("%s/flusher", folder);
    return 0;
}

pid_t
flusher_pid(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s.json", flusher);
    struct xk_process process;

    xk_process_load(AT_FDCWD, path, &process, NULL);
    return xk_process_alive(&process) ? process.pid : 0;
}

void
await_end_of(pid_t pid)
{
    XK_CLEANUP_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd != -1)
        assert_int_equal(xk_deadline_poll(xk_deadline_in_ms(WAIT_MS), fd,
                                          POLLIN, "the flusher", &err),
                         POLLIN);
}

void
kill_flusher(void)
{
    pid_t pid = flusher_pid();

    if (pid == 0)
        return;
    kill(pid, SIGKILL);
    await_end_of(pid);
}

int
tear_down(void **state)
{
    (void)state;
    slow_file_release(&image);
    kill_flusher();
    slow_file_free(&image);
    free(flusher);
    scratch_free(folder);
    return 0;
}

const char *
target(void)
{
    return image.loop[0] != '\0' ? image.loop : image.path;
}

struct xk_engine *
open_engine(bool direct, int wait_ms)
{
    struct xk_engine_options options = {.path = target(),
                                        .direct = direct,
                                        .discard = true,
                                        .lock_deadline =
                                            xk_deadline_in_ms(wait_ms)};

    return xk_file_engine_open(&options, &err);
}

void
note(struct xk_io *io, int error)
{
    (void)io;
    running->error = error;
    running->is_done = true;
}

static int
take_flusher(struct backend *backend)
{
    struct xk_flusher_options options = {
        .path = flusher, .image_fd = xk_engine_image_fd(backend->engine)};
    int known = xk_flusher_find(&options, &err);

    backend->knows_flushes = known == 1;
    backend->engine->flusher = flusher;
    return known == 0 ? xk_flusher_start(&options, &err) : known;
}

int
begin(struct backend *backend, bool direct, int wait_ms)
{
    running = backend;
    memset(backend, 0, sizeof(*backend));
    if (posix_memalign((void **)&backend->buffer, BLOCK, BLOCK) != 0)
        return -1;
    backend->engine = open_engine(direct, wait_ms);
    if (backend->engine == NULL || take_flusher(backend) == -1 ||
        xk_loop_open(&backend->loop, 64, &err) == -1)
        return -1;
    backend->queue =
        xk_engine_open_queue(backend->engine, &backend->loop, &err);
    return backend->queue == NULL ? -1 : 0;
}

void
end(struct backend *backend)
{
    xk_engine_close_queue(backend->queue);
    xk_engine_close(backend->engine);
    xk_loop_close(&backend->loop);
    free(backend->buffer);
}

int
run(struct backend *backend, enum xk_io_kind kind, uint8_t fill)
{
    bool has_data = kind == XK_IO_READ || kind == XK_IO_WRITE;
    struct iovec iov = {.iov_base = backend->buffer, .iov_len = BLOCK};
    struct xk_io io = {.kind = kind,
                       .length = has_data ? BLOCK : 0,
                       .iov = &iov,
                       .iov_count = has_data ? 1 : 0,
                       .done = note};

    if (kind == XK_IO_WRITE)
        memset(backend->buffer, fill, BLOCK);
    backend->is_done = false;
    xk_io_submit(backend->queue, &io);
    while (!backend->is_done) {
        if (xk_loop_run(&backend->loop, true, &err) == -1)
            return -1;
    }
    return backend->error;
}

pid_t
start(bool direct, bool flush)
{
    pid_t pid = fork();
    struct backend backend;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (begin(&backend, direct, WAIT_MS) == -1 ||
        run(&backend, XK_IO_WRITE, OLD) != 0)
        _exit(1);
    if (flush)
        run(&backend, XK_IO_FLUSH, 0);
    for (;;)
        pause();
}

void
await_killed(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

void
kill_while_it_flushes(bool direct, bool fail, bool kill_both)
{
    pid_t pid, other;

    make(true);
    slow_file_hold(&image, !direct, direct);
    pid = start(direct, true);
    slow_file_await_held(&image);
    other = flusher_pid();
    kill(pid, SIGKILL);
    if (kill_both)
        kill(other, SIGKILL);
    slow_file_fail(&image, fail && !direct, fail && direct);
    slow_file_release(&image);
    await_killed(pid);
    if (kill_both)
        await_end_of(other);
}
