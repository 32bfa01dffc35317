/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a configuration comes from: files, and paths that are not files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/toolstack/config/support.h"

static const char good[] = "name='d'; type='hvm'; memory=64\n";

static int
make_directory(void **state)
{
    char *directory = xk_strdup("/tmp/xk-config-XXXXXX");

    assert_non_null(mkdtemp(directory));
    *state = directory;
    return 0;
}

static int
remove_directory(void **state)
{
    int result = xk_remove_tree(AT_FDCWD, *state, NULL);

    free(*state);
    return result;
}

static char *
write_file(const char *directory, const void *data, size_t length)
{
    char *path = xk_asprintf("%s/a.cfg", directory);

    assert_int_equal(xk_write_file(AT_FDCWD, path, data, length, false, NULL),
                     0);
    return path;
}

/* Reading must fail with a configuration error that says this about the path.
 */
static void
expect_unreadable(const char *path, const char *message)
{
    struct xk_problems problems = {0};
    struct xk_error err;
    char *text = xk_asprintf("%s: %s", path, message);

    assert_null(xk_config_read(path, NULL, 0, &problems, &err));
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_string_equal(err.message, text);
    assert_int_equal(problems.errors, 1);
    assert_string_equal(problems.items[0].file, path);
    assert_int_equal(problems.items[0].line, 0);
    free(text);
    xk_problems_free(&problems);
}

static void
a_file_is_read_and_its_path_kept(void **state)
{
    char *path = write_file(*state, good, strlen(good));
    struct xk_problems problems = {0};
    struct xk_domain_config *config =
        xk_config_read(path, NULL, 0, &problems, NULL);

    assert_non_null(config);
    assert_string_equal(config->source, path);
    xk_config_free(config);
    free(path);
}

static void
a_relative_path_is_kept_as_an_absolute_one(void **state)
{
    char *path = write_file(*state, good, strlen(good));
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct xk_problems problems = {0};
    struct xk_domain_config *config;

    assert_int_equal(chdir(*state), 0);
    config = xk_config_read("a.cfg", NULL, 0, &problems, NULL);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_non_null(config);
    assert_string_equal(config->source, path);
    xk_config_free(config);
    free(path);
}

static void
no_file_leaves_all_to_overrides(void **state)
{
    const char *const overrides[] = {"name='d'", "type='hvm'", "memory=64"};
    struct xk_problems problems = {0};
    struct xk_domain_config *config =
        xk_config_read("/dev/null", overrides, 3, &problems, NULL);

    (void)state;
    assert_non_null(config);
    assert_int_equal(problems.count, 0);
    assert_string_equal(config->source, "");
    xk_config_free(config);
}

static void
standard_input_is_read(void **state)
{
    int ends[2], saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    struct xk_problems problems = {0};
    struct xk_domain_config *config;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(xk_write_all(ends[1], good, strlen(good)), 0);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    config = xk_config_read("-", NULL, 0, &problems, NULL);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(ends[0]);
    assert_non_null(config);
    assert_string_equal(config->source, "");
    xk_config_free(config);
}

static void
what_is_missing_or_no_file_is_a_configuration_error(void **state)
{
    expect_unreadable("/nonexistent/a.cfg",
                      "cannot be read: No such file or directory");
    expect_unreadable(*state, "is a directory");
    expect_unreadable("", "cannot be read: No such file or directory");
}

static void
what_may_not_be_read_is_a_configuration_error(void **state)
{
    char *path = write_file(*state, good, strlen(good));

    if (geteuid() == 0) {
        /* Root can read every file, but nobody can follow a loop of links. */
        unlink(path);
        assert_int_equal(symlink("a.cfg", path), 0);
        expect_unreadable(path,
                          "cannot be read: Too many levels of symbolic links");
    } else {
        assert_int_equal(chmod(path, 0), 0);
        expect_unreadable(path, "cannot be read: Permission denied");
    }
    free(path);
}

static void
a_file_without_end_is_refused(void **state)
{
    (void)state;
    expect_unreadable("/dev/zero",
                      "\"/dev/zero\" is larger than 16777216 bytes");
}

static void
a_binary_file_is_refused_with_a_place(void **state)
{
    static const char binary[] = "\x7f"
                                 "ELF\x02\x01\x01\0\0\0\n\0\0\n\0";
    char *path = write_file(*state, binary, sizeof(binary));
    struct xk_problems problems = {0};
    struct xk_error err;

    assert_null(xk_config_read(path, NULL, 0, &problems, &err));
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_int_equal(problems.items[0].line, 1);
    assert_int_equal(problems.items[0].column, 1);
    xk_problems_free(&problems);
    free(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_and_its_path_kept,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(
            a_relative_path_is_kept_as_an_absolute_one, make_directory,
            remove_directory),
        cmocka_unit_test(no_file_leaves_all_to_overrides),
        cmocka_unit_test(standard_input_is_read),
        cmocka_unit_test_setup_teardown(
            what_is_missing_or_no_file_is_a_configuration_error, make_directory,
            remove_directory),
        cmocka_unit_test_setup_teardown(
            what_may_not_be_read_is_a_configuration_error, make_directory,
            remove_directory),
        cmocka_unit_test(a_file_without_end_is_refused),
        cmocka_unit_test_setup_teardown(a_binary_file_is_refused_with_a_place,
                                        make_directory, remove_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
