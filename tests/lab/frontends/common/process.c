/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend's process: started, asked, killed as a toolstack would. */
#include <dirent.h>
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
    execlp("xk-backend", "xk-backend", loop_kind.name, device->folder, NULL);
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

/* Both ends as a toolstack makes them. */
static void
write_nodes(struct loop_device *device)
{
    loop_write(device, "backend", "%s", device->back);
    loop_write(device, "backend-id", "0");
    loop_back_write(device, "frontend", device->front);
    loop_back_write(device, "frontend-id", "0");
    loop_back_write(device, "online", "1");
    loop_kind.write_nodes(device);
    loop_write(device, "state", "1");
    loop_back_write(device, "state", "1");
}

void
loop_write_json(struct loop_device *device)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/device.json", device->folder);
    XK_CLEANUP_FREE char *members = loop_kind.members(device);
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "{\"version\":1,\"domid\":0,\"devid\":%u,\"frontend\":\"%s\","
        "\"backend\":\"%s\",%s}",
        device->devid, device->front, device->back, members);
    struct xk_error err;

    MUST(xk_write_file(AT_FDCWD, path, text, strlen(text), false, &err) == 0,
         "%s", err.message);
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
loop_new(const void *options)
{
    static unsigned count;
    struct loop_device *device = XK_NEW(struct loop_device);
    struct xk_error err;

    device->devid = loop_kind.first_devid + loop_kind.devid_step * count++;
    snprintf(device->front, sizeof(device->front),
             "/local/domain/0/xktest/%s/%u", loop_kind.front, device->devid);
    snprintf(device->back, sizeof(device->back),
             "/local/domain/0/backend/%s/0/%u", loop_kind.back, device->devid);
    snprintf(device->folder, sizeof(device->folder), "/run/frontend-XXXXXX");
    MUST(mkdtemp(device->folder) != NULL, "mkdtemp: %s", strerror(errno));
    device->store = xk_store_open(NULL, xk_deadline_in_ms(LOOP_WAIT_MS), &err);
    MUST(device->store != NULL, "%s", err.message);
    device->gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
    MUST(device->gntalloc != -1, "gntalloc: %s", strerror(errno));
    make_data(device);
    loop_kind.make(device, options);
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
loop_open(const void *options)
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
    if (device->own != NULL)
        loop_kind.drop(device);
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

void
loop_start_again(struct loop_device *device)
{
    char said[2048];
    int status = loop_start(device, said, sizeof(said));

    MUST(status == -1, "xk-backend ended with %d: %s", status, said);
    MUST(loop_back_state(device) == XK_XENBUS_CONNECTED, "it is at state %d",
         loop_back_state(device));
}

void
loop_must_have_stopped(struct loop_device *device, const char *word)
{
    const char *answer;

    loop_await(device, XK_XENBUS_CLOSING);
    MUST(strstr(loop_back_read(device, "error"), word) != NULL,
         "the error node is \"%s\", without \"%s\"",
         loop_back_read(device, "error"), word);
    answer = loop_control(device, "{\"query\":\"status\"}");
    MUST(strstr(answer, "\"reason\":\"") != NULL, "%s", answer);
    MUST(loop_is_alive(device), "it ended");
}

void
loop_must_end(struct loop_device *device)
{
    int status = -1;

    for (int ms = 0; ms < LOOP_WAIT_MS; ms += 20) {
        if (waitpid(device->backend, &status, WNOHANG) == device->backend) {
            device->backend = 0;
            MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                 "it ended with status %x", status);
            MUST(loop_back_read(device, "state")[0] == '\0',
                 "its nodes are still there");
            loop_free(device);
            return;
        }
        poll(NULL, 0, 20);
    }
    fail_case("it does not end");
}

void
loop_begin_again(struct loop_device *device)
{
    loop_set_state(device, XK_XENBUS_CLOSED);
    loop_await(device, XK_XENBUS_CLOSED);
    loop_set_state(device, XK_XENBUS_INITIALISING);
    loop_await(device, XK_XENBUS_INIT_WAIT);
    loop_drop_rings(device);
}

/* ---- what it has ---- */

/* Lines of a file that have the word; "" is in each. */
static unsigned
count_lines(const char *path, const char *word)
{
    FILE *file = fopen(path, "re");
    unsigned count = 0;
    char *line = NULL;
    size_t room = 0;

    MUST(file != NULL, "%s: %s", path, strerror(errno));
    while (getline(&line, &room, file) != -1)
        count += strstr(line, word) != NULL;
    free(line);
    fclose(file);
    return count;
}

static unsigned
count_entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    MUST(folder != NULL, "%s: %s", path, strerror(errno));
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static unsigned
resident_pages(const char *path)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    unsigned total, resident;

    MUST(xk_read_file(AT_FDCWD, path, 4096, &text, NULL) == 0 &&
             sscanf(text.data, "%u %u", &total, &resident) == 2,
         "no %s", path);
    return resident;
}

struct loop_usage
loop_usage(const struct loop_device *device)
{
    XK_CLEANUP_FREE char *fd = xk_asprintf("/proc/%d/fd", (int)device->backend);
    XK_CLEANUP_FREE char *maps =
        xk_asprintf("/proc/%d/maps", (int)device->backend);
    XK_CLEANUP_FREE char *statm =
        xk_asprintf("/proc/%d/statm", (int)device->backend);

    return (struct loop_usage){
        .files = count_entries(fd),
        .grants = count_lines(maps, "gntdev"),
        .ports = count_lines("/proc/interrupts", "evtchn:"),
        .resident = resident_pages(statm),
    };
}

void
loop_kill_unconnected(struct loop_device *device)
{
    char said[256];

    loop_kill(device);
    MUST(loop_start(device, said, sizeof(said)) == -1, "%s", said);
    MUST(loop_back_state(device) == XK_XENBUS_INIT_WAIT, "state %d",
         loop_back_state(device));
    loop_connect(device);
    loop_must_serve(device);
}
