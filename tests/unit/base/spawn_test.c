/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/util.h"

enum {
    PATIENCE_MS = 20000,
    TEXT_MAX = 4096,
    FDS = 4,
};

/* A shell, and the end of its output. */
struct shell {
    struct xk_spawn spawn;
    const char *argv[4];
    struct xk_spawn_fd fds[FDS];
    int output;
    char text[TEXT_MAX];
    struct xk_error err;
};

static void
add_fd(struct shell *shell, int from, int to)
{
    assert_true(shell->spawn.fd_count < FDS);
    shell->fds[shell->spawn.fd_count++] =
        (struct xk_spawn_fd){from, to, "a descriptor"};
}

/* Its pid, or 0 for an orphan. */
static pid_t
start(struct shell *shell, const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    memcpy(shell->argv, argv, sizeof(argv));
    shell->spawn.argv = shell->argv;
    shell->spawn.fds = shell->fds;
    add_fd(shell, ends[1], STDOUT_FILENO);
    pid = xk_spawn(&shell->spawn, &shell->err);
    close(ends[1]);
    shell->output = ends[0];
    if (pid == -1)
        fail_msg("%s", shell->err.message);
    return pid;
}

/* Until nobody has the other end any more. */
static const char *
read_all(struct shell *shell)
{
    size_t length = 0;
    ssize_t got = 1;

    while (got > 0 && length < TEXT_MAX - 1) {
        struct pollfd poller = {.fd = shell->output, .events = POLLIN};

        assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
        got = read(shell->output, shell->text + length, TEXT_MAX - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(shell->output);
    shell->text[length] = '\0';
    return shell->text;
}

static int
status_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
expect(struct shell *shell, const char *script, const char *output)
{
    pid_t pid = start(shell, script);

    assert_string_equal(read_all(shell), output);
    assert_int_equal(status_of(pid), 0);
}

/* A file that says its name, at a number. */
static void
put_at(int number, const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, name, strlen(name)), strlen(name));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(dup2(fd, number), number);
    if (fd != number)
        close(fd);
}

static void
a_descriptor_gets_its_place_though_another_is_there(void **context)
{
    struct shell shell = {0};

    (void)context;
    put_at(7, "seven");
    put_at(8, "eight");
    add_fd(&shell, 7, 8);
    add_fd(&shell, 8, 7);
    expect(&shell, "cat <&7; cat <&8", "eightseven");
    close(7);
    close(8);
}

static void
the_caller_keeps_what_it_hands_in(void **context)
{
    struct shell shell = {0};

    (void)context;
    put_at(7, "seven");
    add_fd(&shell, 7, 5);
    expect(&shell, "cat <&5", "seven");
    assert_int_equal(fcntl(7, F_GETFD), 0);
    close(7);
    assert_int_equal(fcntl(5, F_GETFD), -1);
}

static void
what_is_not_handed_in_is_closed_where_that_is_wanted(void **context)
{
    static const char script[] =
        "for n in 5 9; do test -e /proc/self/fd/$n && echo $n; done; true";
    struct shell one = {0};
    struct shell other = {.spawn.close_others = true};

    (void)context;
    put_at(9, "nine");
    add_fd(&one, 9, 5);
    add_fd(&other, 9, 5);
    expect(&one, script, "5\n9\n");
    expect(&other, script, "5\n");
    close(9);
}

static void
no_input_ends_at_once(void **context)
{
    struct shell shell = {.spawn.no_input = true};

    (void)context;
    expect(&shell, "cat; readlink /proc/self/fd/0", "/dev/null\n");
}

static void
its_directory_and_environment_are_what_was_given(void **context)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "A=b",
                                              NULL};
    struct shell shell = {.spawn.directory = "/proc",
                          .spawn.environment = environment};

    (void)context;
    setenv("XK_SPAWN_TEST", "here", 1);
    expect(&shell, "pwd; echo $A$XK_SPAWN_TEST", "/proc\nb\n");
}

/* ---- signals ---- */

/* The signals of a line of /proc/PID/status, but for two that glibc keeps for
 * itself: posix_spawn(3), by which make runs us, leaves them ignored. */
static unsigned long long
signals_of(const char *status, const char *line)
{
    const char *at = strstr(status, line);

    assert_non_null(at);
    return strtoull(at + strlen(line), NULL, 16) & ~(3ULL << 31);
}

static void
no_signal_is_ignored_or_blocked(void **context)
{
    struct shell shell = {0};
    sigset_t set, before;
    pid_t pid;

    (void)context;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGHUP, SIG_IGN);
    pid = start(&shell, "grep ^Sig /proc/self/status");
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    read_all(&shell);
    assert_int_equal(status_of(pid), 0);
    assert_int_equal(signals_of(shell.text, "SigBlk:"), 0);
    assert_int_equal(signals_of(shell.text, "SigIgn:"), 0);
}

static void
what_is_ignored_stays_so_where_that_is_wanted(void **context)
{
    struct shell shell = {.spawn.keep_ignored = true};
    pid_t pid;

    (void)context;
    signal(SIGHUP, SIG_IGN);
    pid = start(&shell, "kill -HUP $$; echo lives");
    assert_string_equal(read_all(&shell), "lives\n");
    assert_int_equal(status_of(pid), 0);
    signal(SIGHUP, SIG_DFL);
}

/* ---- whose it is ---- */

static void
a_session_is_its_own(void **context)
{
    struct shell shell = {.spawn.session = true};
    pid_t pid = start(&shell, "cut -d' ' -f6 /proc/$$/stat");

    (void)context;
    assert_int_equal(atoi(read_all(&shell)), pid);
    assert_int_equal(status_of(pid), 0);
}

static void
an_orphan_is_no_child_of_ours(void **context)
{
    struct shell shell = {.spawn.orphan = true};
    int ends[2];

    (void)context;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    add_fd(&shell, ends[0], STDIN_FILENO);
    assert_int_equal(start(&shell, "read go; grep PPid: /proc/$$/status"), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(write(ends[1], "\n", 1), 1);
    assert_int_not_equal(atoi(read_all(&shell) + strlen("PPid:")), getpid());
    close(ends[0]);
    close(ends[1]);
}

static void
it_dies_with_its_parent_where_that_is_wanted(void **context)
{
    struct shell shell = {.spawn.dies_with_us = true};
    int ends[2];
    pid_t pid;

    (void)context;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        add_fd(&shell, ends[1], 5);
        start(&shell, "echo here; exec sleep 1000 >&5");
        _exit(poll(&(struct pollfd){shell.output, POLLIN, 0}, 1, PATIENCE_MS) !=
              1);
    }
    close(ends[1]);
    shell.output = ends[0];
    assert_string_equal(read_all(&shell), "");
    assert_int_equal(status_of(pid), 0);
}

/* ---- where it cannot be run ---- */

static void
a_program_that_is_missing_is_told_where_it_is_awaited(void **context)
{
    static const char *const argv[] = {"/nosuch/program", NULL};
    struct xk_spawn spawn = {.argv = argv, .await = true};
    struct xk_error err = {0};
    pid_t pid;

    (void)context;
    for (int i = 0; i < 2; i++) {
        spawn.orphan = i == 1;
        assert_int_equal(xk_spawn(&spawn, &err), -1);
        assert_int_equal(err.errnum, ENOENT);
        assert_non_null(strstr(err.message, "run \"/nosuch/program\""));
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    }
    spawn = (struct xk_spawn){.argv = argv};
    pid = xk_spawn(&spawn, &err);
    assert_int_equal(WEXITSTATUS(status_of(pid)), XK_SPAWN_FAILED);
}

static int
refuse(void *context, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_BUSY, "not %s", (const char *)context);
}

static void
what_prepare_refuses_is_not_run(void **context)
{
    static char today[] = "today";
    static const char *const argv[] = {"/bin/true", NULL};
    const struct xk_spawn spawn = {
        .argv = argv, .await = true, .prepare = refuse, .context = today};
    struct xk_error err = {0};

    (void)context;
    assert_int_equal(xk_spawn(&spawn, &err), -1);
    assert_int_equal(err.kind, XK_ERR_BUSY);
    assert_string_equal(err.message, "not today");
}

static int
change_environment(void *context, struct xk_error *err)
{
    static char variable[] = "XK_TEST=here";
    static char *changed[] = {variable, NULL};

    (void)context;
    (void)err;
    environ = changed; /* as setenv(3) does where the old one has no room */
    return 0;
}

static void
the_environment_that_prepare_makes_is_the_programs(void **context)
{
    struct shell shell = {.spawn = {.prepare = change_environment}};

    (void)context;
    expect(&shell, "echo $XK_TEST", "here\n");
}

static void
a_descriptor_that_is_not_open_is_told_by_its_name(void **context)
{
    static const char *const argv[] = {"/bin/true", NULL};
    const struct xk_spawn_fd fds[] = {{1000, 5, "the image"}};
    const struct xk_spawn spawn = {
        .argv = argv, .fds = fds, .fd_count = 1, .await = true};
    struct xk_error err = {0};

    (void)context;
    assert_int_equal(xk_spawn(&spawn, &err), -1);
    assert_int_equal(err.errnum, EBADF);
    assert_non_null(strstr(err.message, "hand in the image"));
}

/* The second fork of an orphan fails in the child in between, which counts the
 * first one too. */
static bool second_fork_fails;
static unsigned forks;

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t
__wrap_fork(void)
{
    if (second_fork_fails && ++forks == 2) {
        errno = EAGAIN;
        return -1;
    }
    return __real_fork();
}

static void
fail_to_start_an_orphan(void)
{
    static const char *const argv[] = {"/bin/true", NULL};
    const struct xk_spawn spawn = {.argv = argv, .orphan = true};
    struct xk_error err = {0};

    forks = 0;
    second_fork_fails = true;
    assert_int_equal(xk_spawn(&spawn, &err), -1);
    second_fork_fails = false;
    assert_int_equal(err.errnum, EAGAIN);
}

static void
an_orphan_that_cannot_be_forked_is_an_error(void **context)
{
    (void)context;
    fail_to_start_an_orphan();
}

static void
an_orphan_that_cannot_be_forked_is_an_error_for_who_ignores_its_children(
    void **context)
{
    (void)context;
    signal(SIGCHLD, SIG_IGN);
    fail_to_start_an_orphan();
    signal(SIGCHLD, SIG_DFL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_gets_its_place_though_another_is_there),
        cmocka_unit_test(the_caller_keeps_what_it_hands_in),
        cmocka_unit_test(what_is_not_handed_in_is_closed_where_that_is_wanted),
        cmocka_unit_test(no_input_ends_at_once),
        cmocka_unit_test(its_directory_and_environment_are_what_was_given),
        cmocka_unit_test(no_signal_is_ignored_or_blocked),
        cmocka_unit_test(what_is_ignored_stays_so_where_that_is_wanted),
        cmocka_unit_test(a_session_is_its_own),
        cmocka_unit_test(an_orphan_is_no_child_of_ours),
        cmocka_unit_test(an_orphan_that_cannot_be_forked_is_an_error),
        cmocka_unit_test(
            an_orphan_that_cannot_be_forked_is_an_error_for_who_ignores_its_children),
        cmocka_unit_test(it_dies_with_its_parent_where_that_is_wanted),
        cmocka_unit_test(a_program_that_is_missing_is_told_where_it_is_awaited),
        cmocka_unit_test(what_prepare_refuses_is_not_run),
        cmocka_unit_test(the_environment_that_prepare_makes_is_the_programs),
        cmocka_unit_test(a_descriptor_that_is_not_open_is_told_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
