/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What xk reports about this host. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/kvm/plan_files.h"
#include "toolstack/kvm/host.h"
#include "toolstack/kvm/ops.h"

static char *dir;

/* A program that prints a line. */
static char *
make_program(const char *name, const char *line)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("#!/bin/sh\necho '%s'\n", line);
    char *path = xk_asprintf("%s/%s", dir, name);

    plan_write(dir, name, text, strlen(text));
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static const struct xk_fact *
fact(const struct xk_facts *facts, const char *key)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->items[i].key, key) == 0)
            return &facts->items[i];
    }
    fail_msg("no fact \"%s\"", key);
    return NULL;
}

static void
qemu_is_what_the_environment_says(void **context)
{
    XK_CLEANUP_FREE char *path = make_program("my-qemu", "");
    XK_CLEANUP_FREE char *found = NULL;
    struct xk_error err;

    (void)context;
    setenv("XK_QEMU", path, 1);
    found = xk_kvm_qemu_path(&err);
    assert_string_equal(found, path);
    assert_int_equal(xk_kvm_probe(&err), 0);
    setenv("XK_QEMU", "qemu", 1);
    assert_null(xk_kvm_qemu_path(&err));
    assert_int_equal(err.kind, XK_ERR_HOST);
    setenv("XK_QEMU", "/nosuch/qemu", 1);
    assert_int_equal(xk_kvm_probe(&err), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    unsetenv("XK_QEMU");
}

static void
qemu_is_searched_in_path(void **context)
{
    XK_CLEANUP_FREE char *path = make_program("qemu-system-x86_64", "");
    XK_CLEANUP_FREE char *old = xk_strdup(getenv("PATH"));
    XK_CLEANUP_FREE char *list = xk_asprintf(":relative:/nosuch::%s:/bin", dir);
    XK_CLEANUP_FREE char *found = NULL;
    struct xk_error err;

    (void)context;
    unsetenv("XK_QEMU");
    setenv("PATH", list, 1);
    found = xk_kvm_qemu_path(&err);
    setenv("PATH", old, 1);
    assert_string_equal(found, path);
}

static void
facts_have_the_names_of_xl_info(void **context)
{
    static const char *const numbers[] = {
        "nr_cpus",          "max_cpu_id",   "nr_nodes",    "cores_per_socket",
        "threads_per_core", "total_memory", "free_memory",
    };
    static const char *const texts[] = {"host", "release", "version",
                                        "machine"};
    XK_CLEANUP_FREE char *path =
        make_program("version", "QEMU emulator version 9.1.2 (Some 1:9.1.2)");
    struct xk_facts facts = {0};
    struct xk_error err;
    uint64_t value;

    (void)context;
    setenv("XK_QEMU", path, 1);
    assert_int_equal(xk_kvm_info(NULL, &facts, &err), 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct xk_fact *found = fact(&facts, numbers[i]);

        assert_true(found->number);
        assert_true(xk_parse_u64(found->value, UINT64_MAX, &value));
        assert_true(value > 0 || strcmp(numbers[i], "max_cpu_id") == 0);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_true(fact(&facts, texts[i])->value[0] != '\0');
    assert_string_equal(fact(&facts, "qemu_version")->value,
                        "9.1.2 (Some 1:9.1.2)");
    xk_facts_free(&facts);
    unsetenv("XK_QEMU");
}

static void
a_program_that_is_no_qemu_is_told(void **context)
{
    XK_CLEANUP_FREE char *path = make_program("other", "GNU hello 2.10");
    struct xk_facts facts = {0};
    struct xk_error err;

    (void)context;
    setenv("XK_QEMU", path, 1);
    assert_int_equal(xk_kvm_info(NULL, &facts, &err), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    assert_non_null(strstr(err.message, "is not QEMU"));
    xk_facts_free(&facts);
    unsetenv("XK_QEMU");
}

static void
what_is_missing_has_a_reason(void **context)
{
    static const char *const keys[] = {
        "qemu",   "kvm_acceleration", "seabios", "ovmf",     "user_network",
        "bridge", "vhost_net",        "own_uid", "io_uring",
    };
    struct xk_facts facts = {0};
    struct xk_error err;

    (void)context;
    assert_int_equal(xk_kvm_capabilities(NULL, &facts, &err), 0);
    assert_int_equal(facts.count, sizeof(keys) / sizeof(keys[0]));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct xk_fact *found = fact(&facts, keys[i]);

        if (strcmp(found->value, "yes") == 0) {
            assert_null(found->reason);
            continue;
        }
        assert_string_equal(found->value, "no");
        assert_true(found->reason != NULL && found->reason[0] != '\0');
    }
    xk_facts_free(&facts);
}

static void
an_accelerator_is_there_or_a_reason_why_not(void **context)
{
    XK_CLEANUP_FREE char *reason = NULL;
    bool there = xk_kvm_accelerator(&reason);

    (void)context;
    assert_int_equal(there, reason == NULL);
}

static void
more_memory_than_the_host_has_is_refused(void **context)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        plan_parse("name='t'\ntype='hvm'\nvnc=0\nmemory=67108864\n");
    struct xk_problems problems = {0};
    struct xk_error err;

    (void)context;
    setenv("XK_QEMU", "/bin/true", 1);
    assert_int_equal(xk_kvm_check(NULL, config, &problems, &err), 0);
    assert_int_equal(problems.errors, 1);
    assert_int_equal(problems.items[0].line, 4);
    assert_non_null(strstr(problems.items[0].message, "MiB available"));
    xk_problems_free(&problems);
    unsetenv("XK_QEMU");
}

static void
a_dry_run_prints_the_command_and_its_descriptors(void **context)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        plan_parse("name='t'\ntype='pvh'\nmemory=64\nkernel='/nosuch/k'\n"
                   "extra='root=/dev/xvda1'\n");
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);
    struct xk_error err;
    const struct xk_json *first;

    (void)context;
    setenv("XK_QEMU", "/bin/true", 1);
    xk_json_open_object(writer, NULL);
    assert_int_equal(xk_kvm_describe(NULL, config, writer, &err), 0);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    json = xk_json_parse(text.data, text.length, "dry run", &err);
    assert_non_null(json);
    assert_string_equal(
        xk_json_string(xk_json_at(xk_json_get(json, "command"), 0)),
        "/bin/true");
    first = xk_json_at(xk_json_get(json, "descriptors"), 0);
    assert_string_equal(xk_json_string(xk_json_get(first, "what")),
                        "kernel /nosuch/k");
    assert_int_equal(xk_json_length(xk_json_get(json, "warnings")), 1);
    unsetenv("XK_QEMU");
}

static int
setup(void **context)
{
    (void)context;
    dir = scratch_new();
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
        cmocka_unit_test(qemu_is_what_the_environment_says),
        cmocka_unit_test(qemu_is_searched_in_path),
        cmocka_unit_test(facts_have_the_names_of_xl_info),
        cmocka_unit_test(a_program_that_is_no_qemu_is_told),
        cmocka_unit_test(what_is_missing_has_a_reason),
        cmocka_unit_test(an_accelerator_is_there_or_a_reason_why_not),
        cmocka_unit_test(more_memory_than_the_host_has_is_refused),
        cmocka_unit_test(a_dry_run_prints_the_command_and_its_descriptors),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
