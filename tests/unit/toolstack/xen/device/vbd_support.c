/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/xen/device/vbd_support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libnbd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

enum {
    IMAGE_BYTES = 4 * 1024 * 1024
};

struct vbd_world vbd_world;

static void
start_daemon(void)
{
    XK_CLEANUP_FREE char *disk = xk_asprintf(
        "driver=file,node-name=disk0,filename=%s", vbd_world.image.path);
    XK_CLEANUP_FREE char *nbd =
        xk_asprintf("addr.type=unix,addr.path=%s/nbd", vbd_world.folder);
    XK_CLEANUP_FREE char *chardev = xk_asprintf(
        "socket,id=qmp,path=%s/qmp,server=on,wait=off", vbd_world.folder);
    XK_CLEANUP_FREE char *pid_file =
        xk_asprintf("%s/qsd.pid", vbd_world.folder);
    struct stat st;

    vbd_world.daemon_pid = fork();
    assert_int_not_equal(vbd_world.daemon_pid, -1);
    if (vbd_world.daemon_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("qemu-storage-daemon", "qemu-storage-daemon", "--blockdev", disk,
               "--nbd-server", nbd, "--chardev", chardev, "--monitor",
               "chardev=qmp", "--export",
               "type=nbd,id=disk,node-name=disk0,name=,writable=on",
               "--pidfile", pid_file, NULL);
        _exit(127);
    }
    for (int tries = 0; tries < 2000 && stat(pid_file, &st) == -1; tries++)
        usleep(10000);
    assert_int_equal(stat(pid_file, &st), 0);
}

struct xk_json *
vbd_json(const char *engine)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("{\"readonly\":false,\"engine\":\"%s\",\"target\":\"%s\","
                    "\"format\":\"raw\"}",
                    engine, vbd_world.image.path);

    return xk_json_parse(text, strlen(text), "x", NULL);
}

int
vbd_set_up(void **state)
{
    XK_CLEANUP_FREE char *path = NULL;

    (void)state;
    vbd_world.folder = scratch_new();
    path = xk_asprintf("%s/image", vbd_world.folder);
    slow_file_new(&vbd_world.image, path, IMAGE_BYTES, false);
    vbd_world.device = (struct xk_xen_device){.kind = &xk_vbd_kind,
                                              .number = 51712,
                                              .path = vbd_world.folder,
                                              .json = vbd_json("nbd"),
                                              .name = "xvda"};
    start_daemon();
    return 0;
}

void
vbd_end_daemon(void)
{
    if (vbd_world.daemon_pid == 0)
        return;
    kill(vbd_world.daemon_pid, SIGKILL);
    waitpid(vbd_world.daemon_pid, NULL, 0);
    vbd_world.daemon_pid = 0;
}

int
vbd_tear_down(void **state)
{
    (void)state;
    slow_file_release(&vbd_world.image);
    vbd_end_daemon();
    xk_json_cleanup(&vbd_world.device.json);
    slow_file_free(&vbd_world.image);
    scratch_free(vbd_world.folder);
    return 0;
}

int
vbd_write_with(uint8_t fill)
{
    XK_CLEANUP_FREE char *socket = xk_asprintf("%s/nbd", vbd_world.folder);
    struct nbd_handle *nbd = nbd_create();
    uint8_t block[4096];
    int rc;

    memset(block, fill, sizeof(block));
    rc = nbd_connect_unix(nbd, socket);
    if (rc == 0)
        rc = nbd_pwrite(nbd, block, sizeof(block), 0, 0);
    nbd_close(nbd);
    return rc;
}
