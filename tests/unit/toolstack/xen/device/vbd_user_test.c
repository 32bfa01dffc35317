/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose the user is that serves the devices of a domain. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/fakes/scratch.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/xen/device/device.h"

enum {
    DOMID = 31999
};

static const char text[] =
    "name = 'a'\ntype = 'pvh'\nmemory = 64\nkernel = '/k'\n"
    "disk = ['/there/is/none.img,raw,xvda,rw']\n";

/* A process that is that user, and waits. */
static pid_t
start_stranger(uid_t uid)
{
    int ends[2];
    char byte = 0;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        if (setresuid(uid, uid, uid) == 0)
            (void)!write(ends[1], "", 1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

static void
a_domain_whose_devices_user_is_a_process_already_is_refused(void **context)
{
    struct xk_error err = {0};
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_config_parse("a", text, strlen(text), NULL, 0, &problems, &err);
    char *scratch = scratch_new();
    struct xk_record record = {
        .path = scratch,
        .dir_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    pid_t pid = start_stranger(XK_XEN_DEVICE_FIRST_UID + DOMID);
    char path[256];
    int r;

    (void)context;
    assert_non_null(config);
    r = xk_xen_devices_attach(NULL, &record, DOMID, config,
                              xk_deadline_in_ms(10000), &err);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(r, -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    assert_string_equal(
        err.message,
        "user 2101031999 is reserved for the devices of domain 31999, "
        "and a process runs as that user already");
    /* Nothing was made. */
    snprintf(path, sizeof(path), "%s/vbd-51712", scratch);
    assert_int_equal(access(path, F_OK), -1);
    close(record.dir_fd);
    scratch_free(scratch);
    xk_problems_free(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_domain_whose_devices_user_is_a_process_already_is_refused),
    };

    if (geteuid() != 0)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
