/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "tests/fakes/slow_file.h"

enum {
    PATIENCE_MS = 20000
};

/* Start a child that does nothing until it is killed. */
static pid_t
start_child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

static int
run(const char *const *argv, size_t limit, struct xk_buf *out,
    struct xk_buf *errors, int *status, struct xk_error *err)
{
    return xk_process_run(argv, limit, out, errors,
                          xk_deadline_in_ms(PATIENCE_MS), status, err);
}

static void
this_process_is_known_by_pid_and_start(void **state)
{
    struct xk_process self, other;

    (void)state;
    assert_true(xk_process_identify(getpid(), &self));
    assert_int_equal(self.pid, getpid());
    assert_true(xk_process_alive(&self));
    /* Another process that gets our pid later. */
    other = self;
    other.start_ticks++;
    assert_false(xk_process_alive(&other));
    assert_int_equal(xk_process_open(&other), -1);
    assert_int_equal(errno, ESRCH);
    xk_process_signal(&other, SIGKILL);
}

static void
a_dead_child_is_not_alive_though_nobody_waited(void **state)
{
    pid_t pid = start_child();
    struct xk_process child;
    siginfo_t info;

    (void)state;
    assert_true(xk_process_identify(pid, &child));
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(xk_process_alive(&child));
    waitpid(pid, NULL, 0);
    assert_false(xk_process_identify(pid, &child));
}

static void *
wait_for_ever(void *context)
{
    (void)context;
    for (;;)
        pause();
    return NULL;
}

/* Start a child whose first thread ends while another one runs on. */
static pid_t
start_child_without_leader(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
            _exit(1);
        pthread_exit(NULL);
    }
    assert_true(pid > 0);
    return pid;
}

static void
await_zombie(pid_t pid)
{
    struct xk_deadline deadline = xk_deadline_in_ms(PATIENCE_MS);
    struct xk_process_stat stat = {0};

    while (stat.state != 'Z' && xk_deadline_left_ms(deadline) > 0) {
        assert_int_equal(xk_process_read_stat(pid, &stat), 0);
        sched_yield();
    }
    assert_int_equal(stat.state, 'Z');
}

/* The threads of a killed process may still wait for a disk, and write to it.
 */
static void
a_process_lives_as_long_as_one_of_its_threads(void **state)
{
    pid_t pid = start_child_without_leader();
    struct xk_process child;
    struct pollfd poller = {.events = POLLIN};
    XK_CLEANUP_CLOSE int fd = -1;

    (void)state;
    await_zombie(pid);
    assert_true(xk_process_identify(pid, &child));
    assert_true(xk_process_alive(&child));
    fd = poller.fd = xk_process_open(&child);
    assert_int_not_equal(fd, -1);
    assert_int_equal(poll(&poller, 1, 0), 0);
    assert_int_equal(
        xk_process_kill(&child, xk_deadline_in_ms(PATIENCE_MS), NULL), 0);
    assert_int_equal(poll(&poller, 1, 0), 1);
    assert_false(xk_process_alive(&child));
    waitpid(pid, NULL, 0);
}

static void *
wait_for_end(void *fd)
{
    char byte;

    while (read(*(int *)fd, &byte, 1) == -1) {
    }
    return NULL;
}

static pid_t
find_thread(void)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;
    pid_t found = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid())
            found = atoi(entry->d_name);
    }
    closedir(dir);
    return found;
}

static void
a_dead_process_whose_number_a_thread_has_now_is_gone(void **state)
{
    struct xk_process dead;
    pthread_t thread;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
    dead = (struct xk_process){.pid = find_thread(), .start_ticks = 1};
    assert_int_not_equal(dead.pid, 0);
    assert_int_equal(xk_process_open(&dead), -1);
    assert_int_equal(errno, ESRCH);
    assert_false(xk_process_alive(&dead));
    assert_int_equal(xk_process_kill(&dead, xk_deadline_in_ms(0), NULL), 0);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
}

static void
without_a_descriptor_to_spare_nobody_is_taken_for_gone(void **state)
{
    struct rlimit before, few;
    struct xk_process self;
    struct xk_error err = {0};
    int first = dup(0);

    (void)state;
    assert_int_not_equal(first, -1);
    close(first);
    assert_true(xk_process_identify(getpid(), &self));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    for (rlim_t spare = 0; spare < 2; spare++) {
        bool alive;
        int killed;

        few.rlim_cur = (rlim_t)first + spare;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        alive = xk_process_alive(&self);
        killed = xk_process_kill(&self, xk_deadline_in_ms(0), &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(alive);
        assert_int_equal(killed, -1);
    }
}

static void
the_descriptor_of_a_process_tells_its_end(void **state)
{
    pid_t pid = start_child();
    struct xk_process child;
    XK_CLEANUP_CLOSE int fd = -1;
    struct pollfd poller = {.events = POLLIN};

    (void)state;
    assert_true(xk_process_identify(pid, &child));
    fd = xk_process_open(&child);
    assert_int_not_equal(fd, -1);
    poller.fd = fd;
    assert_int_equal(poll(&poller, 1, 0), 0);
    assert_int_equal(
        xk_process_kill(&child, xk_deadline_in_ms(PATIENCE_MS), NULL), 0);
    assert_int_equal(poll(&poller, 1, 0), 1);
    waitpid(pid, NULL, 0);
}

static void
a_program_gives_its_output_and_its_errors_apart(void **state)
{
    static const char *const argv[] = {
        "sh", "-c", "echo out; echo err >&2; cat; exit 3", NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int status = 0;

    (void)state;
    assert_int_equal(run(argv, 100, &out, &errors, &status, NULL), 0);
    assert_string_equal(out.data, "out\n");
    assert_string_equal(errors.data, "err\n");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

static void
output_without_end_is_bounded(void **state)
{
    static const char *const argv[] = {"sh", "-c", "yes | head -c 1000000",
                                       NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int status = 0;

    (void)state;
    run(argv, 1000, &out, &errors, &status, NULL);
    assert_true(out.length <= 1000);
}

static void
a_child_that_a_program_leaves_behind_is_not_waited_for(void **state)
{
    static const char *const argv[] = {"sh", "-c", "sleep 1000 & echo $!",
                                       NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int status = 0;

    (void)state;
    assert_int_equal(run(argv, 100, &out, &errors, &status, NULL), 0);
    assert_int_equal(kill((pid_t)atoi(out.data), SIGKILL), 0);
}

static void
a_program_that_hangs_is_killed_at_the_deadline(void **state)
{
    static const char *const argv[] = {"sleep", "1000", NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    struct xk_error err = {0};
    int status = 0;

    (void)state;
    assert_int_equal(xk_process_run(argv, 100, &out, &errors,
                                    xk_deadline_in_ms(50), &status, &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void
a_program_that_is_not_installed_is_named(void **state)
{
    static const char *const argv[] = {"no-such-program", NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    struct xk_error err = {0};
    int status = 0;

    (void)state;
    assert_int_equal(run(argv, 100, &out, &errors, &status, &err), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    assert_non_null(strstr(err.message, "no-such-program"));
}

/* The kernel does not end a process that waits for a file system. */
static void
a_program_that_cannot_be_killed_is_left_at_the_deadline(void **state)
{
    char *folder = scratch_new();
    char *path = xk_asprintf("%s/file", folder);
    char *of = xk_asprintf("of=%s", path);
    const char *argv[] = {"dd",      "if=/dev/zero", of,  "bs=4096",
                          "count=1", "conv=fsync",   NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    struct xk_error err = {0};
    struct slow_file file;
    int status = 0;

    (void)state;
    if (geteuid() != 0)
        skip(); /* this user cannot mount */
    slow_file_new(&file, path, 4096, false);
    slow_file_hold(&file, false, true);
    assert_int_equal(xk_process_run(argv, 100, &out, &errors,
                                    xk_deadline_in_ms(1000), &status, &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    slow_file_release(&file);
    slow_file_free(&file);
    scratch_free(folder);
    free(path);
    free(of);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_process_is_known_by_pid_and_start),
        cmocka_unit_test(a_dead_child_is_not_alive_though_nobody_waited),
        cmocka_unit_test(a_process_lives_as_long_as_one_of_its_threads),
        cmocka_unit_test(a_dead_process_whose_number_a_thread_has_now_is_gone),
        cmocka_unit_test(
            without_a_descriptor_to_spare_nobody_is_taken_for_gone),
        cmocka_unit_test(the_descriptor_of_a_process_tells_its_end),
        cmocka_unit_test(a_program_gives_its_output_and_its_errors_apart),
        cmocka_unit_test(output_without_end_is_bounded),
        cmocka_unit_test(
            a_child_that_a_program_leaves_behind_is_not_waited_for),
        cmocka_unit_test(a_program_that_hangs_is_killed_at_the_deadline),
        cmocka_unit_test(a_program_that_is_not_installed_is_named),
        cmocka_unit_test(
            a_program_that_cannot_be_killed_is_left_at_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
