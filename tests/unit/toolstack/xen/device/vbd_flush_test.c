/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flushes of a disk's data: after its backend has ended and before the process
 * that flushes it ends, and ahead, while the guest runs.
 */
#include "backends/block/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/block/blkif_queue.h"
#include "backends/block/engine/flusher.h"
#include "backends/block/inflight.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/xen/device/vbd_support.h"

static struct xk_error err;

/* ---- an image that is not raw: its daemon flushes ---- */

static void
leave_with_target(const char *target)
{
    XK_CLEANUP_FREE char *device = xk_asprintf(
        "{\"version\":1,\"domid\":1,\"devid\":51712,\"vdev\":\"xvda\","
        "\"frontend\":\"/f\",\"backend\":\"/b\",\"target\":\"%s\","
        "\"engine\":\"nbd\",\"socket\":\"%s/nbd\",\"readonly\":false}",
        target, vbd_world.folder);
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/daemon.json", vbd_world.folder);
    XK_CLEANUP_CLOSE int dir =
        open(vbd_world.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct xk_process process;

    assert_int_equal(
        xk_write_file(dir, "device.json", device, strlen(device), false, &err),
        0);
    assert_true(xk_process_identify(vbd_world.daemon_pid, &process));
    assert_int_equal(xk_process_save(AT_FDCWD, path, &process, &err), 0);
    assert_int_equal(vbd_write_with(0xaa), 0);
}

static void
leave_as_a_backend_does(void)
{
    leave_with_target(vbd_world.image.path);
}

static struct xk_inflight *
open_log(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/inflight", vbd_world.folder);
    struct xk_inflight_offer offer = {.queues = 1, .segments = 11};
    struct xk_inflight *log = xk_inflight_open(path, &offer, &err);

    assert_non_null(log);
    return log;
}

static uint64_t
daemon_server(void)
{
    struct xk_process process;

    assert_true(xk_process_identify(vbd_world.daemon_pid, &process));
    return process.start_ticks << 24 ^ (uint64_t)process.pid;
}

static void
note_a_write(void)
{
    struct xk_inflight *log = open_log();

    xk_inflight_change_server(log, daemon_server());
    xk_inflight_note_write(log);
    xk_inflight_close(log);
}

static void
assert_lost(void)
{
    struct xk_inflight *log;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            xk_settle(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err),
            -1);
        assert_non_null(strstr(err.message, "has lost what was written"));
    }
    log = open_log();
    assert_true(xk_inflight_is_poisoned(log));
    xk_inflight_close(log);
}

static void
what_was_written_is_kept_before_the_daemon_ends(void **state)
{
    struct xk_inflight *log;

    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    if (xk_settle(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err) == -1)
        fail_msg("%s", err.message);
    log = open_log();
    assert_int_equal(xk_inflight_written(log), 0);
    assert_false(xk_inflight_is_poisoned(log));
    xk_inflight_close(log);
}

static void
a_last_flush_that_fails_is_told(void **state)
{
    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    slow_file_fail(&vbd_world.image, 0, 1);
    assert_lost();
}

/* Beside this program, where the toolstack looks for it. */
static char *
link_backend(void)
{
    XK_CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);
    XK_CLEANUP_FREE char *folder_of = NULL;
    XK_CLEANUP_FREE char *path = NULL;

    assert_non_null(self);
    folder_of = xk_asprintf("%.*s", (int)(strrchr(self, '/') - self), self);
    path = xk_asprintf("%s/xk-backend", folder_of);
    assert_true(symlink("../../../../../xk-backend", path) == 0 ||
                errno == EEXIST);
    return XK_TAKE(path);
}

static void
a_disk_whose_last_flush_fails_is_not_stopped_for_another_host(void **state)
{
    XK_CLEANUP_FREE char *path = link_backend();
    int r;

    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    slow_file_fail(&vbd_world.image, 0, 1);
    r = xk_xen_device_stop(&vbd_world.device, xk_deadline_in_ms(VBD_WAIT_MS),
                           &err);
    unlink(path);
    assert_int_equal(r, -1);
    assert_non_null(strstr(err.message, "has lost what was written"));
    /* The disk is still served after the guest was told of the loss. */
    assert_int_equal(kill(vbd_world.daemon_pid, 0), 0);
}

static void
a_daemon_that_took_writes_along_is_told(void **state)
{
    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    vbd_end_daemon();
    assert_lost();
}

static void
a_flush_that_failed_while_the_backend_ended_is_told(void **state)
{
    struct xk_inflight *log;

    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    log = open_log();
    xk_inflight_set_poisoned(log, true);
    xk_inflight_close(log);
    assert_lost();
}

static void
a_last_flush_is_waited_for_until_the_deadline(void **state)
{
    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    slow_file_hold(&vbd_world.image, false, true);
    assert_int_equal(
        xk_settle(vbd_world.folder, xk_deadline_in_ms(VBD_SOON_MS), &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
}

/* Only the fact that the target is a block device matters here. */
static void
leave_a_block_device(void)
{
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/device", vbd_world.folder);

    assert_int_equal(mknod(node, S_IFBLK | 0600, makedev(7, 1000)), 0);
    leave_with_target(node);
    note_a_write();
}

static void
a_last_flush_of_a_block_device_that_is_answered_loses_nothing(void **state)
{
    struct xk_inflight *log;

    (void)state;
    leave_a_block_device();
    for (int i = 0; i < 2; i++) {
        if (xk_settle(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err) ==
            -1)
            fail_msg("%s", err.message);
    }
    log = open_log();
    assert_false(xk_inflight_is_poisoned(log));
    xk_inflight_close(log);
}

/* The daemon reports its failure once, to the client that asked. */
static void
a_last_flush_of_a_block_device_that_is_not_answered_counts_as_lost(void **state)
{
    (void)state;
    leave_a_block_device();
    slow_file_hold(&vbd_world.image, false, true);
    assert_int_equal(
        xk_settle(vbd_world.folder, xk_deadline_in_ms(VBD_SOON_MS), &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    slow_file_release(&vbd_world.image);
    assert_lost();
}

static void
a_last_flush_of_a_block_device_whose_asker_is_killed_counts_as_lost(
    void **state)
{
    pid_t pid;

    (void)state;
    leave_a_block_device();
    slow_file_hold(&vbd_world.image, false, true);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        xk_settle(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err);
        _exit(0);
    }
    slow_file_await_held(&vbd_world.image);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    slow_file_release(&vbd_world.image);
    assert_lost();
}

/* ---- the flusher of a raw image, which has outlived its backend ---- */

static void
start_flusher(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/flusher", vbd_world.folder);
    XK_CLEANUP_CLOSE int fd = open(vbd_world.image.path, O_RDWR | O_CLOEXEC);
    struct xk_flusher_options options = {.path = path, .image_fd = fd};

    assert_int_equal(xk_flusher_start(&options, &err), 0);
}

/* The directory as a backend of a raw image leaves it: no storage daemon. */
static void
leave_raw(void)
{
    XK_CLEANUP_FREE char *device = xk_asprintf(
        "{\"version\":1,\"domid\":1,\"devid\":51712,\"vdev\":\"xvda\","
        "\"frontend\":\"/f\",\"backend\":\"/b\",\"target\":\"%s\","
        "\"engine\":\"file\",\"readonly\":false,\"uid\":%u,\"gid\":%u}",
        vbd_world.image.path, XK_XEN_DEVICE_FIRST_UID + 1,
        XK_XEN_DEVICE_FIRST_UID + 1);
    XK_CLEANUP_CLOSE int dir =
        open(vbd_world.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    vbd_end_daemon();
    xk_json_cleanup(&vbd_world.device.json);
    vbd_world.device.json = vbd_json("file");
    assert_int_equal(
        xk_write_file(dir, "device.json", device, strlen(device), false, &err),
        0);
    xk_inflight_close(open_log());
}

static void
leave_a_flush(void)
{
    static const struct xk_blkif_ring_id id = {.pages = 1};
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX] = {XK_BLKIF_OP_FLUSH};
    struct xk_inflight *log = open_log();
    struct xk_inflight_queue *queue = xk_inflight_queue(log, 0);

    xk_inflight_begin(queue, &id, 32, 0);
    xk_inflight_take(queue, 0, 0, entry);
    xk_inflight_commit(queue, 1);
    assert_true(xk_blkif_flush_is_lost(log));
    xk_inflight_close(log);
}

static bool
is_flush_lost(void)
{
    struct xk_inflight *log = open_log();
    bool lost = xk_blkif_flush_is_lost(log);

    xk_inflight_close(log);
    return lost;
}

static int
stop_disk(int64_t ms)
{
    XK_CLEANUP_FREE char *path = link_backend();
    int r = xk_xen_device_stop(&vbd_world.device, xk_deadline_in_ms(ms), &err);

    unlink(path);
    return r;
}

static bool
has_flusher(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/flusher", vbd_world.folder);
    XK_CLEANUP_CLOSE int fd = xk_flusher_connect(path, NULL);

    return fd != -1;
}

static void
a_disk_is_stopped_after_what_its_dead_backend_did_not_flush(void **state)
{
    (void)state;
    leave_raw();
    start_flusher();
    leave_a_flush();
    if (stop_disk(VBD_WAIT_MS) == -1)
        fail_msg("%s", err.message);
    assert_false(has_flusher());
    /* The next backend on this host finds nothing lost. */
    assert_false(is_flush_lost());
}

static void
a_disk_that_failed_a_flush_is_not_stopped_for_another_host(void **state)
{
    (void)state;
    leave_raw();
    start_flusher();
    slow_file_fail(&vbd_world.image, 0, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stop_disk(VBD_WAIT_MS), -1);
        assert_non_null(strstr(err.message, "has lost what was written"));
    }
    assert_int_equal(xk_xen_device_abandon(&vbd_world.device,
                                           xk_deadline_in_ms(VBD_WAIT_MS),
                                           &err),
                     0);
    assert_false(has_flusher());
}

static void
a_disk_is_flushed_without_what_should_have_flushed_it(void **state)
{
    (void)state;
    leave_raw();
    slow_file_fail(&vbd_world.image, 0, 1);
    assert_int_equal(stop_disk(VBD_WAIT_MS), -1);
    assert_non_null(strstr(err.message, "has lost what was written"));
}

static void
a_flush_that_was_lost_with_all_who_knew_of_it_is_told(void **state)
{
    (void)state;
    leave_raw();
    leave_a_flush();
    assert_int_equal(stop_disk(VBD_WAIT_MS), -1);
    assert_non_null(strstr(err.message, "has lost what was written"));
    assert_false(has_flusher());
}

static void
a_disk_that_is_not_flushed_in_time_is_not_stopped(void **state)
{
    (void)state;
    leave_raw();
    start_flusher();
    leave_a_flush();
    slow_file_hold(&vbd_world.image, false, true);
    assert_int_equal(stop_disk(VBD_SOON_MS), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_true(has_flusher()); /* for the next backend */
    slow_file_release(&vbd_world.image);
    assert_int_equal(stop_disk(VBD_WAIT_MS), 0);
    assert_int_equal(xk_xen_device_abandon(&vbd_world.device,
                                           xk_deadline_in_ms(VBD_WAIT_MS),
                                           &err),
                     0);
}

static struct xk_process
find_flusher(void)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/flusher.json", vbd_world.folder);
    struct xk_process process;

    assert_int_equal(xk_process_load(AT_FDCWD, path, &process, &err), 0);
    return process;
}

static void
a_disk_whose_flusher_is_killed_meanwhile_is_not_stopped_for_another_host(
    void **state)
{
    struct xk_process process;
    pid_t pid;
    int status;

    (void)state;
    leave_raw();
    start_flusher();
    process = find_flusher();
    slow_file_hold(&vbd_world.image, false, true);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(stop_disk(VBD_WAIT_MS) == -1 &&
                      strstr(err.message, "has lost what was written") != NULL
                  ? 0
                  : 1);
    }
    slow_file_await_held(&vbd_world.image);
    xk_process_signal(&process, SIGKILL);
    slow_file_release(&vbd_world.image);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A socket at the flusher's address whose backlog one client fills. */
static int
listen_as_flusher(int type)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/flusher", vbd_world.folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    assert_int_not_equal(fd, -1);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 0), 0);
    return fd;
}

static void
a_flusher_that_cannot_be_reached_is_not_taken_for_none(void **state)
{
    XK_CLEANUP_CLOSE int listener = -1;

    (void)state;
    leave_raw();
    listener = listen_as_flusher(SOCK_STREAM);
    assert_int_not_equal(listener, -1);
    assert_int_equal(stop_disk(VBD_WAIT_MS), -1);
    assert_non_null(strstr(err.message, "the process that flushes"));
}

static void
a_flusher_that_takes_no_connection_is_waited_for_with_an_end(void **state)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/flusher", vbd_world.folder);
    XK_CLEANUP_CLOSE int listener = -1;
    XK_CLEANUP_CLOSE int client = -1;

    (void)state;
    leave_raw();
    listener = listen_as_flusher(SOCK_SEQPACKET);
    assert_int_not_equal(listener, -1);
    client = xk_flusher_connect(path, &err);
    assert_int_not_equal(client, -1);
    assert_int_equal(stop_disk(VBD_WAIT_MS), -1);
    assert_non_null(strstr(err.message, "the process that flushes"));
}

static void
a_flusher_that_is_stopped_and_cannot_be_reached_is_ended(void **state)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/flusher", vbd_world.folder);
    struct xk_process process;

    (void)state;
    leave_raw();
    start_flusher();
    process = find_flusher();
    xk_process_signal(&process, SIGSTOP);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(xk_xen_device_abandon(&vbd_world.device,
                                           xk_deadline_in_ms(VBD_WAIT_MS),
                                           &err),
                     0);
    assert_false(xk_process_alive(&process));
}

/* ---- ahead, while it is served ---- */

static void
assert_ahead_fails_and_stays_known(void)
{
    struct xk_inflight *log;

    slow_file_fail(&vbd_world.image, 0, 1);
    assert_int_equal(
        xk_flush(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err), -1);
    assert_non_null(strstr(err.message, "failed a flush"));
    log = open_log();
    assert_false(xk_inflight_is_poisoned(log)); /* the backend's business */
    xk_inflight_close(log);
    assert_lost();
}

static void
a_flush_ahead_that_fails_is_told_and_the_daemon_repeats_it(void **state)
{
    (void)state;
    leave_as_a_backend_does();
    note_a_write();
    assert_ahead_fails_and_stays_known();
}

static void
a_flush_ahead_that_fails_is_told_and_the_flusher_repeats_it(void **state)
{
    (void)state;
    leave_raw();
    start_flusher();
    assert_ahead_fails_and_stays_known();
}

static void
a_flush_ahead_is_waited_for_until_the_deadline(void **state)
{
    (void)state;
    leave_raw();
    start_flusher();
    slow_file_hold(&vbd_world.image, false, true);
    assert_int_equal(
        xk_flush(vbd_world.folder, xk_deadline_in_ms(VBD_SOON_MS), &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    slow_file_release(&vbd_world.image);
    assert_int_equal(
        xk_flush(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err), 0);
}

/* The backend flushes by itself, and would miss the error of a flush that it
 * did not request. */
static void
a_disk_that_nobody_flushes_is_left_to_its_backend(void **state)
{
    (void)state;
    leave_raw();
    slow_file_fail(&vbd_world.image, 0, 1);
    assert_int_equal(
        xk_flush(vbd_world.folder, xk_deadline_in_ms(VBD_WAIT_MS), &err), 0);
    assert_false(has_flusher());
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, vbd_set_up, vbd_tear_down)
    const struct CMUnitTest tests[] = {
        T(what_was_written_is_kept_before_the_daemon_ends),
        T(a_last_flush_that_fails_is_told),
        T(a_disk_whose_last_flush_fails_is_not_stopped_for_another_host),
        T(a_daemon_that_took_writes_along_is_told),
        T(a_flush_that_failed_while_the_backend_ended_is_told),
        T(a_last_flush_is_waited_for_until_the_deadline),
        T(a_last_flush_of_a_block_device_that_is_answered_loses_nothing),
        T(a_last_flush_of_a_block_device_that_is_not_answered_counts_as_lost),
        T(a_last_flush_of_a_block_device_whose_asker_is_killed_counts_as_lost),
        T(a_disk_is_stopped_after_what_its_dead_backend_did_not_flush),
        T(a_disk_that_failed_a_flush_is_not_stopped_for_another_host),
        T(a_disk_is_flushed_without_what_should_have_flushed_it),
        T(a_flush_that_was_lost_with_all_who_knew_of_it_is_told),
        T(a_disk_that_is_not_flushed_in_time_is_not_stopped),
        T(a_disk_whose_flusher_is_killed_meanwhile_is_not_stopped_for_another_host),
        T(a_flusher_that_cannot_be_reached_is_not_taken_for_none),
        T(a_flusher_that_takes_no_connection_is_waited_for_with_an_end),
        T(a_flusher_that_is_stopped_and_cannot_be_reached_is_ended),
        T(a_flush_ahead_that_fails_is_told_and_the_daemon_repeats_it),
        T(a_flush_ahead_that_fails_is_told_and_the_flusher_repeats_it),
        T(a_flush_ahead_is_waited_for_until_the_deadline),
        T(a_disk_that_nobody_flushes_is_left_to_its_backend),
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a file system of its own\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
