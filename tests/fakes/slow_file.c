/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source: linux/fuse.h. The root of the file system is the file. */
#include "tests/fakes/slow_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/test.h"

enum {
    WRITE_MAX = 65536,
    REQUEST_MAX = WRITE_MAX + 4096,
    HELD_MAX = 64,
    AWAIT_MS = 20000,
};

struct slow_file_state {
    uint64_t bytes;
    _Atomic bool hold_writes, hold_syncs;
    _Atomic unsigned fail_writes, fail_syncs;
    uint8_t data[];
};

struct request {
    struct fuse_in_header header;
    uint8_t body[REQUEST_MAX - sizeof(struct fuse_in_header)];
};

struct served {
    int fd, held_fd, free_fd;
    struct slow_file_state *state;
    struct request *held[HELD_MAX];
    unsigned held_count;
};

static void
answer(const struct served *served, uint64_t unique, int error,
       const void *body, size_t length)
{
    struct fuse_out_header header = {.len = (uint32_t)(sizeof(header) + length),
                                     .error = -error,
                                     .unique = unique};
    struct iovec iov[2] = {{&header, sizeof(header)},
                           {(void *)(uintptr_t)body, length}};

    (void)!writev(served->fd, iov, length > 0 ? 2 : 1);
}

static struct fuse_attr
attributes(const struct served *served)
{
    return (struct fuse_attr){.ino = FUSE_ROOT_ID,
                              .size = served->state->bytes,
                              .mode = S_IFREG | 0600,
                              .nlink = 1,
                              .blksize = 4096};
}

static void
answer_init(const struct served *served, const struct request *request)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = 31,
                                .max_readahead = WRITE_MAX,
                                .flags = FUSE_ASYNC_DIO | FUSE_ASYNC_READ |
                                         FUSE_BIG_WRITES | FUSE_MAX_PAGES,
                                .max_background = HELD_MAX,
                                .congestion_threshold = HELD_MAX,
                                .max_write = WRITE_MAX,
                                .max_pages = WRITE_MAX / 4096,
                                .time_gran = 1};

    answer(served, request->header.unique, 0, &out, sizeof(out));
}

static void
answer_read(const struct served *served, const struct request *request)
{
    const struct fuse_read_in *in = (const void *)request->body;
    uint64_t left = in->offset < served->state->bytes
                        ? served->state->bytes - in->offset
                        : 0;

    answer(served, request->header.unique, 0, served->state->data + in->offset,
           in->size < left ? in->size : left);
}

static bool
take_failure(_Atomic unsigned *count)
{
    if (*count == 0)
        return false;
    (*count)--;
    return true;
}

static void
finish_write(const struct served *served, const struct request *request)
{
    const struct fuse_write_in *in = (const void *)request->body;
    struct fuse_write_out out = {.size = in->size};

    if (take_failure(&served->state->fail_writes) ||
        in->offset + in->size > served->state->bytes) {
        answer(served, request->header.unique, EIO, NULL, 0);
        return;
    }
    memcpy(served->state->data + in->offset, in + 1, in->size);
    answer(served, request->header.unique, 0, &out, sizeof(out));
}

static void
finish(const struct served *served, const struct request *request)
{
    if (request->header.opcode == FUSE_WRITE)
        finish_write(served, request);
    else
        answer(served, request->header.unique,
               take_failure(&served->state->fail_syncs) ? EIO : 0, NULL, 0);
}

static void
hold(struct served *served, const struct request *request)
{
    uint64_t one = 1;

    served->held[served->held_count] = xk_calloc(1, sizeof(*request));
    memcpy(served->held[served->held_count++], request, sizeof(*request));
    (void)!write(served->held_fd, &one, sizeof(one));
}

static void
handle(struct served *served, const struct request *request)
{
    struct fuse_attr_out attr = {.attr = attributes(served)};
    struct fuse_open_out opened = {0};
    uint64_t unique = request->header.unique;

    switch (request->header.opcode) {
    case FUSE_INIT:
        answer_init(served, request);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        answer(served, unique, 0, &attr, sizeof(attr));
        break;
    case FUSE_OPEN:
        answer(served, unique, 0, &opened, sizeof(opened));
        break;
    case FUSE_READ:
        answer_read(served, request);
        break;
    case FUSE_WRITE:
        if (served->state->hold_writes)
            hold(served, request);
        else
            finish(served, request);
        break;
    case FUSE_FSYNC:
        if (served->state->hold_syncs)
            hold(served, request);
        else
            finish(served, request);
        break;
    case FUSE_RELEASE:
    case FUSE_FLUSH:
        answer(served, unique, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(served, unique, ENOSYS, NULL, 0);
    }
}

static void
let_go(struct served *served)
{
    for (unsigned i = 0; i < served->held_count; i++) {
        finish(served, served->held[i]);
        free(served->held[i]);
    }
    served->held_count = 0;
}

static void
serve(struct served *served)
{
    struct request *request = xk_calloc(1, sizeof(*request));
    struct pollfd fds[2] = {{served->fd, POLLIN, 0},
                            {served->free_fd, POLLIN, 0}};
    uint64_t value;

    while (poll(fds, 2, -1) > 0) {
        if (fds[1].revents != 0 &&
            read(served->free_fd, &value, sizeof(value)) > 0)
            let_go(served);
        if ((fds[0].revents & POLLIN) != 0 && served->held_count < HELD_MAX &&
            read(served->fd, request, sizeof(*request)) > 0)
            handle(served, request);
        if ((fds[0].revents & (POLLERR | POLLHUP)) != 0)
            break;
    }
    _exit(0);
}

static void
mount_over(const char *path, int fd)
{
    char options[80];
    int made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_not_equal(made, -1);
    close(made);
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_true(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ||
                errno == EINVAL);
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=0100600,user_id=0,group_id=0", fd);
    assert_int_equal(mount("slow", path, "fuse", 0, options), 0);
}

static void
make_loop(struct slow_file *file)
{
    struct loop_config config = {.info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int backing = open(file->path, O_RDWR | O_CLOEXEC);
    int device = -1;

    assert_int_not_equal(control, -1);
    assert_int_not_equal(backing, -1);
    config.fd = (uint32_t)backing;
    for (int tries = 0; tries < 100; tries++) {
        snprintf(file->loop, sizeof(file->loop), "/dev/loop%d",
                 ioctl(control, LOOP_CTL_GET_FREE));
        device = open(file->loop, O_RDWR | O_CLOEXEC);
        if (device != -1 && ioctl(device, LOOP_CONFIGURE, &config) == 0)
            break;
        assert_int_equal(errno, EBUSY); /* another process took the device */
        close(device);
    }
    file->device = device; /* the last close removes the loop device */
    close(backing);
    close(control);
}

void
slow_file_new(struct slow_file *file, const char *path, uint64_t bytes,
              bool with_loop)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    struct served served = {.fd = fd};

    assert_int_not_equal(fd, -1);
    *file = (struct slow_file){.path = xk_strdup(path), .device = -1};
    file->state =
        mmap(NULL, sizeof(*file->state) + bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(file->state != MAP_FAILED);
    file->state->bytes = bytes;
    file->held_fd = served.held_fd = eventfd(0, EFD_CLOEXEC);
    file->free_fd = served.free_fd = eventfd(0, EFD_CLOEXEC);
    served.state = file->state;
    mount_over(path, fd);
    file->server = fork();
    assert_int_not_equal(file->server, -1);
    if (file->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(&served);
    }
    close(fd);
    if (with_loop)
        make_loop(file);
}

void
slow_file_free(struct slow_file *file)
{
    slow_file_release(file);
    if (file->device != -1)
        close(file->device);
    kill(file->server, SIGKILL);
    waitpid(file->server, NULL, 0);
    umount2(file->path, MNT_DETACH);
    munmap(file->state, sizeof(*file->state) + file->state->bytes);
    close(file->held_fd);
    close(file->free_fd);
    free(file->path);
}

void
slow_file_hold(struct slow_file *file, bool writes, bool syncs)
{
    file->state->hold_writes = writes;
    file->state->hold_syncs = syncs;
}

void
slow_file_await_held(struct slow_file *file)
{
    struct pollfd fds = {file->held_fd, POLLIN, 0};
    uint64_t value;

    assert_int_equal(poll(&fds, 1, AWAIT_MS), 1);
    assert_true(read(file->held_fd, &value, sizeof(value)) > 0);
}

void
slow_file_release(struct slow_file *file)
{
    uint64_t one = 1;

    slow_file_hold(file, false, false);
    (void)!write(file->free_fd, &one, sizeof(one));
}

void
slow_file_fail(struct slow_file *file, unsigned writes, unsigned syncs)
{
    file->state->fail_writes = writes;
    file->state->fail_syncs = syncs;
}

uint8_t
slow_file_byte(const struct slow_file *file, uint64_t offset)
{
    return file->state->data[offset];
}
