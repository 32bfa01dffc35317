/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that are killed while an image still has their requests: on a file
 * and a loop device whose writes and syncs end when the test says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/engine/engine.h"
#include "backends/engine/flusher.h"
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

static char *folder, *flusher;
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
    flusher = xk_asprintf("%s/flusher", folder);
    return 0;
}

/* The pid of the process that flushes, by its socket; 0: there is none. */
static pid_t
flusher_pid(void)
{
    XK_CLEANUP_CLOSE int fd = xk_flusher_connect(flusher, NULL);
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);

    if (fd != -1)
        assert_int_equal(
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length), 0);
    return peer.pid;
}

/* It is nobody's child. */
static void
await_end_of(pid_t pid)
{
    XK_CLEANUP_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd != -1)
        assert_int_equal(xk_deadline_poll(xk_deadline_in_ms(WAIT_MS), fd,
                                          POLLIN, "the flusher", &err),
                         POLLIN);
}

static void
kill_flusher(void)
{
    pid_t pid = flusher_pid();

    if (pid == 0)
        return;
    kill(pid, SIGKILL);
    await_end_of(pid);
}

static int
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
    bool knows_flushes; /* its flusher is an old one */
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
take_flusher(struct backend *backend)
{
    struct xk_flusher_options options = {
        .path = flusher, .image_fd = xk_engine_image_fd(backend->engine)};
    int known = xk_flusher_take(&options, &err);

    backend->knows_flushes = known == 1;
    backend->engine->flusher = flusher;
    return known == -1 ? -1 : 0;
}

static int
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
await_killed(pid_t pid)
{
    int status;

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
    kill(pid, SIGKILL);
    await_killed(pid);
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

/* ---- flushes ---- */

/* Killed in a flush, which then fails, or does not. */
static void
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

static void
success_must_not_be_heard(bool direct)
{
    struct backend next;

    kill_while_it_flushes(direct, true, false);
    assert_int_equal(begin(&next, direct, WAIT_MS), 0);
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), EIO);
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), EIO);
    assert_true(next.knows_flushes);
    end(&next);
}

static void
a_device_s_failed_flush_outlives_its_asker(void **state)
{
    (void)state;
    success_must_not_be_heard(true);
}

static void
lost_pages_of_the_page_cache_outlive_the_asker(void **state)
{
    (void)state;
    success_must_not_be_heard(false);
}

static void
a_backend_that_is_killed_while_it_flushes_harms_nothing(void **state)
{
    struct backend next;

    (void)state;
    kill_while_it_flushes(true, false, false);
    assert_int_equal(begin(&next, true, WAIT_MS), 0);
    assert_true(next.knows_flushes);
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), 0);
    assert_int_equal(slow_file_byte(&image, 0), OLD);
    end(&next);
}

static void
where_both_are_killed_the_outcome_is_known_to_be_unknown(void **state)
{
    struct backend next;

    (void)state;
    kill_while_it_flushes(true, true, true);
    assert_int_equal(begin(&next, true, WAIT_MS), 0);
    assert_false(next.knows_flushes);
    end(&next);
}

static void
a_flusher_that_is_killed_in_its_work_is_a_failed_flush(void **state)
{
    struct backend backend;
    struct iovec none = {0};
    struct xk_io io = {.kind = XK_IO_FLUSH, .iov = &none, .done = note};
    pid_t pid;

    (void)state;
    make(true);
    assert_int_equal(begin(&backend, true, WAIT_MS), 0);
    assert_int_equal(run(&backend, XK_IO_WRITE, OLD), 0);
    slow_file_hold(&image, false, true);
    pid = flusher_pid();
    backend.is_done = false;
    xk_io_submit(backend.queue, &io);
    assert_int_equal(xk_loop_run(&backend.loop, false, &err), 0);
    slow_file_await_held(&image);
    kill(pid, SIGKILL);
    slow_file_release(&image);
    while (!backend.is_done)
        assert_int_equal(xk_loop_run(&backend.loop, true, &err), 0);
    assert_int_equal(backend.error, EIO);
    end(&backend);
}

static void
another_queue_does_not_hide_the_loss_of_a_killed_flusher(void **state)
{
    struct backend first, second = {.error = -1};
    struct iovec none = {0};
    struct xk_io io = {.kind = XK_IO_FLUSH, .iov = &none, .done = note};
    struct xk_io other = io;
    pid_t pid;

    (void)state;
    make(true);
    assert_int_equal(begin(&first, true, WAIT_MS), 0);
    assert_int_equal(xk_loop_open(&second.loop, 64, &err), 0);
    second.queue = xk_engine_open_queue(first.engine, &second.loop, &err);
    assert_non_null(second.queue);
    slow_file_hold(&image, false, true);
    pid = flusher_pid();
    xk_io_submit(first.queue, &io);
    assert_int_equal(xk_loop_run(&first.loop, false, &err), 0);
    slow_file_await_held(&image);
    kill(pid, SIGKILL);
    slow_file_release(&image);
    await_end_of(pid);
    running = &second;
    xk_io_submit(second.queue, &other);
    for (int i = 0; i < 10 && !second.is_done; i++)
        assert_int_equal(xk_loop_run(&second.loop, true, &err), 0);
    assert_false(second.is_done);
    running = &first;
    while (!first.is_done)
        assert_int_equal(xk_loop_run(&first.loop, true, &err), 0);
    assert_int_equal(first.error, EIO);
    running = &second;
    while (!second.is_done)
        assert_int_equal(xk_loop_run(&second.loop, true, &err), 0);
    xk_engine_close_queue(second.queue);
    xk_loop_close(&second.loop);
    end(&first);
}

static void
a_flusher_that_is_killed_at_rest_is_done_without(void **state)
{
    struct backend backend;

    (void)state;
    make(true);
    assert_int_equal(begin(&backend, true, WAIT_MS), 0);
    assert_int_equal(run(&backend, XK_IO_FLUSH, 0), 0);
    kill_flusher();
    assert_int_equal(run(&backend, XK_IO_WRITE, OLD), 0);
    assert_int_equal(run(&backend, XK_IO_FLUSH, 0), 0);
    slow_file_fail(&image, 0, 1);
    assert_int_equal(run(&backend, XK_IO_WRITE, NEW), 0);
    assert_int_equal(run(&backend, XK_IO_FLUSH, 0), EIO);
    end(&backend);
}

static void
a_flusher_goes_with_its_device_and_with_another_image(void **state)
{
    XK_CLEANUP_FREE char *other = xk_asprintf("%s/other", folder);
    XK_CLEANUP_CLOSE int fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct xk_flusher_options options = {.path = flusher, .image_fd = fd};
    pid_t first, second;

    (void)state;
    make(false);
    assert_int_equal(xk_flusher_take(&options, &err), 0);
    assert_int_equal(xk_flusher_take(&options, &err), 1);
    first = flusher_pid();
    options.image_fd = open(target(), O_RDWR | O_CLOEXEC);
    assert_int_equal(xk_flusher_take(&options, &err), 0);
    close(options.image_fd);
    await_end_of(first);
    second = flusher_pid();
    assert_int_equal(unlink(flusher), 0);
    await_end_of(second);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_block_device_is_nobody_s_while_a_dead_write_is_under_way),
        T(a_file_is_nobody_s_while_a_dead_direct_write_is_under_way),
        T(a_device_s_failed_flush_outlives_its_asker),
        T(lost_pages_of_the_page_cache_outlive_the_asker),
        T(a_backend_that_is_killed_while_it_flushes_harms_nothing),
        T(where_both_are_killed_the_outcome_is_known_to_be_unknown),
        T(a_flusher_that_is_killed_in_its_work_is_a_failed_flush),
        T(another_queue_does_not_hide_the_loss_of_a_killed_flusher),
        T(a_flusher_that_is_killed_at_rest_is_done_without),
        T(a_flusher_goes_with_its_device_and_with_another_image),
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a file system of its own\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN); /* as xk-backend does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
