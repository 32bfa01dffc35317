/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that are killed while an image still has their requests: on a file
 * and a loop device whose writes and syncs end when the test says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/engine/engine.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "tests/fakes/slow_file.h"
#include "tests/unit/test.h"

enum {
    IMAGE_BYTES = 4 * 1024 * 1024,
    BLOCK = 4096,
    WAIT_MS = 20000,
    OLD = 0xaa,
    NEW = 0xbb,
};

static char *folder;
static struct slow_file image;
static struct xk_error err;

static void
make(bool with_loop)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/image", folder);

    slow_file_new(&image, path, IMAGE_BYTES, with_loop);
}

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    slow_file_free(&image);
    scratch_free(folder);
    return 0;
}

static const char *
target(void)
{
    return image.loop[0] != '\0' ? image.loop : image.path;
}

static struct xk_engine *
open_engine(bool direct, int wait_ms)
{
    struct xk_engine_options options = {.path = target(),
                                        .direct = direct,
                                        .discard = true,
                                        .lock_deadline =
                                            xk_deadline_in_ms(wait_ms)};

    return xk_file_engine_open(&options, &err);
}

/* ---- a backend, in a process of its own or in ours ---- */

struct backend {
    struct xk_loop loop;
    struct xk_engine *engine;
    struct xk_engine_queue *queue;
    uint8_t *buffer;
    int error;
    bool is_done;
};

static struct backend *running;

static void
note(struct xk_io *io, int error)
{
    (void)io;
    running->error = error;
    running->is_done = true;
}

static int
begin(struct backend *backend, bool direct, int wait_ms)
{
    running = backend;
    memset(backend, 0, sizeof(*backend));
    if (posix_memalign((void **)&backend->buffer, BLOCK, BLOCK) != 0 ||
        xk_loop_open(&backend->loop, 64, &err) == -1)
        return -1;
    backend->engine = open_engine(direct, wait_ms);
    if (backend->engine == NULL)
        return -1;
    backend->queue =
        xk_engine_open_queue(backend->engine, &backend->loop, &err);
    return backend->queue == NULL ? -1 : 0;
}

static void
end(struct backend *backend)
{
    xk_engine_close_queue(backend->queue);
    xk_engine_close(backend->engine);
    xk_loop_close(&backend->loop);
    free(backend->buffer);
}

/* The errno it ends with. */
static int
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

/* Writes OLD, flushes if it is told to, and waits to be killed. */
static pid_t
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

static void
end_killed(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* ---- writes ---- */

static void
must_be_refused(void)
{
    assert_null(open_engine(true, 0));
    assert_int_equal(err.kind, XK_ERR_IN_USE);
}

static void
others_must_be_refused(void)
{
    const char *const io[] = {"qemu-io", "-f",     "raw", "-c",
                              "open",    target(), NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0}, errors = {0};
    int status = -1;

    assert_int_equal(xk_process_run(io, 65536, &out, &errors,
                                    xk_deadline_in_ms(WAIT_MS), &status, &err),
                     0);
    assert_non_null(strstr(errors.data, "lock"));
}

static void
the_next_one_must_wait_for_a_dead_write(bool with_loop)
{
    struct backend next;
    pid_t pid;

    make(with_loop);
    slow_file_hold(&image, true, false);
    pid = start(true, false);
    slow_file_await_held(&image);
    end_killed(pid);
    must_be_refused();
    others_must_be_refused();
    if (with_loop)
        assert_int_equal(open(image.loop, O_RDWR | O_EXCL | O_CLOEXEC), -1);
    slow_file_release(&image);
    assert_int_equal(begin(&next, true, WAIT_MS), 0);
    assert_int_equal(slow_file_byte(&image, 0), OLD);
    assert_int_equal(run(&next, XK_IO_WRITE, NEW), 0);
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), 0);
    assert_int_equal(slow_file_byte(&image, 0), NEW);
    end(&next);
}

static void
a_block_device_is_nobody_s_while_a_dead_write_is_under_way(void **state)
{
    (void)state;
    the_next_one_must_wait_for_a_dead_write(true);
}

static void
a_file_is_nobody_s_while_a_dead_direct_write_is_under_way(void **state)
{
    (void)state;
    the_next_one_must_wait_for_a_dead_write(false);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_block_device_is_nobody_s_while_a_dead_write_is_under_way),
        T(a_file_is_nobody_s_while_a_dead_direct_write_is_under_way),
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a file system of its own\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
