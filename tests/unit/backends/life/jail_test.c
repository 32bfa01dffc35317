/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a backend can still do in its jail. Each attempt is made in a child of
 * its own. */
#include "backends/life/jail.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/unit/test.h"

enum {
    NOBODY = 65534,
    PAGE = 4096,
    FAILED = 1,
    NO_JAIL = 2,
    SKIPPED = 77,
    FD = 100,
};

static const struct xk_jail_calls *of_kind;

static void
enter_and(bool (*attempt)(void))
{
    struct xk_error err;

    if (xk_jail_enter(NOBODY, NOBODY, of_kind, &err) == -1)
        _exit(NO_JAIL);
    _exit(attempt() ? 0 : FAILED);
}

/* Make an attempt in the jail, in a child. Returns its status as of
 * waitpid(2). */
static int
try_in_jail(bool (*attempt)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        enter_and(attempt);
    assert_int_not_equal(pid, -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void *
map(int protection)
{
    return mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool
map_to_run(void)
{
    return map(PROT_READ | PROT_EXEC) != MAP_FAILED;
}

static bool
map_to_write_and_run(void)
{
    return map(PROT_READ | PROT_WRITE | PROT_EXEC) != MAP_FAILED;
}

static bool
map_a_file_to_run(void)
{
    return mmap(NULL, PAGE, PROT_EXEC, MAP_SHARED, FD, 0) != MAP_FAILED;
}

static bool
make_run(void)
{
    return mprotect(map(PROT_READ), PAGE, PROT_READ | PROT_EXEC) == 0;
}

static bool
make_run_with_a_key(void)
{
    return syscall(SYS_pkey_mprotect, map(PROT_READ), PAGE, PROT_EXEC, -1) == 0;
}

static bool
attach_to_run(void)
{
    return (intptr_t)shmat(0, NULL, SHM_EXEC) != -1;
}

static bool
make_reading_mean_running(void)
{
    return personality(READ_IMPLIES_EXEC) == 0;
}

static bool
map_and_grow(void)
{
    void *memory = map(PROT_READ | PROT_WRITE);

    if (memory == MAP_FAILED || mprotect(memory, PAGE, PROT_READ) == -1)
        return false;
    memory = mremap(memory, PAGE, 2L * PAGE, MREMAP_MAYMOVE);
    return memory != MAP_FAILED && munmap(memory, 2L * PAGE) == 0;
}

static void
nothing_makes_memory_that_can_be_run(void **state)
{
    bool (*const attempts[])(void) = {
        map_to_run,
        map_to_write_and_run,
        map_a_file_to_run,
        make_run,
        make_run_with_a_key,
        attach_to_run,
        make_reading_mean_running,
    };
    int fd = memfd_create("file", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(ftruncate(fd, PAGE), 0);
    assert_int_equal(dup2(fd, FD), FD);
    for (size_t i = 0; i < XK_ARRAY_SIZE(attempts); i++) {
        int status = try_in_jail(attempts[i]);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("attempt %zu ended with status %#x", i, status);
    }
    close(FD);
    close(fd);
}

static void
memory_for_data_is_had_and_moved(void **state)
{
    (void)state;
    assert_int_equal(try_in_jail(map_and_grow), 0);
}

static bool
do_nothing(void)
{
    return true;
}

/* ---- another process of the same user ---- */

static pid_t other;

static pid_t
start_other(void)
{
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!setresuid(NOBODY, NOBODY, NOBODY);
    for (;;)
        pause();
}

static bool
signal_a_process(void)
{
    return kill(other, SIGSTOP) == 0;
}

static bool
signal_its_thread(void)
{
    return syscall(SYS_tgkill, other, other, SIGSTOP) == 0;
}

static bool
signal_a_thread(void)
{
    return syscall(SYS_tkill, other, SIGSTOP) == 0;
}

static bool
queue_a_signal(void)
{
    siginfo_t info = {.si_signo = SIGSTOP, .si_code = SI_QUEUE};

    return syscall(SYS_rt_sigqueueinfo, other, SIGSTOP, &info) == 0;
}

static bool
open_it(void)
{
    return syscall(SYS_pidfd_open, other, 0) >= 0;
}

static bool
signal_what_is_open(void)
{
    return syscall(SYS_pidfd_send_signal, FD, SIGSTOP, NULL, 0) == 0;
}

static bool
own_what_becomes_ready(void)
{
    return fcntl(FD, F_SETOWN, other) == 0;
}

static bool
choose_its_signal(void)
{
    return fcntl(FD, F_SETSIG, SIGSTOP) == 0;
}

static bool
trace_it(void)
{
    return ptrace(PTRACE_SEIZE, other, NULL, NULL) == 0;
}

static bool
write_to_it(void)
{
    char byte = 0;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};

    return process_vm_writev(other, &iov, 1, &iov, 1, 0) != -1;
}

static bool
limit_it(void)
{
    struct rlimit limits = {.rlim_cur = 0, .rlim_max = 0};

    return prlimit(other, RLIMIT_CPU, &limits, NULL) == 0;
}

static bool
make_it_idle(void)
{
    struct sched_param parameter = {.sched_priority = 0};

    return sched_setscheduler(other, SCHED_IDLE, &parameter) == 0;
}

static void
nobody_of_the_same_user_is_touched(void **state)
{
    bool (*const attempts[])(void) = {
        signal_a_process,
        signal_its_thread,
        signal_a_thread,
        queue_a_signal,
        open_it,
        signal_what_is_open,
        own_what_becomes_ready,
        choose_its_signal,
        trace_it,
        write_to_it,
        limit_it,
        make_it_idle,
    };

    (void)state;
    other = start_other();
    for (size_t i = 0; i < XK_ARRAY_SIZE(attempts); i++) {
        int status = try_in_jail(attempts[i]);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("attempt %zu ended with status %#x", i, status);
    }
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
}

static bool
abort_ourselves(void)
{
    abort();
}

static void
it_may_end_itself(void **state)
{
    int status;

    (void)state;
    status = try_in_jail(abort_ourselves);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int ends[2];

static bool
ask_for_host_name(void)
{
    struct utsname name;

    return uname(&name) == 0;
}

static bool
ask_for_unread_bytes(void)
{
    int bytes = 0;

    return ioctl(ends[0], FIONREAD, &bytes) == 0;
}

/* The calls of a kind are allowed to that kind only. */
static void
calls_of_a_kind_are_allowed_to_that_kind(void **state)
{
    static const int calls[] = {SCMP_SYS(uname)};
    static const unsigned long ioctls[] = {FIONREAD};
    static const struct xk_jail_calls more = {calls, 1, ioctls, 1};
    bool (*const attempts[])(void) = {ask_for_host_name, ask_for_unread_bytes};

    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(attempts); i++) {
        int status = try_in_jail(attempts[i]);

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        of_kind = &more;
        assert_int_equal(try_in_jail(attempts[i]), 0);
        of_kind = NULL;
    }
    close(ends[0]);
    close(ends[1]);
}

/* Returns true if the jail works here: Valgrind does not know seccomp(2), and
 * sanitizers make system calls of their own. */
static bool
can_be_had(void)
{
    int status = -1;
    pid_t pid;

#ifdef __SANITIZE_ADDRESS__
    return false;
#endif
    pid = fork();

    if (pid == 0)
        enter_and(do_nothing);
    return waitpid(pid, &status, 0) == pid &&
           !(WIFEXITED(status) && WEXITSTATUS(status) == NO_JAIL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_makes_memory_that_can_be_run),
        cmocka_unit_test(memory_for_data_is_had_and_moved),
        cmocka_unit_test(nobody_of_the_same_user_is_touched),
        cmocka_unit_test(it_may_end_itself),
        cmocka_unit_test(calls_of_a_kind_are_allowed_to_that_kind),
    };

    if (!can_be_had())
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
