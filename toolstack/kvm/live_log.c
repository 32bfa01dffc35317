/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/live_log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"

enum {
    FD_PATH_SIZE = 64,
    FDS_MAX = 4096, /* descriptors of a QEMU that are checked */
    CHUNK = 4096,
    REWIND_MS = 500,
    REST_MS = 10000,
    STUCK_MAX = 16,
};

#define SEALS (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static const struct {
    const char *file;
    const char *memory; /* name given to memfd_create(2) */
    const char *link;   /* as /proc/PID/fd shows it */
} names[] = {
    [XK_KVM_LOG_EVENTS] = {XK_KVM_FILE_EVENTS, "xk-events",
                           "/memfd:xk-events (deleted)"},
    [XK_KVM_LOG_CONSOLE] = {XK_KVM_FILE_CONSOLE, "xk-console",
                            "/memfd:xk-console (deleted)"},
    [XK_KVM_LOG_QEMU] = {XK_KVM_FILE_QEMU_LOG, "xk-qemu",
                         "/memfd:xk-qemu (deleted)"},
};
static_assert(XK_ARRAY_SIZE(names) == XK_KVM_LOG_COUNT, "one row per log");

const char *
xk_kvm_log_name(enum xk_kvm_log which)
{
    return names[which].file;
}

void
xk_kvm_live_close(struct xk_kvm_live *live)
{
    if (live->fd != -1)
        close(live->fd);
    if (live->write_fd != -1)
        close(live->write_fd);
    *live = XK_KVM_LIVE_NONE;
}

void
xk_kvm_live_close_all(struct xk_kvm_live lives[XK_KVM_LOG_COUNT])
{
    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++)
        xk_kvm_live_close(&lives[i]);
}

/* Open a file that is already open, for another description. */
static int
open_again(int fd, int flags)
{
    char path[FD_PATH_SIZE];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, flags | O_CLOEXEC);
}

/* ---- making ---- */

/* QEMU wants it open for writing only. The description must come from opening a
 * name: then inotify reports its writes and a lock guards its offset. Neither
 * holds for the description of memfd_create(2). */
int
xk_kvm_live_make(enum xk_kvm_log which, struct xk_kvm_live *live,
                 struct xk_error *err)
{
    *live = XK_KVM_LIVE_NONE;
    live->fd =
        memfd_create(names[which].memory, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (live->fd == -1 || ftruncate(live->fd, XK_KVM_LIVE_ROOM) == -1 ||
        fcntl(live->fd, F_ADD_SEALS, SEALS) == -1) {
        xk_fail_errno(err, "make memory for \"%s\"", names[which].file);
        xk_kvm_live_close(live);
        return -1;
    }
    live->write_fd = open_again(live->fd, O_WRONLY);
    if (live->write_fd == -1) {
        xk_fail_errno(err, "open the memory for \"%s\": is /proc mounted?",
                      names[which].file);
        xk_kvm_live_close(live);
        return -1;
    }
    return 0;
}

void
xk_kvm_live_begin(const struct xk_kvm_live *live)
{
    int flags = live->write_fd == -1 ? -1 : fcntl(live->write_fd, F_GETFL);

    if (flags != -1)
        (void)fcntl(live->write_fd, F_SETFL, flags & ~O_APPEND);
}

/* ---- finding ---- */

/* Check the seals first: that asks no file system, which a hostile QEMU may
 * serve. */
static bool
is_memory(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    return seals != -1 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == XK_KVM_LIVE_ROOM;
}

static bool
is_named(const char *path, enum xk_kvm_log *which)
{
    char target[FD_PATH_SIZE];
    ssize_t length = readlink(path, target, sizeof(target) - 1);

    if (length <= 0)
        return false;
    target[length] = '\0';
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        if (strcmp(target, names[i].link) == 0) {
            *which = (enum xk_kvm_log)i;
            return true;
        }
    }
    return false;
}

/* Whether fd is for writing. The process that created the log reads it by
 * another description, and has both open until it becomes QEMU. */
static bool
is_for_writing(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags != -1 && (flags & O_ACCMODE) == O_WRONLY;
}

static bool
is_starved(void)
{
    return errno == EMFILE || errno == ENFILE;
}

/* Set *starved if an open failed for lack of descriptors. */
static int
opened(int fd, bool *starved)
{
    *starved |= fd == -1 && is_starved();
    return fd;
}

static bool
is_log(int fd)
{
    char path[FD_PATH_SIZE];
    enum xk_kvm_log which;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return is_named(path, &which) && is_memory(fd) && is_for_writing(fd);
}

/* Open one log of QEMU. If QEMU's description cannot be had, open the log by
 * name: what QEMU can write there is bounded all the same. */
static struct xk_kvm_live
open_log(int pidfd, int number, const char *path, bool *starved)
{
    struct xk_kvm_live live = XK_KVM_LIVE_NONE;

    live.write_fd =
        opened((int)syscall(SYS_pidfd_getfd, pidfd, number, 0), starved);
    if (live.write_fd == -1)
        live.fd = opened(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
                         starved);
    else if (is_log(live.write_fd))
        /* Do not wait for a lease that QEMU may have on it. */
        live.fd =
            opened(open_again(live.write_fd, O_RDWR | O_NONBLOCK), starved);
    if (live.fd == -1 || !is_memory(live.fd))
        xk_kvm_live_close(&live);
    return live;
}

static void
open_all(const struct xk_process *process, int pidfd, DIR *dir,
         struct xk_kvm_live lives[XK_KVM_LOG_COUNT], bool *starved)
{
    const struct dirent *entry;
    uint64_t number;

    for (int seen = 0; seen < FDS_MAX && (entry = readdir(dir)) != NULL;
         seen++) {
        char path[FD_PATH_SIZE];
        enum xk_kvm_log which;

        if (!xk_parse_u64(entry->d_name, INT_MAX, &number))
            continue;
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)process->pid,
                 (int)number);
        if (is_named(path, &which) && lives[which].fd == -1) {
            lives[which] = open_log(pidfd, (int)number, path, starved);
            lives[which].holder = process->pid;
        }
    }
}

/* The names in /proc belong to that very process as long as it lives. */
int
xk_kvm_live_find_all(const struct xk_process *process,
                     struct xk_kvm_live lives[XK_KVM_LOG_COUNT])
{
    XK_CLEANUP_CLOSE int pidfd = xk_process_open(process);
    XK_CLEANUP_DIR DIR *dir = NULL;
    char path[FD_PATH_SIZE];
    bool starved = false;

    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++)
        lives[i] = XK_KVM_LIVE_NONE;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)process->pid);
    if (pidfd == -1)
        return errno == ESRCH ? 0 : -1;
    dir = opendir(path);
    if (dir == NULL)
        return is_starved() ? -1 : 0;
    open_all(process, pidfd, dir, lives, &starved);
    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++) {
        if (lives[i].write_fd == -1 && !xk_process_alive(process))
            xk_kvm_live_close(&lives[i]);
    }
    return starved ? -1 : 0;
}

struct xk_kvm_live
xk_kvm_live_find(const struct xk_process *process, enum xk_kvm_log which)
{
    struct xk_kvm_live lives[XK_KVM_LOG_COUNT];
    struct xk_kvm_live found;

    (void)xk_kvm_live_find_all(process, lives);
    found = lives[which];
    lives[which] = XK_KVM_LIVE_NONE;
    xk_kvm_live_close_all(lives);
    return found;
}

struct xk_kvm_live
xk_kvm_live_of(int record_dir_fd, enum xk_kvm_log which)
{
    struct xk_process process;

    if (xk_kvm_identity_load(record_dir_fd, &process, NULL, NULL) == -1)
        return XK_KVM_LIVE_NONE;
    return xk_kvm_live_find(&process, which);
}

/* ---- using ---- */

int64_t
xk_kvm_live_number(const struct xk_kvm_live *live)
{
    struct stat st;

    return live->fd != -1 && fstat(live->fd, &st) == 0 ? (int64_t)st.st_ino : 0;
}

/* Return the offset behind the last byte that is not zero. */
static off_t
find_end(int fd)
{
    char bytes[CHUNK];

    for (off_t at = XK_KVM_LIVE_ROOM - CHUNK; at >= 0; at -= CHUNK) {
        ssize_t got = pread(fd, bytes, sizeof(bytes), at);

        for (; got > 0; got--) {
            if (bytes[got - 1] != '\0')
                return at + got;
        }
    }
    return 0;
}

/* Return the file offset without lseek(2), which waits for a write in flight.
 * -1: not available. */
static off_t
read_place(int fd)
{
    char path[FD_PATH_SIZE], text[CHUNK];
    XK_CLEANUP_CLOSE int info = -1;
    long long place;
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    length = info == -1 ? -1 : read(info, text, sizeof(text) - 1);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    return sscanf(text, "pos: %lld", &place) == 1 ? (off_t)place : -1;
}

off_t
xk_kvm_live_end(const struct xk_kvm_live *live)
{
    off_t end = live->write_fd == -1 ? -1 : read_place(live->write_fd);

    if (end < 0)
        return find_end(live->fd);
    return end < XK_KVM_LIVE_ROOM ? end : XK_KVM_LIVE_ROOM;
}

bool
xk_kvm_live_is_worn(off_t end)
{
    return end > XK_KVM_LIVE_ROOM / 2;
}

void
xk_kvm_live_give_back(const struct xk_kvm_live *live, off_t begin, off_t end)
{
    char *memory;

    if (begin >= end)
        return;
    memory = mmap(NULL, XK_KVM_LIVE_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED,
                  live->fd, 0);
    if (memory == MAP_FAILED)
        return;
    memset(memory + begin, 0, (size_t)(end - begin));
    munmap(memory, XK_KVM_LIVE_ROOM);
}

/* Children that are stuck in the kernel: at most one per QEMU, so that a QEMU
 * which keeps all of its children there does not use up all entries. For a
 * while after that no other try is made for the same QEMU, or each try would
 * delay us a little. */
static struct stuck {
    pid_t child; /* 0: none */
    pid_t holder;
    struct xk_deadline rest;
} stuck[STUCK_MAX];

static bool
is_free(struct stuck *one)
{
    if (one->child != 0 && waitpid(one->child, NULL, WNOHANG) != 0)
        one->child = 0;
    return one->child == 0 &&
           (one->holder == 0 || xk_deadline_left_ms(one->rest) == 0);
}

/* Return a free entry for a child of this QEMU. NULL: the QEMU has one, or all
 * are in use. */
static struct stuck *
find_place(pid_t holder)
{
    struct stuck *place = NULL;

    for (size_t i = 0; i < XK_ARRAY_SIZE(stuck); i++) {
        if (is_free(&stuck[i]))
            place = &stuck[i];
        else if (stuck[i].holder == holder)
            return NULL;
    }
    return place;
}

/* Close all other descriptors: the child may be stuck, and must not keep a lock
 * of ours. */
static void
rewind_alone(int fd)
{
    if ((fd > 0 && close_range(0, (unsigned)fd - 1, 0) == -1) ||
        close_range((unsigned)fd + 1, ~0U, 0) == -1)
        _exit(1);
    _exit(lseek(fd, 0, SEEK_SET) == 0 ? 0 : 1);
}

/* lseek(2) waits for a write in flight, and a QEMU that a guest has taken over
 * can make one last. So a child calls it, which can be left behind. */
static bool
rewind_by_child(const struct xk_kvm_live *live, struct stuck *place)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        rewind_alone(live->write_fd);
    if (pid == -1)
        return false;
    if (xk_process_await_child(pid, &status, xk_deadline_in_ms(REWIND_MS)))
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    kill(pid, SIGKILL);
    *place = (struct stuck){.child = pid,
                            .holder = live->holder,
                            .rest = xk_deadline_in_ms(REST_MS)};
    return false;
}

bool
xk_kvm_live_rewind(const struct xk_kvm_live *live)
{
    struct stuck *place = find_place(live->holder);

    return live->write_fd != -1 && place != NULL &&
           rewind_by_child(live, place);
}

int
xk_kvm_live_watch(const struct xk_kvm_live *live, int inotify_fd, unsigned mask)
{
    char path[FD_PATH_SIZE];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", live->fd);
    return inotify_add_watch(inotify_fd, path, mask);
}
