/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend's process: started, asked, killed as a toolstack would. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/lab/frontends/common/loop.h"
#include "xenstore-helpers/xenbus.h"

enum {
    FIRST_DEVID = 51712
};

static void
write_nodes(struct loop_device *device)
{
    char number[16];

    snprintf(number, sizeof(number), "%u", device->devid);
    loop_write(device, "backend", "%s", device->back);
    loop_write(device, "backend-id", "0");
    loop_write(device, "virtual-device", "%s", number);
    loop_write(device, "device-type", "disk");
    loop_write(device, "state", "1");
    loop_back_write(device, "frontend", device->front);
    loop_back_write(device, "frontend-id", "0");
    loop_back_write(device, "online", "1");
    loop_back_write(device, "mode", "w");
    loop_back_write(device, "dev", "xvda");
    loop_back_write(device, "state", "1");
}

/* The members that say what the image is. */
static char *
engine_json(const struct loop_device *device)
{
    const char *more = device->options.json;

    if (device->options.qcow2)
        return xk_asprintf(",\"engine\":\"nbd\",\"socket\":\"%s/nbd\","
                           "\"discard\":true%s",
                           device->folder, more != NULL ? more : "");
    if (more != NULL && strstr(more, "\"engine\"") != NULL)
        return xk_strdup(more);
    return xk_asprintf(",\"engine\":\"file\"%s",
                       more != NULL ? more
                                    : ",\"discard\":true,\"direct\":true");
}

void
loop_write_json(struct loop_device *device)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/device.json", device->folder);
    XK_CLEANUP_FREE char *engine = engine_json(device);
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "{\"domid\":0,\"devid\":%u,\"vdev\":\"xvda\",\"frontend\":\"%s\","
        "\"backend\":\"%s\",\"target\":\"%s\"%s}",
        device->devid, device->front, device->back, device->image, engine);
    struct xk_error err;

    MUST(xk_write_file(AT_FDCWD, path, text, strlen(text), false, &err) == 0,
         "%s", err.message);
}

/* Reads one line, or what there is until the end. */
static void
read_line(int fd, char *line, size_t size)
{
    size_t length = 0;

    while (length + 1 < size) {
        ssize_t n = read(fd, line + length, 1);

        if (n <= 0 || line[length] == '\n')
            break;
        length++;
    }
    line[length] = '\0';
}

static void
run_backend(const struct loop_device *device, int ready)
{
    XK_CLEANUP_FREE char *log = xk_asprintf("%s/log", device->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDERR_FILENO);
    if (ready == 3)
        fcntl(3, F_SETFD, 0);
    else
        dup2(ready, 3);
    setenv("XK_READY_FD", "3", 1);
    execlp("xk-backend", "xk-backend", "block", device->folder, NULL);
    _exit(127);
}

/* Returns the exit status if it ended, else -1 with the process in place. */
int
loop_start(struct loop_device *device, char *said, size_t size)
{
    int pipes[2], status;

    MUST(pipe2(pipes, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
    device->backend = fork();
    if (device->backend == 0)
        run_backend(device, pipes[1]);
    close(pipes[1]);
    read_line(pipes[0], said, size);
    close(pipes[0]);
    if (strcmp(said, "{\"ready\":true}") == 0)
        return -1;
    waitpid(device->backend, &status, 0);
    device->backend = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
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
           "-k", socket, device->image, NULL);
    _exit(127);
}

static void
serve_qcow2(struct loop_device *device)
{
    XK_CLEANUP_FREE char *socket = xk_asprintf("%s/nbd", device->folder);
    const char *const argv[] = {"qemu-img", "create",      "-q",  "-f",
                                "qcow2",    device->image, "16M", NULL};
    struct stat st;

    free(output_of(argv));
    device->server = fork();
    if (device->server == 0)
        run_server(device, socket);
    for (int ms = 0; ms < LOOP_WAIT_MS && stat(socket, &st) == -1; ms += 20)
        poll(NULL, 0, 20);
    MUST(stat(socket, &st) == 0, "qemu-nbd does not listen");
}

static void
put_under_4k_blocks(struct loop_device *device)
{
    const char *const argv[] = {"losetup", "-f",          "--show", "-b",
                                "4096",    device->image, NULL};
    XK_CLEANUP_FREE char *name = output_of(argv);

    snprintf(device->image, sizeof(device->image), "%s", name);
    close(device->image_fd);
    device->image_fd = -1;
}

static void
drop_blocks(const struct loop_device *device)
{
    const char *const argv[] = {"losetup", "-d", device->image, NULL};

    free(output_of(argv));
}

static void
make_image(struct loop_device *device)
{
    if (device->options.qcow2) {
        snprintf(device->image, sizeof(device->image), "%s/image.qcow2",
                 device->folder);
        serve_qcow2(device);
        return;
    }
    if (device->options.image != NULL) {
        snprintf(device->image, sizeof(device->image), "%s",
                 device->options.image);
    } else {
        if (device->options.on_disk)
            snprintf(device->image, sizeof(device->image), "/var/tmp/%s",
                     strrchr(device->folder, '/') + 1);
        else
            snprintf(device->image, sizeof(device->image), "%s/image",
                     device->folder);
        device->image_fd =
            open(device->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        MUST(ftruncate(device->image_fd, LOOP_IMAGE_BYTES) == 0, "image: %s",
             strerror(errno));
    }
    if (device->options.blocks_4k)
        put_under_4k_blocks(device);
    if (device->image_fd == -1)
        device->image_fd = open(device->image, O_RDWR | O_CLOEXEC);
}

static void
make_data(struct loop_device *device)
{
    device->data_grefs =
        (uint32_t *)xk_calloc(LOOP_DATA_PAGES, sizeof(uint32_t));
    device->data = loop_allocate(device, LOOP_DATA_PAGES, true,
                                 device->data_grefs, &device->data_index);
    device->read_only_page = loop_allocate(
        device, 1, false, &device->read_only_gref, &device->read_only_index);
}

struct loop_device *
loop_new(const struct loop_options *options)
{
    static unsigned count;
    struct loop_device *device = XK_NEW(struct loop_device);
    struct xk_error err;

    if (options != NULL)
        device->options = *options;
    if (device->options.queues == 0)
        device->options.queues = 1;
    device->image_fd = -1;
    device->devid = FIRST_DEVID + 16 * count++;
    snprintf(device->front, sizeof(device->front),
             "/local/domain/0/xktest/vbd/%u", device->devid);
    snprintf(device->back, sizeof(device->back),
             "/local/domain/0/backend/xkvbd/0/%u", device->devid);
    snprintf(device->folder, sizeof(device->folder), "/run/blkif-XXXXXX");
    MUST(mkdtemp(device->folder) != NULL, "mkdtemp: %s", strerror(errno));
    device->store = xk_store_open(NULL, xk_deadline_in_ms(LOOP_WAIT_MS), &err);
    MUST(device->store != NULL, "%s", err.message);
    device->gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
    MUST(device->gntalloc != -1, "gntalloc: %s", strerror(errno));
    make_data(device);
    make_image(device);
    write_nodes(device);
    loop_write_json(device);
    return device;
}

bool
loop_is_alive(const struct loop_device *device)
{
    return device->backend > 0 && waitpid(device->backend, NULL, WNOHANG) == 0;
}

void
loop_stop(struct loop_device *device)
{
    int status = -1;

    kill(device->backend, SIGTERM);
    waitpid(device->backend, &status, 0);
    device->backend = 0;
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0,
         "it ended with status %x", status);
}

void
loop_kill(struct loop_device *device)
{
    int status;

    if (device->backend <= 0)
        return;
    kill(device->backend, SIGKILL);
    waitpid(device->backend, &status, 0);
    device->backend = 0;
}

struct loop_device *
loop_open(const struct loop_options *options)
{
    struct loop_device *device = loop_new(options);
    char said[2048];
    int status = loop_start(device, said, sizeof(said));

    MUST(status == -1, "xk-backend ended with %d: %s", status, said);
    MUST(loop_back_state(device) == XK_XENBUS_INIT_WAIT, "ready at state %d",
         loop_back_state(device));
    return device;
}

const char *
loop_control(struct loop_device *device, const char *question)
{
    static char answer[8192];
    XK_CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = LOOP_WAIT_MS / 1000};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/control",
             device->folder);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
         "control socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    MUST(xk_write_all(fd, question, strlen(question)) == 0 &&
             xk_write_all(fd, "\n", 1) == 0,
         "control socket: %s", strerror(errno));
    read_line(fd, answer, sizeof(answer));
    return answer;
}

/* Ends by itself within the time that anything here may take. */
static int
await_end(struct loop_device *device)
{
    int status = -1;

    for (int ms = 0; ms < LOOP_WAIT_MS; ms += 20) {
        if (waitpid(device->backend, &status, WNOHANG) == device->backend) {
            device->backend = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status)
                                     : 256 + WTERMSIG(status);
        }
        poll(NULL, 0, 20);
    }
    return -1;
}

void
loop_free(struct loop_device *device)
{
    struct xk_error err;

    loop_kill(device);
    if (device->server > 0) {
        kill(device->server, SIGKILL);
        waitpid(device->server, NULL, 0);
    }
    if (device->options.blocks_4k)
        drop_blocks(device);
    if (device->options.on_disk)
        unlink(device->image);
    loop_drop_rings(device);
    if (device->data != NULL)
        loop_give_back(device, device->data, LOOP_DATA_PAGES,
                       device->data_index);
    if (device->read_only_page != NULL)
        loop_give_back(device, device->read_only_page, 1,
                       device->read_only_index);
    xk_store_remove(device->store, 0, device->front,
                    xk_deadline_in_ms(LOOP_WAIT_MS), &err);
    xk_store_remove(device->store, 0, device->back,
                    xk_deadline_in_ms(LOOP_WAIT_MS), &err);
    xk_store_close(device->store);
    xk_remove_tree(AT_FDCWD, device->folder, &err);
    close(device->gntalloc);
    if (device->image_fd != -1)
        close(device->image_fd);
    free(device->data_grefs);
    free(device);
}

void
loop_abandon(struct loop_device *device)
{
    XK_CLEANUP_FREE char *log = xk_asprintf("%s/log", device->folder);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (xk_read_file(AT_FDCWD, log, 1 << 20, &text, NULL) == 0 &&
        text.data != NULL)
        printf("#   log: %s\n", text.data);
    loop_free(device);
}

void
loop_close(struct loop_device *device)
{
    int status;

    if (loop_back_state(device) < XK_XENBUS_CLOSING)
        loop_back_write(device, "state", "5");
    loop_back_write(device, "online", "0");
    if (device->ring_count > 0) {
        loop_set_state(device, XK_XENBUS_CLOSING);
        loop_set_state(device, XK_XENBUS_CLOSED);
    }
    status = await_end(device);
    MUST(status == 0, "xk-backend ended with %d after closing", status);
    MUST(loop_back_state(device) == XK_XENBUS_CLOSED,
         "closed, and its state is %d", loop_back_state(device));
    loop_free(device);
}
