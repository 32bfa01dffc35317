/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of a Xen guest's disks, against a store in memory. The process that
 * serves a disk only holds the lock; a script starts it in place of xk-backend.
 * The script lies beside this program, which has a folder of its own for that.
 */
#include "toolstack/xen/device/vbd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/xen/world.h"
#include "toolstack/xen/ops.h"

enum {
    DOMID = 1,
    XVDB = 51728,
    XVDC = 51744,
    WAIT_MS = 20000,
};

struct fixture {
    struct xen_world world;
    pid_t server; /* 0: nobody */
};

/* ---- the script that starts a server ---- */

static const char script[] = "#!/bin/sh\n"
                             "[ \"$1\" = block ] || exit 0\n"
                             "echo >>\"$2/started\"\n"
                             "echo '{}' >&3\n";

static char *
file_of(const struct fixture *f, unsigned number, const char *name)
{
    return xk_asprintf("%s/vbd-%u/%s", f->world.record->path, number, name);
}

static bool
has(const struct fixture *f, unsigned number, const char *name)
{
    XK_CLEANUP_FREE char *path = file_of(f, number, name);

    return access(path, F_OK) == 0;
}

static void
put(struct fixture *f, unsigned number, const char *name, const char *text)
{
    XK_CLEANUP_FREE char *path = file_of(f, number, name);

    if (xk_write_file(AT_FDCWD, path, text, strlen(text), false,
                      &f->world.err) == -1)
        fail_msg("%s", f->world.err.message);
}

/* ---- disks in a given state ---- */

static void
make_folder(struct fixture *f, unsigned number)
{
    XK_CLEANUP_FREE char *path = file_of(f, number, "");

    assert_int_equal(mkdir(path, 0700), 0);
}

static void
put_device(struct fixture *f, unsigned number, int version)
{
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "{\"version\":%d,\"domid\":%d,\"devid\":%u,\"vdev\":\"xvd%c\","
        "\"frontend\":\"/local/domain/%d/device/vbd/%u\","
        "\"backend\":\"/local/domain/0/backend/xkvbd/%d/%u\","
        "\"target\":\"%s\",\"format\":\"raw\",\"engine\":\"file\","
        "\"readonly\":true}",
        version, DOMID, number, number == XVDB ? 'b' : 'c', DOMID, number,
        DOMID, number, f->world.image);

    put(f, number, "device.json", text);
}

static char *
backend_node(unsigned number, const char *name)
{
    return xk_asprintf("/local/domain/0/backend/xkvbd/%d/%u/%s", DOMID, number,
                       name);
}

static void
set_state(struct fixture *f, unsigned number, const char *state)
{
    XK_CLEANUP_FREE char *path = backend_node(number, "state");

    assert_int_equal(xk_store_write(f->world.xen.store, XK_STORE_NO_TX, path,
                                    state, xk_deadline_never(), &f->world.err),
                     0);
}

/* 0: there is none. */
static uint64_t
state_of(struct fixture *f, unsigned number)
{
    XK_CLEANUP_FREE char *path = backend_node(number, "state");
    uint64_t state = 0;

    xk_store_read_u64(f->world.xen.store, XK_STORE_NO_TX, path, 8, &state,
                      xk_deadline_never(), &f->world.err);
    return state;
}

/* Hold the lock. Its file has an old time: the server did not start just now.
 */
static void
hold_lock(struct fixture *f, unsigned number)
{
    static const struct timespec times[2];
    XK_CLEANUP_FREE char *path = file_of(f, number, "lock");
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd == -1 || fcntl(fd, F_OFD_SETLK, &all) == -1 ||
        futimens(fd, times) == -1)
        _exit(1);
    put(f, number, "held", "");
    for (;;)
        pause();
}

static void
serve(struct fixture *f, unsigned number)
{
    XK_CLEANUP_FREE char *path = file_of(f, number, "backend.json");
    struct xk_process process;

    f->server = fork();
    assert_int_not_equal(f->server, -1);
    if (f->server == 0)
        hold_lock(f, number);
    for (int tries = 0; tries < 2000 && !has(f, number, "held"); tries++)
        usleep(10000);
    assert_true(xk_process_identify(f->server, &process));
    assert_int_equal(xk_process_save(AT_FDCWD, path, &process, &f->world.err),
                     0);
}

static bool
server_lives(struct fixture *f)
{
    return f->server != 0 && waitpid(f->server, NULL, WNOHANG) == 0;
}

static void
end_server(struct fixture *f)
{
    if (f->server == 0)
        return;
    kill(f->server, SIGKILL);
    waitpid(f->server, NULL, 0);
    f->server = 0;
}

/* A disk whose guest was asked to release it, and still uses it. */
static void
make_held(struct fixture *f)
{
    make_folder(f, XVDB);
    put_device(f, XVDB, 1);
    put(f, XVDB, "leaving", "");
    set_state(f, XVDB, "5");
    serve(f, XVDB);
}

/* ---- changes ---- */

static struct xk_domain_config *
config_with(struct fixture *f, const char *vdev)
{
    XK_CLEANUP_FREE char *disks =
        vdev == NULL ? xk_strdup("")
                     : xk_asprintf("'format=raw,vdev=%s,access=r,target=%s'",
                                   vdev, f->world.image);
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = 'a'\ntype = 'pvh'\nkernel = '/k'\nmemory = 64\n"
                    "disk = [ %s ]\n",
                    disks);
    struct xk_problems problems = {0};
    struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->world.err);

    xk_problems_free(&problems);
    if (config == NULL)
        fail_msg("%s", f->world.err.message);
    return config;
}

static int
change_as(struct fixture *f, const char *vdev, struct xk_change change)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = config_with(f, vdev);

    change.what = XK_SYNC_DISKS;
    change.config = config;
    return xk_xen_devices_change(&f->world.xen, &xk_vbd_kind, f->world.record,
                                 DOMID, &change, xk_deadline_in_ms(WAIT_MS),
                                 &f->world.err);
}

static int
change(struct fixture *f, const char *vdev, unsigned number, bool force)
{
    return change_as(f, vdev,
                     (struct xk_change){.number = number, .force = force});
}

/* As recovery does; the number of the disk is XK_EVERY_DEVICE after an edit of
 * an earlier xk. */
static int
recover(struct fixture *f, const char *vdev, unsigned number)
{
    return change_as(f, vdev,
                     (struct xk_change){.number = number, .recovery = true});
}

static int
repair(struct fixture *f)
{
    return xk_xen_repair(&f->world.xen.base, f->world.record,
                         xk_deadline_in_ms(WAIT_MS), &f->world.err);
}

static void
assert_done(const struct fixture *f, int r)
{
    xen_world_assert_done(&f->world, r);
}

/* ---- before and after ---- */

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    *context = f;
    return xen_world_set_up(&f->world, script);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    end_server(f);
    xen_world_tear_down(&f->world);
    free(f);
    return 0;
}

/* ---- a disk that its guest does not release ---- */

static void
a_held_disk_stays_when_another_is_taken_by_force(void **context)
{
    struct fixture *f = *context;

    make_held(f);
    make_folder(f, XVDC);
    put_device(f, XVDC, 1);
    assert_done(f, change(f, NULL, XVDC, true));
    assert_false(has(f, XVDC, ""));
    assert_true(has(f, XVDB, "device.json"));
    assert_true(server_lives(f));
    assert_done(f, change(f, NULL, XVDB, true));
    assert_false(has(f, XVDB, ""));
    assert_false(server_lives(f));
}

static void
a_disk_is_attached_beside_one_that_is_held(void **context)
{
    struct fixture *f = *context;

    make_held(f);
    assert_done(f, change(f, "xvdc", XVDC, false));
    assert_true(has(f, XVDC, "started"));
    assert_int_equal(state_of(f, XVDC), 1);
    assert_true(server_lives(f));
}

static void
what_was_interrupted_is_finished_beside_a_held_disk(void **context)
{
    static const unsigned numbers[] = {XVDC, XK_EVERY_DEVICE};
    struct fixture *f = *context;

    make_held(f);
    for (size_t i = 0; i < XK_ARRAY_SIZE(numbers); i++) {
        assert_done(f, recover(f, "xvdc", numbers[i]));
        assert_true(has(f, XVDC, "started"));
        assert_true(has(f, XVDB, "leaving"));
        assert_true(server_lives(f));
        assert_done(f, change(f, NULL, XVDC, true));
    }
}

static void
what_was_interrupted_is_not_finished_if_its_own_disk_is_held(void **context)
{
    struct fixture *f = *context;

    make_held(f);
    assert_int_equal(recover(f, NULL, XVDB), -1);
    assert_int_equal(f->world.err.kind, XK_ERR_IN_USE);
    assert_true(server_lives(f));
}

static void
a_held_disk_is_served_again_until_its_guest_lets_go(void **context)
{
    struct fixture *f = *context;

    make_held(f);
    end_server(f);
    assert_done(f, repair(f));
    assert_true(has(f, XVDB, "started"));
    set_state(f, XVDB, "6");
    assert_done(f, repair(f));
    assert_false(has(f, XVDB, ""));
    assert_int_equal(state_of(f, XVDB), 0);
}

static void
a_held_disk_is_served_again_after_a_move_that_failed(void **context)
{
    struct fixture *f = *context;

    make_held(f);
    end_server(f);
    assert_done(f, xk_xen_devices_start(&f->world.xen, f->world.record,
                                        xk_deadline_in_ms(WAIT_MS),
                                        &f->world.err));
    assert_true(has(f, XVDB, "started"));
}

static void
a_dead_backend_is_no_guest_that_lets_go(void **context)
{
    struct fixture *f = *context;

    make_held(f);
    end_server(f);
    assert_int_equal(change(f, NULL, XVDB, false), -1);
    assert_int_equal(f->world.err.kind, XK_ERR_IN_USE);
    assert_true(has(f, XVDB, "started"));
}

/* ---- killed in between ---- */

static void
a_disk_that_never_got_to_the_store_is_made_whole(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    put_device(f, XVDB, 1);
    assert_done(f, recover(f, "xvdb", XK_EVERY_DEVICE));
    assert_true(has(f, XVDB, "started"));
    assert_int_equal(state_of(f, XVDB), 1);
}

static void
a_disk_that_never_got_to_the_store_is_repaired(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    put_device(f, XVDB, 1);
    assert_done(f, repair(f));
    assert_true(has(f, XVDB, "started"));
    assert_int_equal(state_of(f, XVDB), 1);
}

static void
nodes_that_are_there_are_not_made_anew(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    put_device(f, XVDB, 1);
    set_state(f, XVDB, "2");
    assert_done(f, repair(f));
    assert_int_equal(state_of(f, XVDB), 2);
}

static void
a_directory_without_a_disk_becomes_one(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    assert_done(f, recover(f, "xvdb", XK_EVERY_DEVICE));
    assert_true(has(f, XVDB, "device.json"));
    assert_true(has(f, XVDB, "started"));
}

/* A mount makes the last steps fail. */
static void
a_disk_is_taken_away_as_a_whole(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *path = file_of(f, XVDB, "mount");
    XK_CLEANUP_FREE char *gone =
        xk_asprintf("%s/gone-vbd-%u/mount", f->world.record->path, XVDB);
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    bool stopped;

    make_folder(f, XVDB);
    put_device(f, XVDB, 1);
    if (mkdir(path, 0700) == -1 || mount("none", path, "tmpfs", 0, NULL) == -1)
        skip();
    stopped = change(f, NULL, XVDB, true) == -1;
    assert_int_equal(
        xk_xen_devices_list(f->world.record, &devices, &f->world.err), 0);
    if (umount(gone) == -1)
        umount(path);
    assert_true(stopped);
    assert_int_equal(devices.count, 0);
    make_folder(f, XVDB);
    assert_done(f, change(f, NULL, XVDB, true));
    assert_false(has(f, XVDB, "") || access(gone, F_OK) == 0);
}

/* ---- a device.json that is missing or not understood ---- */

static int
flush(struct fixture *f)
{
    return xk_xen_devices_flush(f->world.record, xk_deadline_in_ms(WAIT_MS),
                                &f->world.err);
}

static int
put_needs(struct fixture *f)
{
    const struct xk_domain domain = {.hv = &f->world.xen.base,
                                     .record = f->world.record};

    return xk_xen_put_needs(&f->world.xen.base, &domain, NULL,
                            xk_deadline_in_ms(WAIT_MS), &f->world.err);
}

static void
assert_goes_nowhere(struct fixture *f)
{
    assert_int_equal(put_needs(f), -1);
    assert_int_equal(f->world.err.kind, XK_ERR_UNSUPPORTED);
    assert_int_equal(flush(f), -1);
    assert_int_equal(xk_xen_devices_stop(f->world.record,
                                         xk_deadline_in_ms(WAIT_MS),
                                         &f->world.err),
                     -1);
    assert_true(server_lives(f));
    /* No server has ended, so the guest can continue. */
    assert_done(f, xk_xen_devices_start(&f->world.xen, f->world.record,
                                        xk_deadline_in_ms(WAIT_MS),
                                        &f->world.err));
}

static void
a_domain_with_a_disk_of_another_version_goes_nowhere(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    put_device(f, XVDB, 2);
    serve(f, XVDB);
    assert_goes_nowhere(f);
}

static void
a_domain_with_a_disk_that_is_lost_goes_nowhere(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    serve(f, XVDB);
    assert_goes_nowhere(f);
    end_server(f);
    assert_int_equal(flush(f), -1);
    assert_int_equal(change(f, "xvdc", XVDC, false), -1);
    assert_false(has(f, XVDC, ""));
    assert_true(has(f, XVDB, "lock"));
}

static void
what_was_interrupted_is_finished_beside_a_disk_that_is_lost(void **context)
{
    struct fixture *f = *context;

    make_folder(f, XVDB);
    serve(f, XVDB);
    assert_done(f, recover(f, "xvdc", XVDC));
    assert_true(has(f, XVDC, "started"));
    assert_done(f, recover(f, "xvdc", XK_EVERY_DEVICE));
    assert_true(has(f, XVDB, "lock"));
    assert_true(server_lives(f));
}

/* Leave one free descriptor, for the directory. */
static void
a_disk_that_cannot_be_read_now_is_not_passed_over(void **context)
{
    struct fixture *f = *context;
    struct rlimit before, few;
    int next, r;

    make_folder(f, XVDB);
    put_device(f, XVDB, 1);
    serve(f, XVDB);
    next = dup(STDERR_FILENO);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){(rlim_t)next + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    r = flush(f);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(r, -1);
    assert_non_null(strstr(f->world.err.message, strerror(EMFILE)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_held_disk_stays_when_another_is_taken_by_force),
        T(a_disk_is_attached_beside_one_that_is_held),
        T(what_was_interrupted_is_finished_beside_a_held_disk),
        T(what_was_interrupted_is_not_finished_if_its_own_disk_is_held),
        T(a_held_disk_is_served_again_until_its_guest_lets_go),
        T(a_held_disk_is_served_again_after_a_move_that_failed),
        T(a_dead_backend_is_no_guest_that_lets_go),
        T(a_disk_that_never_got_to_the_store_is_made_whole),
        T(a_disk_that_never_got_to_the_store_is_repaired),
        T(nodes_that_are_there_are_not_made_anew),
        T(a_directory_without_a_disk_becomes_one),
        T(a_disk_is_taken_away_as_a_whole),
        T(a_domain_with_a_disk_of_another_version_goes_nowhere),
        T(a_domain_with_a_disk_that_is_lost_goes_nowhere),
        T(what_was_interrupted_is_finished_beside_a_disk_that_is_lost),
        T(a_disk_that_cannot_be_read_now_is_not_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
