/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A storage daemon or its client is killed while it writes; and the contents of
 * a disk's directory. */
#include "toolstack/xen/device/storage_daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/xen/device/vbd_support.h"

static struct xk_error err;

static void
kill_while_it_writes(uint8_t fill)
{
    pid_t pid;

    slow_file_hold(&vbd_world.image, true, false);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        vbd_write_with(fill);
        _exit(0);
    }
    slow_file_await_held(&vbd_world.image);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
an_image_is_offered_again_after_the_writes_of_a_dead_client(void **state)
{
    (void)state;
    kill_while_it_writes(0xaa);
    assert_int_equal(xk_vbd_offer_image(&vbd_world.device,
                                        xk_deadline_in_ms(VBD_SOON_MS), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(vbd_write_with(0xbb), -1);
    /* A second call, as of another verb, finds the export about to go. */
    assert_int_equal(xk_vbd_offer_image(&vbd_world.device,
                                        xk_deadline_in_ms(VBD_SOON_MS), &err),
                     -1);
    slow_file_release(&vbd_world.image);
    if (xk_vbd_offer_image(&vbd_world.device, xk_deadline_in_ms(VBD_WAIT_MS),
                           &err) == -1)
        fail_msg("%s", err.message);
    assert_int_equal(slow_file_byte(&vbd_world.image, 0), 0xaa);
    assert_int_equal(vbd_write_with(0xbb), 0);
    assert_int_equal(slow_file_byte(&vbd_world.image, 0), 0xbb);
}

static void
a_dead_storage_daemon_has_the_image_until_its_writes_are_done(void **state)
{
    (void)state;
    kill_while_it_writes(0xaa);
    kill(vbd_world.daemon_pid, SIGKILL);
    assert_int_equal(xk_vbd_await_image(&vbd_world.device,
                                        xk_deadline_in_ms(VBD_SOON_MS), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_IN_USE);
    slow_file_release(&vbd_world.image);
    assert_int_equal(xk_vbd_await_image(&vbd_world.device,
                                        xk_deadline_in_ms(VBD_WAIT_MS), &err),
                     0);
    assert_int_equal(slow_file_byte(&vbd_world.image, 0), 0xaa);
}

/* ---- the directory of a disk ---- */

/* Name this process as xk-backend names itself. */
static int
serve(const struct xk_record *record)
{
    XK_CLEANUP_FREE char *folder = xk_asprintf("%s/vbd-51712", record->path);
    XK_CLEANUP_FREE char *lock = xk_asprintf("%s/lock", folder);
    XK_CLEANUP_FREE char *name = xk_asprintf("%s/backend.json", folder);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct xk_process self;
    int fd;

    assert_int_equal(mkdir(folder, 0700), 0);
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &all), 0);
    assert_true(xk_process_identify(getpid(), &self));
    assert_int_equal(xk_process_save(AT_FDCWD, name, &self, &err), 0);
    return fd;
}

static bool
is_known(const struct xk_record *record)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    assert_int_equal(xk_xen_devices_list(record, &devices, &err), 0);
    assert_int_equal(devices.count, 1);
    return xk_xen_device_need_known(&devices.items[0], &err) == 0;
}

static void
a_disk_that_was_served_is_not_taken_for_one_half_made(void **context)
{
    struct xk_state state;
    struct xk_record *record;
    struct xk_uuid uuid;
    int fd;

    (void)context;
    xk_uuid_random(&uuid);
    assert_int_equal(xk_state_open(&state, &err), 0);
    record = xk_record_create(&state, &uuid, "fake", "create", &err);
    assert_non_null(record);
    fd = serve(record);
    assert_false(is_known(record)); /* its device.json is missing */
    close(fd);
    assert_false(is_known(record)); /* it has been served */
    assert_int_equal(unlinkat(record->dir_fd, "vbd-51712/lock", 0), 0);
    assert_true(is_known(record));
    xk_record_close(record);
    xk_state_close(&state);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, vbd_set_up, vbd_tear_down)
    const struct CMUnitTest tests[] = {
        T(an_image_is_offered_again_after_the_writes_of_a_dead_client),
        T(a_dead_storage_daemon_has_the_image_until_its_writes_are_done),
        T(a_disk_that_was_served_is_not_taken_for_one_half_made),
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a file system of its own\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
