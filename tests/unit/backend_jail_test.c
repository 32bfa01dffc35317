/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a backend can still do once it has given up the rest. Each attempt is of
 * a child of its own. */
#include "backends/jail.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>
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

static void
enter_and(bool (*attempt)(void))
{
    struct xk_error err;

    if (xk_jail_enter(NOBODY, NOBODY, &err) == -1)
        _exit(NO_JAIL);
    _exit(attempt() ? 0 : FAILED);
}

/* The status, as waitpid(2) has it, of a process that tried it in the jail. */
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

/* Valgrind knows nothing of seccomp(2), and the sanitizers make calls of their
 * own. */
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
    };

    if (!can_be_had())
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
