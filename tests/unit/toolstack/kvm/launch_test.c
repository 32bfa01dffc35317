/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How QEMU is started: what it inherits, who it is, what is said if it fails.
 */
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/toolstack/kvm/support.h"
#include "toolstack/find.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/host.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/launch.h"
#include "toolstack/kvm/uid.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

static void
read_proc(const struct kvm_world *w, const char *name, struct xk_buf *text)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("/proc/%d/%s", (int)kvm_process(w).pid, name);

    assert_int_equal(xk_read_file(AT_FDCWD, path, 1 << 20, text, NULL), 0);
}

static void
assert_status_line(const struct kvm_world *w, const char *line)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    read_proc(w, "status", &text);
    if (strstr(text.data, line) == NULL)
        fail_msg("no \"%s\" in: %s", line, text.data);
}

/* QEMU itself ignores SIGPIPE. The two signals that the C library keeps for
 * itself, 32 and 33, cannot be changed through it. */
static void
assert_ignores_only_that(const struct kvm_world *w)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *line;
    uint64_t mask;

    read_proc(w, "status", &text);
    line = strstr(text.data, "\nSigIgn:\t");
    assert_non_null(line);
    mask = strtoull(line + strlen("\nSigIgn:\t"), NULL, 16);
    assert_int_equal(mask & ~(UINT64_C(3) << 31), UINT64_C(1) << (SIGPIPE - 1));
}

/* Whether QEMU has a descriptor of that file. */
static bool
has_open(const struct kvm_world *w, const char *path)
{
    XK_CLEANUP_FREE char *folder =
        xk_asprintf("/proc/%d/fd", (int)kvm_process(w).pid);
    XK_CLEANUP_DIR DIR *dir = opendir(folder);
    struct dirent *entry;
    bool found = false;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char target[4096];
        ssize_t length =
            readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

        target[length > 0 ? length : 0] = '\0';
        found = found || strcmp(target, path) == 0;
    }
    return found;
}

static void
qemu_is_confined_and_nobodys_child(void **context)
{
    struct kvm_world *w = *context;
    struct xk_kvm_claim claim;
    struct xk_process process;
    char line[64];

    kvm_build(w, "");
    assert_int_equal(
        xk_kvm_identity_load(w->domain.record->dir_fd, &process, &claim, NULL),
        0);
    snprintf(line, sizeof(line), "\nUid:\t%u\t%u\t%u\t%u\n", claim.uid,
             claim.uid, claim.uid, claim.uid);
    assert_status_line(w, line);
    if (geteuid() == 0) {
        assert_int_not_equal(claim.uid, 0);
        assert_status_line(w, "\nCapPrm:\t0000000000000000\n");
    }
    assert_status_line(w, "\nNoNewPrivs:\t1\n");
    assert_status_line(w, "\nSeccomp:\t2\n");
    if (geteuid() == 0) /* its own, and ours */
        assert_status_line(w, "\nSeccomp_filters:\t2\n");
    assert_ignores_only_that(w);
    assert_int_equal(getsid(process.pid), process.pid);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void
qemu_gets_no_descriptor_and_no_variable_that_is_not_for_it(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/secret", w->scratch);
    XK_CLEANUP_BUF struct xk_buf variables = {0};
    /* All numbers that the plan's descriptors could collide with. */
    int secrets[64];

    for (size_t i = 0; i < XK_ARRAY_SIZE(secrets); i++)
        secrets[i] = open(path, O_RDWR | O_CREAT, 0600);
    setenv("XK_TEST_SECRET", "1", 1);
    kvm_start(w, "");
    assert_false(has_open(w, path));
    assert_true(has_open(w, w->image));
    read_proc(w, "environ", &variables);
    assert_null(memmem(variables.data, variables.length, "SECRET", 6));
    unsetenv("XK_TEST_SECRET");
    for (size_t i = 0; i < XK_ARRAY_SIZE(secrets); i++)
        close(secrets[i]);
}

static void
the_record_is_closed_to_qemu(void **context)
{
    struct kvm_world *w = *context;
    struct stat st;

    kvm_build(w, "");
    assert_int_equal(fstatat(w->domain.record->dir_fd, XK_KVM_FOLDER, &st, 0),
                     0);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(st.st_mode & 0777, 0711);
    assert_int_equal(
        fstatat(w->domain.record->dir_fd, XK_KVM_FILE_EVENTS, &st, 0), 0);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void
a_name_reaches_qemu_as_it_is(void **context)
{
    static const char name[] = "a,debug-threads=off,,process=x \\\"-S$(id)";
    struct kvm_world *w = *context;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        kvm_config(w, "plain", "");

    free(config->name);
    config->name = xk_strdup(name);
    w->domain.record = kvm_record(w, config);
    if (xk_kvm_ops.domain->build(w->hv, w->domain.record, config, kvm_soon(),
                                 &w->err) == -1)
        fail_msg("%s", w->err.message);
    qmp = xk_qmp_connect(w->domain.record->dir_fd, XK_KVM_FILE_QMP, kvm_soon(),
                         &w->err);
    assert_non_null(qmp);
    assert_int_equal(
        xk_qmp_execute(qmp, "query-name", NULL, &answer, kvm_soon(), &w->err),
        0);
    assert_string_equal(
        xk_json_string(xk_json_get(xk_json_get(answer, "return"), "name")),
        name);
}

/* Launch a plan that is only a program and these arguments. */
static int
launch(struct kvm_world *w, const char *program, const char *const *arguments)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        kvm_config(w, "plain", "");
    struct xk_kvm_claim claim = {0};
    struct xk_kvm_plan plan;
    int events_fd = -1;
    int held, r;

    xk_domain_close(&w->domain);
    w->domain.record = kvm_record(w, config);
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(
        xk_kvm_claim_make(w->domain.record, &claim, &held, kvm_soon(), &w->err),
        0);
    xk_kvm_uid_release(claim.uid, held);
    plan.uid = claim.uid;
    plan.gid = geteuid() == 0 ? (gid_t)claim.uid : getegid();
    xk_kvm_plan_arg(&plan, "%s", program);
    for (; *arguments != NULL; arguments++)
        xk_kvm_plan_arg(&plan, "%s", *arguments);
    assert_int_equal(xk_kvm_launch_complete_plan(&plan, config,
                                                 w->domain.record->dir_fd,
                                                 &events_fd, &w->err),
                     0);
    r = xk_kvm_launch(&plan, w->domain.record, events_fd, kvm_soon(), &w->err);
    xk_kvm_plan_free(&plan);
    return r;
}

static void
what_qemu_says_before_it_ends_is_the_error(void **context)
{
    static const struct {
        const char *arguments[8];
        const char *says;
    } rows[] = {
        {{"-nosuch", NULL}, "-nosuch: invalid option"},
        {{"-M", "none", "-nodefaults", "-display", "none", "-device", "nosuch",
          NULL},
         "'nosuch' is not a valid device model name"},
    };
    struct kvm_world *w = *context;
    XK_CLEANUP_FREE char *program = xk_kvm_qemu_path(&w->err);

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        int64_t begin = xk_now_ns();

        assert_int_equal(launch(w, program, rows[i].arguments), -1);
        assert_int_equal(w->err.kind, XK_ERR_FAILED);
        if (strstr(w->err.message, rows[i].says) == NULL ||
            strstr(w->err.message, "qemu-system") != NULL)
            fail_msg("%s", w->err.message);
        assert_true(xk_now_ns() - begin < INT64_C(5000000000));
    }
}

static void
an_image_that_is_open_elsewhere_is_in_use(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_FREE char *program = xk_kvm_qemu_path(&w->err);
    XK_CLEANUP_FREE char *image = xk_asprintf("%s/open.img", w->scratch);
    XK_CLEANUP_FREE char *option = xk_asprintf(
        "{\"driver\":\"file\",\"filename\":\"%s\",\"node-name\":\"a\"}", image);
    const char *const arguments[] = {"-display",
                                     "none",
                                     "-nodefaults",
                                     "-M",
                                     "q35",
                                     "-accel",
                                     "tcg",
                                     "-blockdev",
                                     option,
                                     "-device",
                                     "virtio-blk-pci,drive=a",
                                     NULL};
    /* The byte that QEMU locks where it does not share writing: see
     * block/file-posix.c, RAW_LOCK_SHARED_BASE and BLK_PERM_WRITE. */
    struct flock lock = {.l_type = F_RDLCK, .l_start = 201, .l_len = 1};
    XK_CLEANUP_CLOSE int fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    assert_int_equal(fchmod(fd, 0666), 0);
    assert_int_equal(chmod(w->scratch, 0755), 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_int_equal(launch(w, program, arguments), -1);
    if (w->err.kind != XK_ERR_IN_USE)
        fail_msg("%s", w->err.message);
}

static void
a_program_that_cannot_be_run_is_named(void **context)
{
    static const char *const none[] = {NULL};
    struct kvm_world *w = *context;

    assert_int_equal(launch(w, "/nonexistent/qemu", none), -1);
    assert_non_null(strstr(w->err.message, "/nonexistent/qemu"));
    assert_int_equal(w->err.errnum, ENOENT);
    assert_int_equal(launch(w, "/etc/passwd", none), -1);
    assert_int_equal(w->err.kind, XK_ERR_HOST);
}

static void
a_program_that_is_no_qemu_fails_in_time(void **context)
{
    static const char *const none[] = {NULL};
    struct kvm_world *w = *context;

    assert_int_equal(launch(w, "/bin/true", none), -1);
    assert_int_equal(w->err.kind, XK_ERR_FAILED);
    assert_non_null(strstr(w->err.message, "ended"));
}

static void
a_dry_plan_has_the_same_arguments_and_touches_nothing(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        kvm_config(w, "plain", "");
    XK_CLEANUP_CLOSE int dirfd = open(w->scratch, O_RDONLY | O_DIRECTORY);
    XK_CLEANUP_CLOSE int events_fd = -1;
    struct xk_kvm_plan dry, real;

    xk_kvm_plan_init(&dry, true);
    xk_kvm_plan_init(&real, false);
    assert_int_equal(
        xk_kvm_launch_complete_plan(&dry, config, -1, NULL, &w->err), 0);
    assert_int_equal(
        xk_kvm_launch_complete_plan(&real, config, dirfd, &events_fd, &w->err),
        0);
    assert_int_equal(dry.argc, real.argc);
    for (size_t i = 0; i < dry.argc; i++)
        assert_string_equal(dry.argv[i], real.argv[i]);
    assert_int_equal(dry.fd_count, real.fd_count);
    for (size_t i = 0; i < dry.fd_count; i++) {
        assert_int_equal(dry.fds[i].fd, -1);
        assert_string_equal(dry.fds[i].what, real.fds[i].what);
    }
    xk_kvm_plan_free(&dry);
    xk_kvm_plan_free(&real);
}

static void
people_stay_on_the_console_over_another_qemu(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process process;
    struct xk_console console;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    kvm_start(w, "");
    config = xk_record_load_config(w->domain.record, &w->err);
    assert_int_equal(
        xk_kvm_ops.domain->console(w->hv, &w->domain, 0, &console, &w->err), 0);
    process = kvm_process(w);
    assert_int_equal(xk_process_kill(&process, kvm_soon(), &w->err), 0);
    assert_int_equal(xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                                kvm_soon(), &w->err),
                     0);
    kvm_wait_printed(w, 'R', 2);
    assert_int_equal(write(console.input_fd, "k", 1), 1);
    kvm_wait_printed(w, 'k', 1);
    xk_console_close(&console);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kvm_setup, kvm_teardown)
    const struct CMUnitTest tests[] = {
        T(qemu_is_confined_and_nobodys_child),
        T(qemu_gets_no_descriptor_and_no_variable_that_is_not_for_it),
        T(the_record_is_closed_to_qemu),
        T(a_name_reaches_qemu_as_it_is),
        T(what_qemu_says_before_it_ends_is_the_error),
        T(an_image_that_is_open_elsewhere_is_in_use),
        T(a_program_that_cannot_be_run_is_named),
        T(a_program_that_is_no_qemu_fails_in_time),
        T(a_dry_plan_has_the_same_arguments_and_touches_nothing),
        T(people_stay_on_the_console_over_another_qemu),
    };
#undef T

    if (!kvm_is_possible())
        return 77;
    xk_log_set_level(XK_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
