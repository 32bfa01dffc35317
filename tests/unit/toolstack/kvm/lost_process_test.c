/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records that have lost a file, beside a real QEMU: nothing is concluded from
 * that. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/unit/toolstack/kvm/support.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/files.h"
#include "toolstack/record_config.h"

/* What is missing of its record says nothing of its QEMU. */
static void
a_qemu_that_its_record_does_not_name_is_found_and_can_be_ended(void **context)
{
    static const char *const lost[] = {XK_KVM_FILE_PROCESS, XK_KVM_FILE_CLAIM,
                                       XK_KVM_FOLDER};
    struct kvm_world *w = *context;
    struct xk_process process;
    int dirfd;

    kvm_start(w, "");
    process = kvm_process(w);
    dirfd = w->domain.record->dir_fd;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lost); i++) {
        WORKS(w, xk_remove_tree(dirfd, lost[i], &w->err));
        assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
        assert_int_equal(kvm_process(w).pid, process.pid);
    }
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_false(xk_process_alive(&process));
}

static void
a_qemu_whose_file_cannot_be_read_is_left_alone_until_it_is_destroyed(
    void **context)
{
    static const char *const texts[] = {"", "{\"pid\":1", "{\"version\":99}"};
    struct kvm_world *w = *context;
    struct xk_domain_info info;
    struct xk_process process;

    kvm_start(w, "");
    process = kvm_process(w);
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        WORKS(w, xk_write_file(w->domain.record->dir_fd, XK_KVM_FILE_PROCESS,
                               texts[i], strlen(texts[i]), false, &w->err));
        HAS_FAILED(xk_kvm_ops.domain->get(w->hv, &w->domain, &info, kvm_soon(),
                                          &w->err));
        assert_int_not_equal(w->err.kind, XK_ERR_NOT_FOUND);
        assert_true(xk_process_alive(&process));
    }
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_false(xk_process_alive(&process));
}

/* Another QEMU beside one that lives would write to the same disks. */
static void
a_restart_without_the_name_of_the_qemu_goes_on_with_it(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    struct xk_process process;

    kvm_start(w, "");
    process = kvm_process(w);
    config = xk_record_load_config(w->domain.record, &w->err);
    kvm_type(w, GUEST_REBOOT);
    kvm_wait_state(w, XK_STATE_SHUTDOWN);
    assert_int_equal(unlinkat(w->domain.record->dir_fd, XK_KVM_FILE_PROCESS, 0),
                     0);
    WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                        kvm_soon(), &w->err));
    assert_true(xk_process_alive(&process));
    assert_int_equal(kvm_process(w).pid, process.pid);
}

static void
somebody_who_stands_in_the_place_of_a_lost_qemu_is_not_ended(void **context)
{
    struct kvm_world *w = *context;
    struct xk_domain_info info;
    struct xk_process qemu;
    int ends[2], dirfd;
    pid_t pid;
    char byte;

    kvm_start(w, "");
    dirfd = w->domain.record->dir_fd;
    qemu = kvm_process(w);
    WORKS(w, xk_process_kill(&qemu, kvm_soon(), &w->err));
    assert_int_equal(unlinkat(dirfd, XK_KVM_FILE_PROCESS, 0), 0);
    HAS_FAILED(
        xk_kvm_ops.domain->get(w->hv, &w->domain, &info, kvm_soon(), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_NOT_FOUND);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        int folder = openat(dirfd, XK_KVM_FOLDER, O_RDONLY | O_DIRECTORY);

        if (fchdir(folder) == 0 && write(ends[1], "1", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    HAS_FAILED(
        xk_kvm_ops.domain->get(w->hv, &w->domain, &info, kvm_soon(), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_HOST);
    HAS_FAILED(
        xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ends[0]);
    close(ends[1]);
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
}

static void
a_domain_that_lost_its_configuration_is_not_gone(void **context)
{
    struct kvm_world *w = *context;
    struct xk_domain_info info;

    kvm_start(w, "");
    assert_int_equal(unlinkat(w->domain.record->dir_fd, "config.json", 0), 0);
    HAS_FAILED(
        xk_kvm_ops.domain->get(w->hv, &w->domain, &info, kvm_soon(), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_PROTOCOL);
    assert_non_null(strstr(w->err.message, "xk destroy"));
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_record_remove(w->domain.record, &w->err));
    assert_null(xk_record_load_config(w->domain.record, &w->err));
    assert_int_equal(w->err.kind, XK_ERR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, kvm_setup, kvm_teardown)
        T(a_qemu_that_its_record_does_not_name_is_found_and_can_be_ended),
        T(a_qemu_whose_file_cannot_be_read_is_left_alone_until_it_is_destroyed),
        T(a_restart_without_the_name_of_the_qemu_goes_on_with_it),
        T(somebody_who_stands_in_the_place_of_a_lost_qemu_is_not_ended),
        T(a_domain_that_lost_its_configuration_is_not_gone),
    };

    if (!kvm_is_possible())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
