/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every configuration of data/kvm gives the command line in the file beside it.
 * XK_GOLDEN_UPDATE=1 rewrites these files: read the difference before you
 * commit it.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/toolstack/kvm/plan_files.h"
#include "toolstack/kvm/plan.h"

enum {
    TEXT_MAX = 1 << 20
};

static const time_t some_time = 1700000000;

static void
print_case(const char *name, struct xk_buf *out)
{
    XK_CLEANUP_FREE char *text = plan_case_text(name, "/images");
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(text);
    struct xk_kvm_plan plan;
    struct xk_error err;

    xk_kvm_plan_init(&plan, true);
    plan.now = some_time;
    plan.accel = strstr(text, "# accelerator: kvm") != NULL ? XK_KVM_ACCEL_KVM
                                                            : XK_KVM_ACCEL_TCG;
    if (xk_kvm_plan_domain(&plan, config, &err) == -1)
        fail_msg("%s: %s", name, err.message);
    plan_print(&plan, out);
    xk_kvm_plan_free(&plan);
}

static bool
same_as_file(const char *path, const struct xk_buf *out)
{
    XK_CLEANUP_BUF struct xk_buf expected = {0};

    return xk_read_file(AT_FDCWD, path, TEXT_MAX, &expected, NULL) == 0 &&
           expected.length == out->length &&
           memcmp(expected.data, out->data, out->length) == 0;
}

static void
every_case_gives_its_command_line(void **context)
{
    size_t count, wrong = 0;
    char **names = plan_list_cases(&count);

    (void)context;
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_FREE char *path = plan_case_path(names[i], ".argv");
        XK_CLEANUP_BUF struct xk_buf out = {0};

        print_case(names[i], &out);
        if (getenv("XK_GOLDEN_UPDATE") != NULL) {
            XK_CLEANUP_FREE char *folder = plan_case_path("", "");
            XK_CLEANUP_FREE char *name = xk_asprintf("%s.argv", names[i]);

            plan_write(folder, name, out.data, out.length);
        }
        if (!same_as_file(path, &out)) {
            wrong++;
            print_message("%s differs, it is now:\n%s", path, out.data);
        }
        free(names[i]);
    }
    free(names);
    assert_int_equal(wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_its_command_line),
    };

    /* A program that every host has, so that argv[0] is the same everywhere. */
    setenv("XK_QEMU", "/bin/true", 1);
    setenv("TZ", "UTC-2", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
