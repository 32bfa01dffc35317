/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log file is bounded, whatever causes lines. Standard error is a file in
 * memory, and time passes only when a test advances the clock. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
    KEEP = 64 * 1024,
    BURST = 10,
    PAUSE_MS = 1000,
};

static int saved_stderr, log_fd;
static time_t now;
static bool no_holes;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, time);
    *time = (struct timespec){.tv_sec = now};
    return 0;
}

int
__wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (!no_holes)
        return __real_fallocate(fd, mode, offset, length);
    errno = EOPNOTSUPP;
    return -1;
}

static int
begin(void **state)
{
    (void)state;
    now = 1000;
    no_holes = false;
    saved_stderr = dup(STDERR_FILENO);
    log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(fcntl(log_fd, F_SETFL, O_APPEND), 0);
    assert_int_equal(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
    xk_log_set_level(XK_LOG_INFO);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(log_fd);
    xk_log_set_bounds(0, 1, 1);
    return 0;
}

static off_t
bytes_taken(void)
{
    struct stat st;

    assert_int_equal(fstat(log_fd, &st), 0);
    return (off_t)st.st_blocks * 512;
}

/* Returns the log, which the caller frees. */
static char *
text_of(off_t from)
{
    off_t length = lseek(log_fd, 0, SEEK_END) - from;
    char *text = xk_calloc(1, (size_t)length + 1);

    assert_int_equal(pread(log_fd, text, (size_t)length, from), length);
    return text;
}

static unsigned
count(const char *what)
{
    char *text = text_of(0);
    unsigned found = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        found++;
    free(text);
    return found;
}

static void
a_log_takes_no_more_room_than_it_may(void **state)
{
    char *tail;

    (void)state;
    xk_log_set_bounds(KEEP, 1 << 20, PAUSE_MS);
    for (int i = 0; i < 100000; i++) {
        xk_info("the guest has done it for the %d. time", i);
        if (i % 1000 == 0)
            assert_true(bytes_taken() <= 3 * KEEP);
    }
    assert_true(bytes_taken() <= 3 * KEEP);
    assert_true(bytes_taken() >= KEEP / 2);
    tail = text_of(lseek(log_fd, 0, SEEK_END) - 60);
    assert_non_null(strstr(tail, "99999. time\n"));
    free(tail);
}

static void
a_line_of_a_log_is_no_longer_than_it_may_be(void **state)
{
    char *much = xk_calloc(1, 1 << 20);

    (void)state;
    memset(much, 'x', (1 << 20) - 1);
    xk_log_set_bounds(KEEP, BURST, PAUSE_MS);
    xk_warn("%s", much);
    assert_true(lseek(log_fd, 0, SEEK_END) < 4096);
    free(much);
}

static void
what_is_said_too_often_is_left_out_and_counted(void **state)
{
    (void)state;
    xk_log_set_bounds(KEEP, BURST, PAUSE_MS);
    for (int i = 0; i < 1000; i++)
        xk_info("again");
    assert_int_equal(count("info: again\n"), BURST);
    now += 2;
    for (int i = 0; i < 1000; i++)
        xk_info("again");
    assert_int_equal(count("info: again\n"), BURST + 2);
    assert_int_equal(count("990 lines were left out here\n"), 1);
    now += 1000000;
    for (int i = 0; i < 1000; i++)
        xk_info("again");
    assert_int_equal(count("info: again\n"), 2 * BURST + 2);
}

static void
errors_are_not_left_out_for_what_matters_less(void **state)
{
    (void)state;
    xk_log_set_bounds(KEEP, BURST, PAUSE_MS);
    for (int i = 0; i < 1000; i++)
        xk_info("again");
    xk_log(XK_LOG_ERROR, "the disk is lost");
    assert_int_equal(count("error: the disk is lost\n"), 1);
}

static void
where_nothing_can_be_given_back_the_log_ends(void **state)
{
    (void)state;
    no_holes = true;
    xk_log_set_bounds(KEEP, 1 << 20, PAUSE_MS);
    for (int i = 0; i < 100000; i++)
        xk_info("the guest has done it for the %d. time", i);
    assert_true(bytes_taken() <= 3 * KEEP);
}

static void
what_others_write_is_given_back_too(void **state)
{
    char *much = xk_calloc(1, 8 * KEEP);

    (void)state;
    xk_log_set_bounds(KEEP, BURST, PAUSE_MS);
    memset(much, 'x', 8L * KEEP);
    assert_int_equal(write(STDERR_FILENO, much, 8L * KEEP), 8L * KEEP);
    xk_log_trim();
    assert_true(bytes_taken() <= 3 * KEEP);
    free(much);
}

static void
what_a_person_reads_has_no_bounds(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    xk_log_set_bounds(KEEP, 1, PAUSE_MS);
    for (int i = 0; i < 100; i++)
        xk_info("again");
    assert_int_equal(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    {
        char text[8192];
        ssize_t length = read(ends[0], text, sizeof(text));

        assert_int_equal(length, 100 * strlen("xk: info: again\n"));
    }
    close(ends[0]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_log_takes_no_more_room_than_it_may),
        T(a_line_of_a_log_is_no_longer_than_it_may_be),
        T(what_is_said_too_often_is_left_out_and_counted),
        T(errors_are_not_left_out_for_what_matters_less),
        T(where_nothing_can_be_given_back_the_log_ends),
        T(what_others_write_is_given_back_too),
        T(what_a_person_reads_has_no_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
