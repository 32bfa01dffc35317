/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk of the block frontend: its image, and what its backend is told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/lab/frontends/block/block.h"

static void
write_nodes(struct loop_device *device)
{
    loop_write(device, "virtual-device", "%u", device->devid);
    loop_write(device, "device-type", "disk");
    loop_back_write(device, "mode", "w");
    loop_back_write(device, "dev", "xvda");
}

/* The members that say what the image is. */
static char *
engine_json(const struct loop_device *device)
{
    const char *more = block_of(device)->options.json;

    if (block_of(device)->options.qcow2)
        return xk_asprintf(",\"engine\":\"nbd\",\"socket\":\"%s/nbd\","
                           "\"discard\":true%s",
                           device->folder, more != NULL ? more : "");
    if (more != NULL && strstr(more, "\"engine\"") != NULL)
        return xk_strdup(more);
    return xk_asprintf(",\"engine\":\"file\"%s",
                       more != NULL ? more
                                    : ",\"discard\":true,\"direct\":true");
}

static char *
members(const struct loop_device *device)
{
    XK_CLEANUP_FREE char *engine = engine_json(device);

    return xk_asprintf("\"vdev\":\"xvda\",\"target\":\"%s\"%s",
                       block_of(device)->image, engine);
}

/* What a program prints, to its first end of line. */
static char *
output_of(const char *const *argv)
{
    XK_CLEANUP_BUF struct xk_buf out = {0}, errors = {0};
    struct xk_error err;
    int status = -1;

    MUST(xk_process_run(argv, 4096, &out, &errors,
                        xk_deadline_in_ms(LOOP_WAIT_MS), &status, &err) == 0 &&
             status == 0,
         "%s failed: %s", argv[0], errors.data != NULL ? errors.data : "");
    return xk_strndup(out.data != NULL ? out.data : "",
                      strcspn(out.data != NULL ? out.data : "", "\n"));
}

static void
run_server(const struct loop_device *device, const char *socket)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("qemu-nbd", "qemu-nbd", "--persistent", "--shared=8", "-f", "qcow2",
           "-k", socket, block_of(device)->image, NULL);
    _exit(127);
}

static void
serve_qcow2(struct loop_device *device)
{
    XK_CLEANUP_FREE char *socket = xk_asprintf("%s/nbd", device->folder);
    const char *const argv[] = {"qemu-img", "create", "-q",
                                "-f",       "qcow2",  block_of(device)->image,
                                "16M",      NULL};
    struct stat st;

    free(output_of(argv));
    block_of(device)->server = fork();
    if (block_of(device)->server == 0)
        run_server(device, socket);
    for (int ms = 0; ms < LOOP_WAIT_MS && stat(socket, &st) == -1; ms += 20)
        poll(NULL, 0, 20);
    MUST(stat(socket, &st) == 0, "qemu-nbd does not listen");
}

static void
put_under_4k_blocks(struct loop_device *device)
{
    const char *const argv[] = {
        "losetup", "-f", "--show", "-b", "4096", block_of(device)->image, NULL};
    XK_CLEANUP_FREE char *name = output_of(argv);

    snprintf(block_of(device)->image, sizeof(block_of(device)->image), "%s",
             name);
    close(block_of(device)->image_fd);
    block_of(device)->image_fd = -1;
}

static void
drop_blocks(const struct loop_device *device)
{
    const char *const argv[] = {"losetup", "-d", block_of(device)->image, NULL};

    free(output_of(argv));
}

static void
make_image(struct loop_device *device)
{
    if (block_of(device)->options.qcow2) {
        snprintf(block_of(device)->image, sizeof(block_of(device)->image),
                 "%s/image.qcow2", device->folder);
        serve_qcow2(device);
        return;
    }
    if (block_of(device)->options.image != NULL) {
        snprintf(block_of(device)->image, sizeof(block_of(device)->image), "%s",
                 block_of(device)->options.image);
    } else {
        if (block_of(device)->options.on_disk)
            snprintf(block_of(device)->image, sizeof(block_of(device)->image),
                     "/var/tmp/%s", strrchr(device->folder, '/') + 1);
        else
            snprintf(block_of(device)->image, sizeof(block_of(device)->image),
                     "%s/image", device->folder);
        block_of(device)->image_fd =
            open(block_of(device)->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        MUST(ftruncate(block_of(device)->image_fd, LOOP_IMAGE_BYTES) == 0,
             "image: %s", strerror(errno));
    }
    if (block_of(device)->options.blocks_4k)
        put_under_4k_blocks(device);
    if (block_of(device)->image_fd == -1)
        block_of(device)->image_fd =
            open(block_of(device)->image, O_RDWR | O_CLOEXEC);
}

static void
make(struct loop_device *device, const void *options)
{
    struct block *block = XK_NEW(struct block);

    device->own = block;
    if (options != NULL)
        block->options = *(const struct loop_options *)options;
    if (block->options.queues == 0)
        block->options.queues = 1;
    block->image_fd = -1;
    make_image(device);
}

static void
drop(struct loop_device *device)
{
    struct block *block = block_of(device);

    if (block->server > 0) {
        kill(block->server, SIGKILL);
        waitpid(block->server, NULL, 0);
    }
    if (block->options.blocks_4k)
        drop_blocks(device);
    if (block->options.on_disk)
        unlink(block->image);
    if (block->image_fd != -1)
        close(block->image_fd);
    free(block);
}

const struct loop_kind loop_kind = {
    .name = "block",
    .front = "vbd",
    .back = "xkvbd",
    .first_devid = 51712,
    .devid_step = 16,
    .make = make,
    .drop = drop,
    .write_nodes = write_nodes,
    .members = members,
    .connect = block_connect,
    .must_serve = block_must_serve,
};
