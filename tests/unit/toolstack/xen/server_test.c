/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes are signalled to end a disk's processes: files that a process
 * taken over by a guest can write name nobody. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "toolstack/xen/device/vbd.h"

enum {
    LITTLE_MS = 50,
    LONG_MS = 20000,
};

struct fixture {
    char *folder;
    struct xk_xen_device device;
    pid_t server; /* a process of ours */
    int lock_fd;  /* held by us, as by a backend */
    struct xk_error err;
};

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(LONG_MS);
}

/* ---- the world ---- */

/* Returns once the process has reported that it is ready. */
static pid_t
start(bool deaf)
{
    int ends[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (deaf)
            signal(SIGTERM, SIG_IGN);
        if (write(ends[1], "r", 1) == 1) {
            for (;;)
                pause();
        }
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static int
setup(void **context)
{
    static const char json[] = "{\"engine\":\"nbd\",\"readonly\":true,"
                               "\"target\":\"\",\"format\":\"raw\"}";
    struct fixture *f = XK_NEW(struct fixture);

    f->folder = scratch_new();
    f->lock_fd = -1;
    f->device = (struct xk_xen_device){
        .kind = &xk_vbd_kind,
        .number = 51712,
        .path = f->folder,
        .json = xk_json_parse(json, strlen(json), "test", &f->err),
        .name = "xvda",
    };
    f->device.document = f->device.json;
    f->server = start(false);
    *context = f;
    return 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    kill(f->server, SIGKILL);
    waitpid(f->server, NULL, 0);
    if (f->lock_fd != -1)
        close(f->lock_fd);
    xk_json_free(f->device.document);
    scratch_free(f->folder);
    free(f);
    return 0;
}

/* Lock a file and write to it, as a process can that still has it open. */
static void
lock_and_write(struct fixture *f, const char *name, pid_t pid)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", f->folder, name);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char text[16];
    int length = snprintf(text, sizeof(text), "%d\n", (int)pid);

    assert_int_not_equal(fd, -1);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_int_equal(pwrite(fd, text, (size_t)length, 0), length);
    if (f->lock_fd != -1)
        close(f->lock_fd);
    f->lock_fd = fd;
}

static void
name_process(struct fixture *f, const char *file, pid_t pid, uint64_t later)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", f->folder, file);
    struct xk_process process;

    assert_true(xk_process_identify(pid, &process));
    process.start_ticks += later;
    assert_int_equal(xk_process_save(AT_FDCWD, path, &process, &f->err), 0);
}

static bool
has_ended(pid_t pid, int *status)
{
    return waitpid(pid, status, WNOHANG) == pid;
}

static int
await_end(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
try_everything(struct fixture *f)
{
    int fds[XK_XEN_DEVICE_PROCESSES];

    assert_int_equal(xk_xen_device_open_backend(&f->device), -1);
    assert_int_equal(xk_xen_device_open_processes(&f->device, fds), 0);
    xk_xen_device_begin_stop(&f->device);
    assert_int_equal(
        xk_xen_device_stop(&f->device, xk_deadline_in_ms(LITTLE_MS), &f->err),
        0);
    assert_int_equal(xk_xen_device_abandon(
                         &f->device, xk_deadline_in_ms(LITTLE_MS), &f->err),
                     0);
}

/* ---- the tests ---- */

static void
a_pid_that_a_jailed_process_wrote_is_not_signalled(void **context)
{
    struct fixture *f = *context;

    lock_and_write(f, "qsd.pid", f->server);
    try_everything(f);
    assert_false(has_ended(f->server, NULL));
    assert_false(xk_xen_device_is_served(&f->device));
}

static void
who_holds_a_lock_and_is_not_named_is_not_taken_for_nobody(void **context)
{
    static const char *const names[] = {"lock", "qsd.lock"};
    struct fixture *f = *context;

    for (size_t i = 0; i < 2; i++) {
        lock_and_write(f, names[i], f->server);
        assert_int_equal(xk_xen_device_stop(&f->device, soon(), &f->err), -1);
        assert_int_equal(f->err.kind, XK_ERR_IN_USE);
        assert_non_null(strstr(f->err.message, names[i]));
        assert_false(has_ended(f->server, NULL));
    }
    assert_false(xk_xen_device_is_served(&f->device));
}

static void
a_process_that_has_the_pid_of_an_earlier_one_is_not_signalled(void **context)
{
    struct fixture *f = *context;

    name_process(f, "backend.json", f->server, 1);
    name_process(f, "daemon.json", f->server, 1);
    lock_and_write(f, "lock", f->server);
    try_everything(f);
    assert_false(has_ended(f->server, NULL));
}

static void
the_process_that_was_named_with_privileges_is_ended(void **context)
{
    struct fixture *f = *context;
    pid_t bystander = start(false);
    int status;

    name_process(f, "backend.json", f->server, 0);
    lock_and_write(f, "lock", bystander);
    xk_xen_device_begin_stop(&f->device);
    status = await_end(f->server);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_int_equal(xk_xen_device_stop(&f->device, soon(), &f->err), 0);
    assert_false(has_ended(bystander, NULL));
    kill(bystander, SIGKILL);
    await_end(bystander);
}

/* A process may release its lock and still use what it holds. */
static void
who_lets_go_of_its_lock_and_stays_is_killed(void **context)
{
    struct fixture *f = *context;
    pid_t deaf = start(true);
    int status;

    name_process(f, "backend.json", deaf, 0);
    assert_int_equal(xk_xen_device_abandon(
                         &f->device, xk_deadline_in_ms(LITTLE_MS), &f->err),
                     0);
    status = await_end(deaf);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
who_has_let_go_of_its_lock_does_not_serve(void **context)
{
    struct fixture *f = *context;

    name_process(f, "backend.json", f->server, 0);
    name_process(f, "daemon.json", f->server, 0);
    assert_false(xk_xen_device_is_served(&f->device));
    lock_and_write(f, "lock", 1);
    assert_true(xk_xen_device_is_served(&f->device));
}

static void
a_pidfd_is_of_the_process_that_was_named(void **context)
{
    struct fixture *f = *context;
    int fds[XK_XEN_DEVICE_PROCESSES];

    name_process(f, "daemon.json", f->server, 0);
    assert_int_equal(xk_xen_device_open_backend(&f->device), -1);
    assert_int_equal(xk_xen_device_open_processes(&f->device, fds), 1);
    kill(f->server, SIGKILL);
    assert_int_not_equal(
        xk_deadline_poll(soon(), fds[0], POLLIN, "its end", &f->err), -1);
    close(fds[0]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_pid_that_a_jailed_process_wrote_is_not_signalled),
        T(who_holds_a_lock_and_is_not_named_is_not_taken_for_nobody),
        T(a_process_that_has_the_pid_of_an_earlier_one_is_not_signalled),
        T(the_process_that_was_named_with_privileges_is_ended),
        T(who_lets_go_of_its_lock_and_stays_is_killed),
        T(who_has_let_go_of_its_lock_does_not_serve),
        T(a_pidfd_is_of_the_process_that_was_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
