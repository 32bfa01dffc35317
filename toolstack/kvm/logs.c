/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log files of a record: create, append, shorten. */
#include "toolstack/kvm/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_lock.h"
#include "base/mem.h"

/* An older xk left logs that begin with a hole of exabytes. */
static bool
is_of_older_xk(off_t size)
{
    return size > 2 * XK_KVM_LOG_MAX;
}

/* End a line that a killed QEMU left torn, so that the next QEMU's first line
 * does not continue it. */
static int
prepare(int fd)
{
    struct stat st;
    char last = '\n';

    if (fstat(fd, &st) == -1)
        return -1;
    if (is_of_older_xk(st.st_size))
        return ftruncate(fd, 0);
    if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == -1)
        return -1;
    return last == '\n' || pwrite(fd, "\n", 1, st.st_size) == 1 ? 0 : -1;
}

int
xk_kvm_logs_make(int record_dir_fd, struct xk_error *err)
{
    for (int i = 0; i < XK_KVM_LOG_COUNT; i++) {
        const char *name = xk_kvm_log_name((enum xk_kvm_log)i);
        XK_CLEANUP_CLOSE int fd =
            openat(record_dir_fd, name,
                   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd == -1 || prepare(fd) == -1)
            return xk_fail_errno(err, "open \"%s\"", name);
    }
    return 0;
}

static void
make_empty(int dirfd, const char *name)
{
    int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd != -1)
        close(fd);
}

void
xk_kvm_logs_restore(const struct xk_record *record)
{
    for (int i = 0; i < XK_KVM_LOG_COUNT; i++) {
        const char *name = xk_kvm_log_name((enum xk_kvm_log)i);

        if (faccessat(record->dir_fd, name, F_OK, 0) == -1 && errno == ENOENT &&
            xk_record_is_there(record))
            make_empty(record->dir_fd, name);
    }
}

int
xk_kvm_log_hold(int record_dir_fd, enum xk_kvm_log which)
{
    XK_CLEANUP_CLOSE int fd =
        openat(record_dir_fd, xk_kvm_log_name(which),
               O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
        xk_file_lock_take(fd) == -1)
        return -1;
    return xk_take_fd(&fd);
}

/* Copy bytes within a file. */
static int
copy(int fd, off_t from, off_t to, size_t length)
{
    XK_CLEANUP_FREE char *bytes = xk_calloc(1, length + 1);

    return pread(fd, bytes, length, from) == (ssize_t)length &&
                   pwrite(fd, bytes, length, to) == (ssize_t)length
               ? 0
               : -1;
}

/* Make room for `length` bytes, by whole cuts. Copy the last bytes to the front
 * first: a process killed after that leaves them twice and loses none. */
static int
shorten(int fd, off_t *size, size_t length)
{
    off_t cut = 0;

    if (is_of_older_xk(*size)) {
        *size = 0;
        return ftruncate(fd, 0);
    }
    while (*size - cut + (off_t)length > XK_KVM_LOG_MAX && cut < *size)
        cut += XK_KVM_LOG_CUT;
    cut = cut < *size ? cut : *size;
    if (copy(fd, cut, 0, (size_t)(*size - cut)) == -1)
        return -1;
    *size -= cut;
    return ftruncate(fd, *size);
}

static size_t
leave_out_zeros(char *text, size_t length)
{
    size_t kept = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\0')
            text[kept++] = text[i];
    }
    return kept;
}

int
xk_kvm_log_add(int fd, const char *text, size_t length)
{
    XK_CLEANUP_FREE char *clean = xk_calloc(1, length + 1);
    struct stat st;

    memcpy(clean, text, length);
    length = leave_out_zeros(clean, length);
    if (fstat(fd, &st) == -1)
        return -1;
    if (length > 0 && st.st_size + (off_t)length > XK_KVM_LOG_MAX &&
        shorten(fd, &st.st_size, length) == -1)
        return -1;
    if (length == 0 || pwrite(fd, clean, length, st.st_size) == (ssize_t)length)
        return 0;
    (void)!ftruncate(fd, st.st_size);
    return -1;
}

/* Move a range to the log and zero it. */
static int
move(int fd, const struct xk_kvm_live *live, off_t begin, off_t end)
{
    size_t length = begin < end ? (size_t)(end - begin) : 0, moved = 0;
    XK_CLEANUP_FREE char *text = xk_calloc(1, length + 1);
    ssize_t got = pread(live->fd, text, length, begin);

    while (got > 0 && moved < (size_t)got && text[moved] == '\0')
        moved++;
    if (got == -1 ||
        xk_kvm_log_add(fd, text + moved, (size_t)got - moved) == -1)
        return -1;
    xk_kvm_live_give_back(live, begin + (off_t)moved, begin + got);
    return 0;
}

/* What QEMU writes between our read and the rewind stands behind the end that
 * we read, so move that after the rewind. */
int
xk_kvm_log_gather(int record_dir_fd, enum xk_kvm_log which,
                  const struct xk_kvm_live *live)
{
    XK_CLEANUP_CLOSE int fd = -1;
    off_t end;

    if (live->fd == -1)
        return 0;
    fd = xk_kvm_log_hold(record_dir_fd, which);
    if (fd == -1)
        return errno == EAGAIN || errno == EACCES ? -1 : 0;
    end = xk_kvm_live_end(live);
    if (move(fd, live, 0, end) == 0 && xk_kvm_live_is_worn(end) &&
        xk_kvm_live_rewind(live))
        (void)move(fd, live, end, XK_KVM_LIVE_ROOM);
    return 0;
}
