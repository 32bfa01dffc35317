/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/kvm/plan_qemu.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/mem.h"
#include "tests/unit/test.h"

enum {
    DEADLINE_MS = 30000,
    ABOVE = 200,
    QMP_FD = 100,
    CHUNK = 4096
};

static bool
become_user(const struct xk_kvm_plan *plan)
{
    if (geteuid() != 0 || plan->uid == 0)
        return true;
    return setgroups(0, NULL) == 0 &&
           setresgid(plan->gid, plan->gid, plan->gid) == 0 &&
           setresuid(plan->uid, plan->uid, plan->uid) == 0;
}

/* In the child: move the descriptors to their numbers, then become QEMU. No
 * other descriptor of ours stays open. */
static void
become_qemu(const struct xk_kvm_plan *plan, int qmp, int said)
{
    const char *const more[] = {"-S", "-chardev", "socket,id=qmp,fd=100",
                                "-mon", "chardev=qmp,mode=control"};
    char **argv = xk_calloc(plan->argc + 8, sizeof(*argv));
    int *fds = xk_calloc(plan->fd_count + 1, sizeof(*fds));

    for (size_t i = 0; i < plan->fd_count; i++)
        fds[i] = fcntl(plan->fds[i].fd, F_DUPFD, ABOVE);
    qmp = fcntl(qmp, F_DUPFD, ABOVE);
    said = fcntl(said, F_DUPFD, ABOVE);
    for (size_t i = 0; i < plan->fd_count; i++)
        dup2(fds[i], XK_KVM_FIRST_FD + (int)i);
    dup2(qmp, QMP_FD);
    dup2(said, 2);
    memcpy(argv, plan->argv, plan->argc * sizeof(*argv));
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        argv[plan->argc + i] = xk_strdup(more[i]);
    syscall(SYS_close_range, ABOVE, ~0U, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (become_user(plan))
        execv(argv[0], argv);
    _exit(127);
}

void
plan_qemu_begin(struct plan_qemu *qemu, const char *name,
                const struct xk_kvm_plan *plan)
{
    int ends[2];

    qemu->name = xk_strdup(name);
    qemu->said = tmpfile();
    assert_non_null(qemu->said);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    qemu->pid = fork();
    assert_int_not_equal(qemu->pid, -1);
    if (qemu->pid == 0)
        become_qemu(plan, ends[1], fileno(qemu->said));
    close(ends[1]);
    qemu->qmp = ends[0];
}

bool
plan_qemu_ask(struct plan_qemu *qemu, const char *command, struct xk_buf *reply)
{
    struct xk_deadline deadline = xk_deadline_in_ms(DEADLINE_MS);
    XK_CLEANUP_FREE char *text =
        xk_asprintf("{\"execute\":\"%s\",\"id\":\"asked\"}\n", command);

    if (send(qemu->qmp, text, strlen(text), MSG_NOSIGNAL) == -1)
        return false;
    while (reply->length == 0 || strstr(reply->data, "\"asked\"") == NULL) {
        ssize_t got;

        if (xk_deadline_poll(deadline, qemu->qmp, POLLIN, "QEMU", NULL) == -1)
            return false;
        got = read(qemu->qmp, xk_buf_reserve(reply, CHUNK), CHUNK);
        if (got <= 0)
            return false;
        reply->length += (size_t)got;
        reply->data[reply->length] = '\0';
    }
    return strstr(reply->data, "\"error\"") == NULL;
}

bool
plan_qemu_answers(struct plan_qemu *qemu)
{
    XK_CLEANUP_BUF struct xk_buf reply = {0};

    return plan_qemu_ask(qemu, "qmp_capabilities", &reply);
}

/* QEMU reports the port that it chose; any other output is a complaint. */
static bool
was_silent(struct plan_qemu *qemu)
{
    char line[1024];
    bool silent = true;

    rewind(qemu->said);
    while (fgets(line, sizeof(line), qemu->said) != NULL) {
        if (strncmp(line, "VNC server running on ", 22) == 0 ||
            strstr(line, "terminating on signal 15") != NULL)
            continue;
        print_message("%s said: %s", qemu->name, line);
        silent = false;
    }
    return silent;
}

bool
plan_qemu_end(struct plan_qemu *qemu, bool good)
{
    int status = -1;

    kill(qemu->pid, good ? SIGTERM : SIGKILL);
    waitpid(qemu->pid, &status, 0);
    if (!good || status != 0)
        print_message("%s: status %d\n", qemu->name, status);
    good = was_silent(qemu) && good && status == 0;
    close(qemu->qmp);
    fclose(qemu->said);
    free(qemu->name);
    return good;
}
