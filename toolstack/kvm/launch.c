/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/qmp.h"
#include "toolstack/kvm/spawn.h"

enum {
    LOG_TAIL_MAX = 64 * 1024,
    LINES_MAX = 6,
    END_MS = 1000, /* from the last message of a QEMU to its exit */
    HOLD_MS = 1,   /* between two tries for a log that another process holds */
};

struct launch {
    struct xk_kvm_plan *plan; /* NULL: QEMU was started before */
    const struct xk_record *record;
    const struct xk_kvm_live *words; /* what QEMU printed */
    off_t log_start; /* offset in qemu.log where this QEMU begins */
};

/* ---- the plan ---- */

/* A guest that stops leaves QEMU paused until its policy is carried out
 * (toolstack/kvm/events.h). */
static const char *const fixed_arguments[] = {
    "-S",
    "-action",
    "reboot=shutdown,shutdown=pause,panic=pause,watchdog=pause",
    "-sandbox",
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
};

/* QEMU opens "/dev/fdset/N", which is the description it inherits. */
static int
add_log(struct xk_kvm_plan *plan, enum xk_kvm_log which, int *number,
        struct xk_error *err)
{
    int fd = -1;

    if (!plan->dry) {
        fd = fcntl(plan->logs[which].write_fd, F_DUPFD_CLOEXEC, 0);
        if (fd == -1)
            return xk_fail_errno(err, "pass the memory for \"%s\" to QEMU",
                                 xk_kvm_log_name(which));
    }
    *number = xk_kvm_plan_fd(plan, fd, "log %s", xk_kvm_log_name(which));
    xk_kvm_plan_arg(plan, "-add-fd");
    xk_kvm_plan_arg(plan, "fd=%d,set=%d", *number, *number);
    return 0;
}

static int
make_logs(struct xk_kvm_plan *plan, int dirfd, struct xk_error *err)
{
    if (xk_kvm_logs_make(dirfd, err) == -1)
        return -1;
    for (int i = 0; i < XK_KVM_LOG_COUNT; i++) {
        if (xk_kvm_live_make((enum xk_kvm_log)i, &plan->logs[i], err) == -1)
            return -1;
    }
    return 0;
}

static int
add_events(struct xk_kvm_plan *plan, int *events_fd, struct xk_error *err)
{
    int ends[2] = {-1, -1};
    int channel, log = -1;

    if (!plan->dry) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
            return xk_fail_errno(err, "socketpair");
        *events_fd = ends[0];
    }
    channel = xk_kvm_plan_fd(plan, ends[1], "event channel");
    if (add_log(plan, XK_KVM_LOG_EVENTS, &log, err) == -1)
        return -1;
    xk_kvm_plan_arg(plan, "-chardev");
    xk_kvm_plan_arg(plan,
                    "socket,id=events,fd=%d,logfile=/dev/fdset/%d,"
                    "logappend=on",
                    channel, log);
    xk_kvm_plan_arg(plan, "-mon");
    xk_kvm_plan_arg(plan, "chardev=events,mode=control");
    return 0;
}

static int
add_commands(struct xk_kvm_plan *plan, int dirfd, struct xk_error *err)
{
    int fd = -1;

    if (!plan->dry) {
        fd = xk_qmp_listen(dirfd, XK_KVM_FILE_QMP, err);
        if (fd == -1)
            return -1;
    }
    xk_kvm_plan_arg(plan, "-chardev");
    xk_kvm_plan_arg(plan, "socket,id=qmp,fd=%d,server=on,wait=off",
                    xk_kvm_plan_fd(plan, fd, "socket %s", XK_KVM_FILE_QMP));
    xk_kvm_plan_arg(plan, "-mon");
    xk_kvm_plan_arg(plan, "chardev=qmp,mode=control");
    return 0;
}

/* Existing files stay: people may have them open. */
static int
make_folder(const struct xk_kvm_plan *plan, int dirfd, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;

    if (mkdirat(dirfd, XK_KVM_FOLDER, 0711) == -1 && errno != EEXIST)
        return xk_fail_errno(err, "make QEMU's directory");
    fd = openat(dirfd, XK_KVM_FOLDER,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1 || fchmod(fd, 0711) == -1)
        return xk_fail_errno(err, "open QEMU's directory");
    if ((mkfifoat(fd, XK_KVM_FIFO, 0600) == -1 && errno != EEXIST) ||
        fchownat(fd, XK_KVM_FIFO, plan->uid, plan->gid, AT_SYMLINK_NOFOLLOW) ==
            -1 ||
        (symlinkat("/dev/null", fd, XK_KVM_SINK) == -1 && errno != EEXIST))
        return xk_fail_errno(err, "make the console's pipe");
    return 0;
}

/* QEMU opens both ends of the pipe for reading and writing, so it never sees an
 * end of file when people disconnect. The guest's output goes to the log; the
 * pipe's output end leads nowhere. */
static int
add_console(struct xk_kvm_plan *plan, int dirfd, struct xk_error *err)
{
    int log = -1;

    if ((!plan->dry && make_folder(plan, dirfd, err) == -1) ||
        add_log(plan, XK_KVM_LOG_CONSOLE, &log, err) == -1)
        return -1;
    xk_kvm_plan_arg(plan, "-chardev");
    xk_kvm_plan_arg(plan,
                    "pipe,id=console,path=console,logfile=/dev/fdset/%d,"
                    "logappend=on",
                    log);
    xk_kvm_plan_arg(plan, "-serial");
    xk_kvm_plan_arg(plan, "chardev:console");
    return 0;
}

int
xk_kvm_launch_complete_plan(struct xk_kvm_plan *plan,
                            const struct xk_domain_config *config,
                            int record_dir_fd, int *events_fd,
                            struct xk_error *err)
{
    (void)config;
    for (size_t i = 0; i < XK_ARRAY_SIZE(fixed_arguments); i++)
        xk_kvm_plan_arg(plan, "%s", fixed_arguments[i]);
    if (plan->incoming) {
        xk_kvm_plan_arg(plan, "-incoming");
        xk_kvm_plan_arg(plan, "defer");
    }
    if ((!plan->dry && make_logs(plan, record_dir_fd, err) == -1) ||
        add_events(plan, events_fd, err) == -1 ||
        add_commands(plan, record_dir_fd, err) == -1 ||
        add_console(plan, record_dir_fd, err) == -1)
        return -1;
    return 0;
}

/* ---- what QEMU printed ---- */

/* Messages of QEMU that tell more than that it failed. The texts are those of
 * QEMU 7.2 and strerror(3). */
static const struct {
    const char *text;
    enum xk_error_kind kind;
} complaints[] = {
    {"Failed to get \"write\" lock", XK_ERR_IN_USE},
    {"Failed to get shared \"write\" lock", XK_ERR_IN_USE},
    {"Is another process using the image", XK_ERR_IN_USE},
    {"Address already in use", XK_ERR_IN_USE},
    {"Could not set up host forwarding rule", XK_ERR_IN_USE},
    {"cannot set up guest memory", XK_ERR_HOST},
    {"Cannot allocate memory", XK_ERR_HOST},
    {"Permission denied", XK_ERR_HOST},
    {"failed to initialize kvm", XK_ERR_HOST},
    {"is not supported", XK_ERR_UNSUPPORTED},
};

/* Beginnings of lines that do not report a failure. */
static const char *const harmless[] = {"warning: ", "VNC server running on "};

/* Strip the program's name from a line and make it safe for a terminal. NULL if
 * the line reports no failure. */
static char *
clean_line(char *line, const char *program)
{
    size_t length = strlen(program);

    if (strncmp(line, program, length) == 0 && line[length] == ':')
        line += length + 1;
    line += strspn(line, " ");
    if (line[0] == '\0')
        return NULL;
    for (size_t i = 0; i < XK_ARRAY_SIZE(harmless); i++) {
        if (strncmp(line, harmless[i], strlen(harmless[i])) == 0)
            return NULL;
    }
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            *c = ' ';
    }
    return line;
}

/* The last lines since `start`, joined. */
static void
read_last_words(int log_fd, off_t start, const char *program,
                struct xk_buf *words)
{
    XK_CLEANUP_FREE char *text = xk_calloc(1, LOG_TAIL_MAX + 1);
    off_t end = lseek(log_fd, 0, SEEK_END);
    char *lines[LINES_MAX];
    size_t count = 0;
    char *state = NULL;
    ssize_t got;

    if (start > end) /* the log was shortened since */
        start = 0;
    if (end - start > LOG_TAIL_MAX)
        start = end - LOG_TAIL_MAX;
    got = pread(log_fd, text, LOG_TAIL_MAX, start);
    text[got > 0 ? got : 0] = '\0';
    for (char *line = strtok_r(text, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        line = clean_line(line, program);
        if (line != NULL)
            lines[count++ % LINES_MAX] = line;
    }
    for (size_t i = count > LINES_MAX ? count - LINES_MAX : 0; i < count; i++)
        xk_buf_printf(words, "%s%s", words->length > 0 ? "; " : "",
                      lines[i % LINES_MAX]);
}

/* If another process gathers the output, wait for it. */
static void
gather_words(const struct launch *launch, struct xk_deadline deadline)
{
    while (xk_kvm_log_gather(launch->record->dir_fd, XK_KVM_LOG_QEMU,
                             launch->words) == -1 &&
           xk_deadline_pause(deadline, HOLD_MS)) {
    }
}

static int
fail_as_printed(const struct launch *launch, struct xk_error *err)
{
    const char *program =
        launch->plan != NULL ? launch->plan->argv[0] : "qemu-system-x86_64";
    const char *slash = strrchr(program, '/');
    XK_CLEANUP_CLOSE int log_fd = -1;
    XK_CLEANUP_BUF struct xk_buf words = {0};
    enum xk_error_kind kind = XK_ERR_FAILED;

    log_fd = openat(launch->record->dir_fd, XK_KVM_FILE_QEMU_LOG,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (log_fd == -1)
        return xk_fail_errno(err, "open \"%s\"", XK_KVM_FILE_QEMU_LOG);
    read_last_words(log_fd, launch->log_start,
                    slash != NULL ? slash + 1 : program, &words);
    if (words.length == 0)
        return xk_fail(err, XK_ERR_FAILED, "QEMU ended without a message");
    for (size_t i = 0; kind == XK_ERR_FAILED && i < XK_ARRAY_SIZE(complaints);
         i++) {
        if (strstr(words.data, complaints[i].text) != NULL)
            kind = complaints[i].kind;
    }
    return xk_fail(err, kind, "QEMU ended: %.1500s", words.data);
}

/* ---- the start ---- */

/* The claim names the user, so the plan must have been made for the same
 * one. */
static int
start(struct launch *launch, struct xk_error *err)
{
    int dir_fd = launch->record->dir_fd;
    XK_CLEANUP_CLOSE int folder_fd = -1;
    struct xk_kvm_claim claim;
    struct stat st;

    if (xk_kvm_claim(launch->record, &claim, err) == -1)
        return -1;
    folder_fd = openat(dir_fd, XK_KVM_FOLDER,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder_fd == -1)
        return xk_fail_errno(err, "open QEMU's directory");
    if (fstatat(dir_fd, XK_KVM_FILE_QEMU_LOG, &st, AT_SYMLINK_NOFOLLOW) == 0)
        launch->log_start = st.st_size;
    return xk_kvm_spawn(launch->plan, launch->record, &claim, folder_fd, err);
}

/* While we hold QEMU's end of the channel we do not notice its exit. */
static void
close_plan_fds(struct xk_kvm_plan *plan)
{
    for (size_t i = 0; i < plan->fd_count; i++) {
        if (plan->fds[i].fd != -1)
            close(xk_take_fd(&plan->fds[i].fd));
    }
}

/* QMP failed. If that is because QEMU exited, report why. */
static int
explain(const struct launch *launch, struct xk_deadline deadline,
        struct xk_error *err)
{
    XK_CLEANUP_CLOSE int pidfd = -1;
    struct xk_process process;

    if (xk_kvm_identity_load(launch->record->dir_fd, &process, NULL, NULL) ==
        -1)
        return -1;
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(END_MS));
    pidfd = xk_process_open(&process);
    if (pidfd != -1 &&
        xk_deadline_poll(deadline, pidfd, POLLIN, "QEMU", NULL) == -1)
        return -1;
    gather_words(launch, deadline);
    return fail_as_printed(launch, err);
}

/* QEMU can open no path and inherits no listener for the screen, so it gets one
 * by QMP. */
static int
give_screen(struct xk_qmp *qmp, int dirfd, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = xk_qmp_listen(dirfd, XK_KVM_FILE_SCREEN, err);

    if (fd == -1 || xk_qmp_send_fd(qmp, fd, "screen", deadline, err) == -1)
        return -1;
    return xk_qmp_execute(qmp, "display-update",
                          "{\"type\":\"vnc\",\"addresses\":"
                          "[{\"type\":\"fd\",\"str\":\"screen\"}]}",
                          NULL, deadline, err);
}

/* QEMU has opened its logs by now, so they can start working. The answer that
 * shows that QEMU logs events was sent to us before, so write it to the log. */
static void
begin_logs(const struct xk_kvm_plan *plan, int dirfd)
{
    static const char answered[] = "{\"return\": {}}\n";

    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++)
        xk_kvm_live_begin(&plan->logs[i]);
    (void)!write(plan->logs[XK_KVM_LOG_EVENTS].write_fd, answered,
                 sizeof(answered) - 1);
    (void)xk_kvm_events_gather(dirfd, &plan->logs[XK_KVM_LOG_EVENTS]);
}

int
xk_kvm_launch(struct xk_kvm_plan *plan, const struct xk_record *record,
              int events_fd, struct xk_deadline deadline, struct xk_error *err)
{
    struct launch launch = {
        .plan = plan, .record = record, .words = &plan->logs[XK_KVM_LOG_QEMU]};
    XK_CLEANUP_CLOSE int channel = events_fd;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    int r = start(&launch, err);

    close_plan_fds(plan);
    if (r == -1)
        return -1;
    qmp = xk_qmp_open(xk_take_fd(&channel), deadline, err);
    if (qmp == NULL)
        return explain(&launch, deadline, err);
    begin_logs(plan, record->dir_fd);
    if (plan->screen && give_screen(qmp, record->dir_fd, deadline, err) == -1)
        return -1;
    return 0;
}

int
xk_kvm_launch_explain(const struct xk_record *record,
                      const struct xk_kvm_live *words,
                      struct xk_deadline deadline, struct xk_error *err)
{
    struct launch launch = {.record = record, .words = words};

    return explain(&launch, deadline, err);
}
