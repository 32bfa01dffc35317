/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    PAGE = 4096,
    TRIM_AT = 64 * 1024,
    NEWER_MAX = 4, /* times that more is copied, so that less is lost */
};

/* No log that begins at its file's front comes so far. */
#define BOUNDED_MIN (INT64_C(1) << 40)

off_t
xk_kvm_log_first(off_t size)
{
    return size < BOUNDED_MIN ? 0 : size & ~(off_t)(XK_KVM_LOG_ROOM - 1);
}

bool
xk_kvm_log_is_worn(off_t size)
{
    return size >= BOUNDED_MIN &&
           size - xk_kvm_log_first(size) > XK_KVM_LOG_ROOM / 4 * 3;
}

/* The greatest size that the file system gives a file, up to our limit; less
 * than BOUNDED_MIN where it is of no use. Leaves the file at some size. */
static off_t
find_greatest(int fd)
{
    off_t below = BOUNDED_MIN;
    off_t above = XK_KVM_FILE_LIMIT;

    if (ftruncate(fd, above) == 0)
        return above;
    if (ftruncate(fd, below) == -1)
        return 0;
    while (above - below > 1) {
        off_t middle = below + (above - below) / 2;

        if (ftruncate(fd, middle) == 0)
            below = middle;
        else
            above = middle;
    }
    return below;
}

/* Where a file system has no such files, the log begins at 0, and nothing
 * bounds it while nobody trims it. */
static int
begin(int fd, struct xk_error *err)
{
    off_t greatest = find_greatest(fd);
    off_t first = xk_kvm_log_first(greatest - 1);

    if (greatest - first < XK_KVM_LOG_ROOM / 8 * 7)
        first = 0;
    if (ftruncate(fd, first) == -1)
        return xk_fail_errno(err, "begin a log");
    return 0;
}

/* The first line of the next QEMU must not go on a line that a killed one left
 * torn. */
static int
prepare(int fd, struct xk_error *err)
{
    struct stat st;
    char last = '\n';

    if (fstat(fd, &st) == -1)
        return xk_fail_errno(err, "look at a log");
    if (st.st_size == 0)
        return begin(fd, err);
    if (st.st_size > xk_kvm_log_first(st.st_size) &&
        (pread(fd, &last, 1, st.st_size - 1) == -1 ||
         (last != '\n' && write(fd, "\n", 1) == -1)))
        return xk_fail_errno(err, "end a line");
    return 0;
}

int
xk_kvm_log_open(int dirfd, const char *name, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    int ours;

    fd = openat(dirfd, name,
                O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", name);
    if (prepare(fd, err) == -1)
        return xk_wrap(err, "open \"%s\"", name);
    ours = openat(dirfd, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    return ours == -1 ? xk_fail_errno(err, "open \"%s\"", name) : ours;
}

off_t
xk_kvm_log_start(int fd)
{
    off_t start = lseek(fd, 0, SEEK_DATA);
    struct stat st;

    if (start == -1)
        return fstat(fd, &st) == -1 ? 0 : xk_kvm_log_first(st.st_size);
    return start;
}

void
xk_kvm_log_give_back(int fd, off_t end)
{
    end &= ~(off_t)(PAGE - 1);
    /* Where the file system cannot, the log stays as it is. */
    if (end > 0)
        (void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                         end);
}

/* Bytes of a log, to another place before them in it. */
static int
copy(int fd, off_t from, off_t to, off_t length)
{
    XK_CLEANUP_FREE char *bytes = xk_calloc(1, (size_t)length + 1);

    return pread(fd, bytes, (size_t)length, from) == length &&
                   pwrite(fd, bytes, (size_t)length, to) == length
               ? 0
               : -1;
}

/* QEMU goes on appending at the end meanwhile; what is copied lies before. A
 * kill leaves the end twice, which no reader minds. */
static void
begin_anew(int fd, off_t size, off_t keep)
{
    off_t first = xk_kvm_log_first(size);
    off_t from = size - keep;
    off_t to = first;
    struct stat st = {.st_size = size};

    for (int times = 0; times < NEWER_MAX && st.st_size > from; times++) {
        if (st.st_size - from > from - to ||
            copy(fd, from, to, st.st_size - from) == -1)
            return;
        to += st.st_size - from;
        from = st.st_size;
        if (fstat(fd, &st) == -1)
            return;
    }
    (void)!ftruncate(fd, to);
}

void
xk_kvm_log_trim(int dirfd, const char *name, off_t keep)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    /* Against another trim only; QEMU does not lock the file. */
    if (fd == -1 || fcntl(fd, F_OFD_SETLK, &lock) == -1 ||
        fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
        return;
    if (xk_kvm_log_is_worn(st.st_size))
        begin_anew(fd, st.st_size, keep);
    else if (st.st_size - xk_kvm_log_start(fd) >= keep + TRIM_AT)
        xk_kvm_log_give_back(fd, st.st_size - keep);
}
