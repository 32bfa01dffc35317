/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real QEMU accepts the plan of every configuration in data/kvm: it starts,
 * waits because of -S, reports no problem, and ends by SIGTERM.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/kvm/plan_files.h"
#include "tests/unit/toolstack/kvm/plan_qemu.h"
#include "toolstack/kvm/plan.h"

enum {
    AT_ONCE = 2,
    SOME_UID = 131072
};

static char *scratch;
static char *dirs[AT_ONCE]; /* images for one QEMU at a time: they are locked */

static void
make_files(const char *dir)
{
    static const char *const formats[][2] = {
        {"a.qcow2", "qcow2"}, {"a.vmdk", "vmdk"},           {"a.vdi", "vdi"},
        {"a.vhd", "vpc"},     {"a.vhdx", "vhdx"},           {"a.qed", "qed"},
        {"a.qcow", "qcow"},   {"a.parallels", "parallels"},
    };

    plan_write_kernel(dir, "kernel", true);
    plan_write(dir, "ramdisk", "070701", 6);
    for (int c = 'a'; c <= 'j'; c++) {
        char name[] = {(char)c, '.', 'r', 'a', 'w', '\0'};

        plan_write_raw(dir, name, 1 << 20);
    }
    plan_write_raw(dir, "a,readonly=on.raw", 1 << 20);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        plan_create_image(dir, formats[i][0], formats[i][1], NULL);
}

static void
begin(struct plan_qemu *qemu, const char *name, const char *text, uid_t uid)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(text);
    struct xk_kvm_plan plan;
    struct xk_error err;

    xk_kvm_plan_init(&plan, false);
    plan.accel = XK_KVM_ACCEL_TCG;
    if (geteuid() == 0)
        plan.uid = plan.gid = uid;
    if (xk_kvm_plan_domain(&plan, config, &err) == -1)
        fail_msg("%s: %s", name, err.message);
    plan_qemu_begin(qemu, name, &plan);
    xk_kvm_plan_free(&plan);
}

static void
qemu_takes_every_plan(void **context)
{
    struct plan_qemu qemus[AT_ONCE];
    size_t count, running = 0, bad = 0;
    char **names = plan_list_cases(&count);

    (void)context;
    for (size_t i = 0; i < count; i++) {
        /* Without KVM, QEMU cannot be asked. */
        if (strncmp(names[i], "kvm-", 4) != 0) {
            XK_CLEANUP_FREE char *text =
                plan_case_text(names[i], dirs[running]);

            begin(&qemus[running], names[i], text, 0);
            running++;
        }
        if (running == AT_ONCE || i + 1 == count) {
            for (; running > 0; running--) {
                struct plan_qemu *qemu = &qemus[running - 1];

                bad += !plan_qemu_end(qemu, plan_qemu_answers(qemu));
            }
        }
        free(names[i]);
    }
    free(names);
    assert_int_equal(bad, 0);
}

/* Return the word after an option on a process's command line. */
static char *
word_after(pid_t pid, const char *option)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("/proc/%d/cmdline", (int)pid);
    XK_CLEANUP_BUF struct xk_buf words = {0};
    const char *p;

    assert_int_equal(xk_read_file(AT_FDCWD, path, 1 << 20, &words, NULL), 0);
    for (p = words.data; p < words.data + words.length; p += strlen(p) + 1) {
        if (strcmp(p, option) == 0)
            return xk_strdup(p + strlen(p) + 1);
    }
    return NULL;
}

static void
strings_of_a_person_reach_qemu_unchanged(void **context)
{
    static const char name[] = "-a,readonly=on,$(x);`y`=\"q\" 'ü'";
    static const char line[] = "console=ttyS0 a,b=c \"q\" $(touch x) `y` ../z "
                               "\n-device foo -- -S ü";
    XK_CLEANUP_FREE char *text = plan_case_text("nasty-strings", dirs[0]);
    XK_CLEANUP_BUF struct xk_buf reply = {0};
    XK_CLEANUP_FREE char *append = NULL;
    struct plan_qemu qemu;
    const char *at;

    (void)context;
    begin(&qemu, "nasty-strings", text, SOME_UID);
    assert_true(plan_qemu_answers(&qemu));
    assert_true(plan_qemu_ask(&qemu, "query-name", &reply));
    append = word_after(qemu.pid, "-append");
    assert_string_equal(append, line);
    at = strstr(reply.data, "{\"return\"");
    assert_non_null(at);
    {
        XK_CLEANUP_JSON struct xk_json *json =
            xk_json_parse(at, strcspn(at, "\r\n"), "reply", NULL);
        const char *got =
            xk_json_string(xk_json_get(xk_json_get(json, "return"), "name"));

        assert_string_equal(got, name);
    }
    assert_true(plan_qemu_end(&qemu, true));
}

static void
files_may_have_any_name(void **context)
{
    /* A disk specification is one line. */
    static const char name[] = "-a,b=c \"q\" '`x`$(x)..;ü%s";
    static const char written[] = "-a,b=c \\\"q\\\" '`x`$(x)..;ü%s";
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name='t'\ntype='pvh'\nmemory=64\nkernel=\"%s/k\\n%s\"\n"
                    "ramdisk=\"%s/r\\n%s\"\n"
                    "disk=[\"format=raw,vdev=xvda,access=rw,target=%s/d%s\"]\n",
                    dirs[0], written, dirs[0], written, dirs[0], written);
    XK_CLEANUP_FREE char *kernel = xk_asprintf("k\n%s", name);
    XK_CLEANUP_FREE char *ramdisk = xk_asprintf("r\n%s", name);
    XK_CLEANUP_FREE char *disk = xk_asprintf("d%s", name);
    struct plan_qemu qemu;

    (void)context;
    plan_write_kernel(dirs[0], kernel, true);
    plan_write(dirs[0], ramdisk, "070701", 6);
    plan_write_raw(dirs[0], disk, 1 << 20);
    begin(&qemu, "any name", text, SOME_UID);
    assert_true(plan_qemu_end(&qemu, plan_qemu_answers(&qemu)));
}

/* QEMU itself opens the kernel and the ramdisk: it may read the one by its
 * mode, and gets a copy of the other. */
static void
qemu_of_another_uid_reads_what_only_we_may_read(void **context)
{
    XK_CLEANUP_FREE char *text = plan_case_text("hvm-kernel", dirs[0]);
    XK_CLEANUP_FREE char *ramdisk = xk_asprintf("%s/ramdisk", dirs[0]);
    struct plan_qemu qemu;

    (void)context;
    assert_int_equal(chmod(ramdisk, 0600), 0);
    begin(&qemu, "hvm-kernel", text, SOME_UID);
    assert_true(plan_qemu_end(&qemu, plan_qemu_answers(&qemu)));
    assert_int_equal(chmod(ramdisk, 0644), 0);
}

static int
setup(void **context)
{
    (void)context;
    scratch = scratch_new();
    for (size_t i = 0; i < AT_ONCE; i++) {
        dirs[i] = xk_asprintf("%s/%zu", scratch, i);
        assert_int_equal(mkdir(dirs[i], 0700), 0);
        make_files(dirs[i]);
    }
    return 0;
}

static int
teardown(void **context)
{
    (void)context;
    for (size_t i = 0; i < AT_ONCE; i++)
        free(dirs[i]);
    scratch_free(scratch);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qemu_takes_every_plan),
        cmocka_unit_test(strings_of_a_person_reach_qemu_unchanged),
        cmocka_unit_test(files_may_have_any_name),
        cmocka_unit_test(qemu_of_another_uid_reads_what_only_we_may_read),
    };

    if (!plan_has_program("qemu-system-x86_64") ||
        !plan_has_program("qemu-img")) {
        fputs("qemu-system-x86_64 or qemu-img is not installed\n", stderr);
        return 77;
    }
    /* The last test needs root: without it QEMU has our uid. */
    return _cmocka_run_group_tests(
        "kvm plans and QEMU", tests,
        sizeof(tests) / sizeof(tests[0]) - (geteuid() != 0), setup, teardown);
}
