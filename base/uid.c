/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/uid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/number.h"
#include "base/process.h"
#include "base/util.h"

enum {
    PROBE_MS = 2000,
    FIELDS = 3 /* of a line that are read */
};

/* ---- files ---- */

/* Returns true if a line "NAME:x:NUMBER:..." or "NAME:FIRST:COUNT" has the
 * number. */
static bool
line_has(char *line, bool range, uint32_t number)
{
    char *fields[FIELDS] = {NULL};
    uint64_t first, count = 1;
    size_t last = range ? 1 : 2;

    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = strsep(&line, ":\n");
    if (fields[last] == NULL ||
        !xk_parse_u64(fields[last], UINT32_MAX, &first) ||
        (range &&
         (fields[2] == NULL || !xk_parse_u64(fields[2], UINT64_MAX, &count))))
        return false;
    return number >= first && number - first < count;
}

/* Returns 1 if the file assigns the number, 0 if not, -1 if that cannot be
 * determined. A missing file assigns nothing; a file that cannot be read may
 * assign any number. */
static int
file_has(int etc_fd, const char *name, bool range, uint32_t number)
{
    int fd = openat(etc_fd, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd == -1 ? NULL : fdopen(fd, "re");
    XK_CLEANUP_FREE char *line = NULL;
    size_t size = 0;
    int has = 0, why = errno;

    if (file == NULL) {
        if (fd != -1)
            close(fd);
        errno = why;
        return fd == -1 && why == ENOENT ? 0 : -1;
    }
    while (has == 0 && getline(&line, &size, file) != -1)
        has = line_has(line, range, number);
    if (has == 0 && !feof(file))
        has = -1;
    why = errno;
    fclose(file);
    errno = why;
    return has;
}

int
xk_uid_check_nobodys(int etc_fd, uint32_t number, struct xk_error *err)
{
    static const struct {
        const char *name;
        bool range;
    } files[] = {{"passwd", false},
                 {"group", false},
                 {"subuid", true},
                 {"subgid", true}};

    for (size_t i = 0; i < XK_ARRAY_SIZE(files); i++) {
        int has = file_has(etc_fd, files[i].name, files[i].range, number);

        if (has == -1)
            return xk_fail_errno(
                err, "check whether /etc/%s assigns the number %" PRIu32,
                files[i].name, number);
        if (has == 1)
            return xk_fail(err, XK_ERR_IN_USE,
                           "/etc/%s assigns the number %" PRIu32, files[i].name,
                           number);
    }
    return 0;
}

/* ---- processes ---- */

/* A process of that user can stop it. */
static int
wait_for(pid_t pid)
{
    int status;

    if (xk_process_await_child(pid, &status, xk_deadline_in_ms(PROBE_MS)))
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    xk_process_kill_child(pid);
    return -1;
}

/* Become that user with a limit of two processes: fork() then succeeds only if
 * this process is the user's only one. */
static void
try_to_fork(uint32_t number)
{
    const struct rlimit two = {2, 2};
    pid_t pid;

    if (setrlimit(RLIMIT_NPROC, &two) == -1 ||
        setresgid(number, number, number) == -1 ||
        setresuid(number, number, number) == -1)
        _exit(1);
    pid = fork();
    if (pid == 0)
        _exit(0);
    _exit(pid == -1 || wait_for(pid) != 0);
}

bool
xk_uid_has_process(uint32_t number)
{
    pid_t pid = fork();

    if (pid == 0)
        try_to_fork(number);
    return pid == -1 || wait_for(pid) != 0;
}
