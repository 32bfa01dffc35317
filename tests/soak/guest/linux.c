/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer's machine on Xen: init, the only program of a Linux guest. It is
 * also /sbin/reboot and /sbin/poweroff, which the kernel runs when Xen asks.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/soak/guest/writer.h"

enum {
    REST_US = 100000
};

static int disk = -1;
static aio_context_t context;

void
machine_put(const char *text)
{
    (void)!write(STDOUT_FILENO, text, strlen(text));
}

void
machine_rest(void)
{
    usleep(REST_US);
}

bool
machine_read(uint32_t block, void *to)
{
    return pread(disk, to, BLOCK_BYTES, (off_t)block * BLOCK_BYTES) ==
           BLOCK_BYTES;
}

bool
machine_write(uint32_t block, const void *from)
{
    struct iocb requests[BATCH] = {0}, *each[BATCH];
    struct io_event events[BATCH];
    bool done = true;
    long asked, answered = 0;

    for (uint32_t i = 0; i < BATCH; i++) {
        requests[i].aio_lio_opcode = IOCB_CMD_PWRITE;
        requests[i].aio_fildes = (uint32_t)disk;
        requests[i].aio_buf = (uintptr_t)from + i * BLOCK_BYTES;
        requests[i].aio_nbytes = BLOCK_BYTES;
        requests[i].aio_offset = (int64_t)(block + i) * BLOCK_BYTES;
        each[i] = &requests[i];
    }
    asked = syscall(SYS_io_submit, context, (long)BATCH, each);
    while (answered < asked) {
        long count = syscall(SYS_io_getevents, context, 1L, asked - answered,
                             events, NULL);

        for (long i = 0; i < count; i++)
            done = done && events[i].res == BLOCK_BYTES;
        answered += count > 0 ? count : 0;
    }
    return done && asked == BATCH;
}

bool
machine_flush(void)
{
    return fdatasync(disk) == 0;
}

static void
load(const char *path)
{
    int fd = open(path, O_RDONLY);

    syscall(SYS_finit_module, fd, "", 0);
    close(fd);
}

static void
start(void)
{
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    load("/xen-blkfront.ko");
    dup2(open("/dev/console", O_RDWR), STDOUT_FILENO);
    while ((disk = open("/dev/xvda", O_RDWR | O_DIRECT)) == -1)
        usleep(REST_US);
    syscall(SYS_io_setup, (long)BATCH, &context);
}

int
main(int argc, char **argv)
{
    (void)argc;
    if (strstr(argv[0], "reboot") != NULL)
        return reboot(RB_AUTOBOOT);
    if (strstr(argv[0], "poweroff") != NULL)
        return reboot(RB_POWER_OFF);
    start();
    writer_run();
}
