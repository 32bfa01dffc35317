/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works: QEMU's working directory is a folder of its record, from before
 * the process becomes QEMU until it ends. No other process of ours works there.
 * So read the working directory of every process. A renamed record keeps its
 * folder, and a removed folder keeps its name for a process that works in it.
 */
#include "toolstack/kvm/lost_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/number.h"
#include "toolstack/kvm/files.h"

enum {
    NAME_MAX_BYTES = 64, /* of /proc/PID/comm */
    PATH_SIZE = PATH_MAX + 32,
};

struct place {
    bool is_there;
    struct stat folder;
    char removed[PATH_SIZE]; /* its name after its removal */
};

enum answer {
    NO,
    YES,
    UNKNOWN
};

static bool
read_link(const char *path, char target[PATH_SIZE])
{
    ssize_t length = readlink(path, target, PATH_SIZE - 1);

    target[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static int
find_place(int record_dir_fd, struct place *place, struct xk_error *err)
{
    char link[64], record[PATH_SIZE];
    int length;

    place->is_there = fstatat(record_dir_fd, XK_KVM_FOLDER, &place->folder,
                              AT_SYMLINK_NOFOLLOW) == 0;
    if (!place->is_there && errno != ENOENT)
        return xk_fail_errno(err, "look at QEMU's directory");
    snprintf(link, sizeof(link), "/proc/self/fd/%d", record_dir_fd);
    if (!read_link(link, record))
        return xk_fail_errno(err, "look at \"%s\": is /proc mounted?", link);
    length = snprintf(place->removed, sizeof(place->removed),
                      "%s/" XK_KVM_FOLDER " (deleted)", record);
    return length < (int)sizeof(place->removed)
               ? 0
               : xk_fail(err, XK_ERR_FAILED, "\"%s\" is too long", record);
}

static bool
is_called_qemu(const char *name)
{
    return strncmp(name, "qemu", strlen("qemu")) == 0;
}

/* A process that we may not inspect belongs to another user. Our own processes
 * may be inspected, except privileged ones such as a key agent, and QEMU has no
 * privileges. */
static enum answer
check_closed(const char *process)
{
    XK_CLEANUP_BUF struct xk_buf name = {0};
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "%s/comm", process);
    if (stat(process, &st) == -1 || st.st_uid != geteuid() ||
        xk_read_file(AT_FDCWD, path, NAME_MAX_BYTES, &name, NULL) == -1 ||
        name.length == 0)
        return NO;
    return is_called_qemu(name.data) ? UNKNOWN : NO;
}

static bool
is_qemu_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL && strcmp(slash + 1, XK_KVM_FOLDER) == 0;
}

/* Whether the process works in the place. Compare the name first: a stat of a
 * directory on a server that does not answer would hang. */
static enum answer
works_in(const char *process, const struct place *place)
{
    char path[64], target[PATH_SIZE];
    struct stat st;

    snprintf(path, sizeof(path), "%s/cwd", process);
    if (!read_link(path, target))
        return errno == EACCES || errno == EPERM ? check_closed(process) : NO;
    if (strcmp(target, place->removed) == 0)
        return YES;
    return place->is_there && is_qemu_folder(target) && stat(path, &st) == 0 &&
                   st.st_dev == place->folder.st_dev &&
                   st.st_ino == place->folder.st_ino
               ? YES
               : NO;
}

/* A person's shell may work there too, and must not be ended. */
static enum answer
is_qemu_of(const char *process, const struct place *place)
{
    enum answer answer = works_in(process, place);
    char path[64], program[PATH_SIZE];
    const char *slash;

    if (answer != YES)
        return answer;
    snprintf(path, sizeof(path), "%s/exe", process);
    if (!read_link(path, program))
        return errno == ENOENT || errno == ESRCH ? NO : UNKNOWN;
    slash = strrchr(program, '/');
    return is_called_qemu(slash == NULL ? program : slash + 1) ? YES : UNKNOWN;
}

/* Identify the process first: its number may be reused meanwhile. */
static enum answer
check_process(pid_t pid, const struct place *place, struct xk_process *process)
{
    char path[32];
    enum answer answer;

    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (!xk_process_identify(pid, process))
        return errno == ESRCH ? NO : UNKNOWN;
    answer = is_qemu_of(path, place);
    return answer == NO || xk_process_alive(process) ? answer : NO;
}

int
xk_kvm_find_lost(int record_dir_fd, struct xk_process *process,
                 struct xk_error *err)
{
    XK_CLEANUP_DIR DIR *dir = opendir("/proc");
    const struct dirent *entry;
    struct place place;
    uint64_t pid;

    if (dir == NULL)
        return xk_fail_errno(err, "read \"/proc\"");
    if (find_place(record_dir_fd, &place, err) == -1)
        return -1;
    while ((entry = readdir(dir)) != NULL) {
        enum answer answer;

        if (!xk_parse_u64(entry->d_name, INT_MAX, &pid))
            continue;
        answer = check_process((pid_t)pid, &place, process);
        if (answer == YES)
            return 1;
        if (answer == UNKNOWN)
            return xk_fail(
                err, XK_ERR_HOST,
                "process %d may be its QEMU, or works in its directory; "
                "end that process, or make it change directory",
                (int)pid);
    }
    *process = (struct xk_process){0};
    return 0;
}
