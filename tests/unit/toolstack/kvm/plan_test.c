/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan refuses, and the location that the error names. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/kvm/plan_files.h"
#include "toolstack/kvm/firmware.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/plan_internal.h"
#include "toolstack/kvm/vnc.h"

enum {
    SPEED_RUNS = 20,
    SPEED_LIMIT_NS = 2000000
};

static char *dir;

static int plan_text(struct xk_kvm_plan *plan, struct xk_error *err,
                     const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
plan_text(struct xk_kvm_plan *plan, struct xk_error *err, const char *fmt, ...)
{
    XK_CLEANUP_FREE char *more = NULL;
    XK_CLEANUP_FREE char *text = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    va_list args;

    va_start(args, fmt);
    more = xk_vasprintf(fmt, args);
    va_end(args);
    text = xk_asprintf("name='t'\nmemory=64\n%s\n", more);
    config = plan_parse(text);
    memset(err, 0, sizeof(*err));
    plan->accel = XK_KVM_ACCEL_TCG;
    return xk_kvm_plan_domain(plan, config, err);
}

/* Line 3 is the first line of the text. */
static void
refused(enum xk_error_kind kind, const char *place, const char *because,
        const char *text)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    xk_kvm_plan_init(&plan, false);
    if (plan_text(&plan, &err, "%s", text) != -1)
        fail_msg("accepted: %s", text);
    xk_kvm_plan_free(&plan);
    if (err.kind != kind || strncmp(err.message, place, strlen(place)) != 0 ||
        strstr(err.message, because) == NULL)
        fail_msg("kind %d, \"%s\": not \"%s\" ... \"%s\"", err.kind,
                 err.message, place, because);
}

static void
refused_kernel(const char *name, const char *because)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("type='pvh'\nkernel='%s/%s'", dir, name);

    refused(XK_ERR_CONFIG, "t.cfg:4:", because, text);
}

static void
a_kernel_that_is_no_kernel_is_refused(void **context)
{
    static const char gzip[] = "\x1f\x8b\x08";
    static const char script[] = "#!/bin/sh\n";

    (void)context;
    plan_write(dir, "gzip", gzip, sizeof(gzip));
    plan_write(dir, "script", script, sizeof(script));
    plan_write(dir, "nothing", "", 0);
    plan_write_kernel(dir, "pv-only", false);
    refused_kernel("gzip", "compressed by gzip");
    refused_kernel("script", "is a script");
    refused_kernel("nothing", "is not a kernel");
    refused_kernel("pv-only", "has no PVH entry point");
    refused_kernel("missing", "No such file");
    refused_kernel("", "is not a regular file");
}

static void
torn_and_scribbled_kernels_are_survived(void **context)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/torn", dir);
    XK_CLEANUP_BUF struct xk_buf bytes = {0};
    unsigned seed = 1;

    (void)context;
    plan_write_kernel(dir, "torn", true);
    assert_int_equal(xk_read_file(AT_FDCWD, path, 4096, &bytes, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        XK_CLEANUP_FREE char *copy = xk_calloc(bytes.length, 1);
        struct xk_kvm_plan plan;
        struct xk_error err;

        memcpy(copy, bytes.data, bytes.length);
        for (int k = 0; k < 3; k++)
            copy[4 + (size_t)rand_r(&seed) % (bytes.length - 4)] =
                (char)rand_r(&seed);
        plan_write(dir, "torn", copy,
                   i % 2 == 0 ? bytes.length : (size_t)i % bytes.length);
        xk_kvm_plan_init(&plan, false);
        if (plan_text(&plan, &err, "type='pvh'\nkernel='%s'", path) == -1)
            assert_int_equal(err.kind, XK_ERR_CONFIG);
        xk_kvm_plan_free(&plan);
    }
}

static void
a_domain_with_nothing_to_boot_is_refused(void **context)
{
    (void)context;
    refused(XK_ERR_UNSUPPORTED,
            "t.cfg:3:", "without kernel=", "type='pvh'\nbootloader='pygrub'");
    refused(XK_ERR_UNSUPPORTED,
            "t.cfg:3:", "without kernel=", "type='pv'\nbootloader='pygrub'");
}

static void
values_that_qemu_could_not_take_are_refused(void **context)
{
    static const struct {
        enum xk_error_kind kind;
        const char *place, *because, *text;
    } cases[] = {
        {XK_ERR_UNSUPPORTED, "t.cfg:4:", "rombios",
         "type='hvm'\nfirmware='rombios'"},
        {XK_ERR_CONFIG, "t.cfg:4:", "is not a firmware",
         "type='hvm'\nfirmware='../x'"},
        {XK_ERR_CONFIG, "t.cfg:4:", "firmware \"/nosuch\"",
         "type='hvm'\nfirmware='/nosuch'"},
        {XK_ERR_UNSUPPORTED, "t.cfg:4:", "at most 255",
         "type='hvm'\nvcpus=256"},
        {XK_ERR_CONFIG, "t.cfg:4:", "no keymap \"de,x\"",
         "type='hvm'\nkeymap='de,x'"},
        {XK_ERR_CONFIG, "t.cfg:4:", "vnclisten",
         "type='hvm'\nvnclisten='1.2.3.4,password=off'"},
        {XK_ERR_CONFIG, "t.cfg:4:", "vnclisten",
         "type='hvm'\nvnclisten='unix:/x'"},
        {XK_ERR_CONFIG, "t.cfg:5:", "videoram=4",
         "type='hvm'\nvga='stdvga'\nvideoram=4"},
        {XK_ERR_UNSUPPORTED, "t.cfg:4:", "usbdevice \"host:1.2\"",
         "type='hvm'\nusbdevice='host:1.2'"},
        {XK_ERR_CONFIG, "t.cfg:4:", "is not the absolute path",
         "type='hvm'\ndevice_model_override='qemu'"},
    };

    (void)context;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refused(cases[i].kind, cases[i].place, cases[i].because, cases[i].text);
}

static void
vfb_settings_are_checked(void **context)
{
    /* The parser finds errors that do not depend on the hypervisor. */
    static const char *const bad[] = {"sdl=1", "vnclisten=[::1"};

    (void)context;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        XK_CLEANUP_FREE char *text = xk_asprintf(
            "type='pv'\nkernel='%s/kernel'\nvfb=['%s']", dir, bad[i]);
        struct xk_kvm_plan plan;
        struct xk_error err;

        xk_kvm_plan_init(&plan, false);
        assert_int_equal(plan_text(&plan, &err, "%s", text), -1);
        xk_kvm_plan_free(&plan);
        assert_int_equal(strncmp(err.message, "t.cfg:5:", 8), 0);
    }
}

static void
vnc_addresses_are_taken_apart(void **context)
{
    static const struct {
        const char *listen;
        int64_t display;
        const char *result; /* NULL: refused */
    } cases[] = {
        {"127.0.0.1", -1, "127.0.0.1:0"},
        {"127.0.0.1", 7, "127.0.0.1:7"},
        {"127.0.0.1:3", -1, "127.0.0.1:3"},
        {"localhost", 1, "localhost:1"},
        {"", -1, ":0"},
        {":5", -1, ":5"},
        {"::1", 2, "[::1]:2"},
        {"[::1]", -1, "[::1]:0"},
        {"[::1]:9", -1, "[::1]:9"},
        {"::", -1, "[::]:0"},
        {"127.0.0.1:", -1, NULL},
        {"127.0.0.1:x", -1, NULL},
        {"127.0.0.1:-1", -1, NULL},
        {"127.0.0.1:70000", -1, NULL},
        {"[::1", -1, NULL},
        {"[::1]x", -1, NULL},
        {"[::1]:", -1, NULL},
        {"[]", -1, NULL},
        {"-h", -1, NULL},
        {"a b", -1, NULL},
        {"a,to=1", -1, NULL},
        {"a\nb", -1, NULL},
        {"none", 1, "none:1"},
        {"a/b", -1, NULL},
    };

    (void)context;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        XK_CLEANUP_FREE char *address = NULL;
        struct xk_error err;
        int64_t display;
        int r = xk_kvm_vnc_address(cases[i].listen, cases[i].display, &address,
                                   &display, &err);

        if (cases[i].result == NULL)
            assert_int_equal(r, -1);
        else
            assert_string_equal(address, cases[i].result);
    }
}

static void
commas_are_doubled_in_plain_options(void **context)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a", "a"},
        {",", ",,"},
        {"a,b,,c", "a,,b,,,,c"},
    };

    (void)context;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        XK_CLEANUP_FREE char *text = xk_kvm_escape(cases[i][0]);

        assert_string_equal(text, cases[i][1]);
    }
}

static void
every_problem_is_told_at_once(void **context)
{
    struct xk_problems problems = {0};
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    plan.problems = &problems;
    plan.probe = true;
    assert_int_equal(
        plan_text(&plan, &err,
                  "type='hvm'\nfirmware='zz'\nkeymap='zz'\n"
                  "disk=['/nosuch/a,raw,xvda,rw',\n'/nosuch/b,raw,xvdb,rw']\n"
                  "vif=['type=ioemu,model=zz']\nusbdevice=['zz']"),
        0);
    xk_kvm_plan_free(&plan);
    assert_int_equal(problems.errors, 6);
    for (size_t i = 0; i < problems.count; i++) {
        assert_string_equal(problems.items[i].file, "t.cfg");
        assert_true(problems.items[i].line >= 4);
        assert_true(problems.items[i].column >= 1);
    }
    xk_problems_free(&problems);
}

static void
a_root_device_of_xen_is_warned_of(void **context)
{
    struct xk_problems problems = {0};
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    plan.problems = &problems;
    assert_int_equal(plan_text(&plan, &err,
                               "type='pv'\nkernel='%s/kernel'\n"
                               "extra='ro root=/dev/xvda1 quiet'",
                               dir),
                     0);
    xk_kvm_plan_free(&plan);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.items[0].severity, XK_PROBLEM_WARNING);
    assert_int_equal(problems.items[0].line, 5);
    assert_non_null(strstr(problems.items[0].message, "\"root=/dev/xvda1\""));
    xk_problems_free(&problems);
}

static void
a_dry_plan_touches_nothing(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, true);
    assert_int_equal(
        plan_text(&plan, &err,
                  "type='pvh'\nkernel='/nosuch/k'\nramdisk='/nosuch/r'\n"
                  "disk=['/nosuch/d,qcow2,xvda,rw']\nvif=['type=user']\n"
                  "vnc=1\nvncpasswd='x'"),
        0);
    assert_int_equal(plan.fd_count, 4);
    for (size_t i = 0; i < plan.fd_count; i++)
        assert_int_equal(plan.fds[i].fd, -1);
    xk_kvm_plan_free(&plan);
}

static void
a_password_is_not_on_the_command_line(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;
    char text[16] = "";

    (void)context;
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_text(&plan, &err, "type='hvm'\nvncpasswd='hunter2'"),
                     0);
    for (size_t i = 0; i < plan.argc; i++)
        assert_null(strstr(plan.argv[i], "hunter2"));
    assert_int_equal(plan.fd_count, 1);
    assert_int_equal(pread(plan.fds[0].fd, text, sizeof(text), 0), 7);
    assert_string_equal(text, "hunter2");
    assert_true((fcntl(plan.fds[0].fd, F_GETFD) & FD_CLOEXEC) != 0);
    xk_kvm_plan_free(&plan);
}

static void
firmware_variables_stay_with_the_record(void **context)
{
    static const char note[] = "the guest was here";
    XK_CLEANUP_FREE char *code = xk_asprintf("%s/MY_CODE.fd", dir);
    XK_CLEANUP_FREE char *record = xk_asprintf("%s/record", dir);
    XK_CLEANUP_CLOSE int record_fd = -1;
    char text[sizeof(note)] = "";

    (void)context;
    plan_write_raw(dir, "MY_CODE.fd", 4096);
    plan_write_raw(dir, "MY_VARS.fd", 4096);
    assert_int_equal(mkdir(record, 0700), 0);
    record_fd = open(record, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int start = 0; start < 2; start++) {
        struct xk_kvm_plan plan;
        struct xk_error err;

        xk_kvm_plan_init(&plan, false);
        plan.record_dir_fd = record_fd;
        assert_int_equal(
            plan_text(&plan, &err, "type='hvm'\nfirmware='%s'", code), 0);
        assert_int_equal(fcntl(plan.fds[0].fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        if (start == 0)
            assert_int_equal(pwrite(plan.fds[1].fd, note, sizeof(note), 100),
                             sizeof(note));
        else
            assert_int_equal(pread(plan.fds[1].fd, text, sizeof(note), 100),
                             sizeof(note));
        xk_kvm_plan_free(&plan);
    }
    assert_string_equal(text, note);
}

static void
a_plan_costs_less_than_two_milliseconds(void **context)
{
    int64_t best = INT64_MAX;

    (void)context;
    plan_write_raw(dir, "speed", 1 << 20);
    for (int i = 0; i < SPEED_RUNS; i++) {
        struct xk_kvm_plan plan;
        struct xk_error err;
        int64_t start = xk_now_ns();

        xk_kvm_plan_init(&plan, false);
        assert_int_equal(plan_text(&plan, &err,
                                   "type='hvm'\nvif=['type=user']\n"
                                   "disk=['%s/speed,raw,xvda,rw']",
                                   dir),
                         0);
        xk_kvm_plan_free(&plan);
        if (xk_now_ns() - start < best)
            best = xk_now_ns() - start;
    }
    assert_true(best < SPEED_LIMIT_NS);
}

static int
setup(void **context)
{
    (void)context;
    dir = scratch_new();
    plan_write_kernel(dir, "kernel", true);
    return 0;
}

static int
teardown(void **context)
{
    (void)context;
    scratch_free(dir);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_that_is_no_kernel_is_refused),
        cmocka_unit_test(torn_and_scribbled_kernels_are_survived),
        cmocka_unit_test(a_domain_with_nothing_to_boot_is_refused),
        cmocka_unit_test(values_that_qemu_could_not_take_are_refused),
        cmocka_unit_test(vfb_settings_are_checked),
        cmocka_unit_test(vnc_addresses_are_taken_apart),
        cmocka_unit_test(commas_are_doubled_in_plain_options),
        cmocka_unit_test(every_problem_is_told_at_once),
        cmocka_unit_test(a_root_device_of_xen_is_warned_of),
        cmocka_unit_test(a_dry_plan_touches_nothing),
        cmocka_unit_test(a_password_is_not_on_the_command_line),
        cmocka_unit_test(firmware_variables_stay_with_the_record),
        cmocka_unit_test(a_plan_costs_less_than_two_milliseconds),
    };

    setenv("XK_QEMU", "/bin/true", 1);
    return cmocka_run_group_tests(tests, setup, teardown);
}
