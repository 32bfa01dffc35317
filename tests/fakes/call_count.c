/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/call_count.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum {
    MARK = SYS_getppid, /* which nothing else here calls */
    SYSTEM_CALL = SIGTRAP | 0x80,
};

void
call_count_mark(void)
{
    syscall(MARK);
}

static void
be_counted(void (*run)(unsigned argument), unsigned argument)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
        _exit(1);
    raise(SIGSTOP);
    run(argument);
    _exit(0);
}

/* Whether the child has just entered a system call; *number: which. */
static bool
has_entered(pid_t child, uint64_t *number)
{
    struct ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return false;
    *number = info.entry.nr;
    return true;
}

static int
count(pid_t child)
{
    int status, calls = 0, marks = 0;
    uint64_t number;

    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == -1)
        return -1;
    while (ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0 &&
           waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        if (WSTOPSIG(status) != SYSTEM_CALL || !has_entered(child, &number))
            continue;
        if (number == MARK)
            marks++;
        else if (marks == 1)
            calls++;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && marks == 2 ? calls
                                                                       : -1;
}

int
call_count_of(void (*run)(unsigned argument), unsigned argument)
{
    pid_t child = fork();

    if (child == 0)
        be_counted(run, argument);
    return child == -1 ? -1 : count(child);
}
