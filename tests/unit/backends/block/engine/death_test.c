/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that are killed while their requests are in flight, on a file and
 * on a loop device whose writes and syncs finish when the test says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "tests/unit/backends/block/engine/world.h"
#include "tests/unit/test.h"

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
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a file system of its own\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN); /* as xk-backend does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
