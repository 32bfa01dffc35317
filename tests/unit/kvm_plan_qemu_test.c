/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real QEMU takes the plan of every configuration of data/kvm: it starts,
 * waits as -S has it, and ends by SIGTERM. Two at a time.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/kvm_plan_files.h"
#include "toolstack/kvm/plan.h"

enum {
    AT_ONCE = 2,
    DEADLINE_MS = 30000,
    ABOVE = 200,
    QMP_FD = 100
};

static char *scratch;
static char *dirs[AT_ONCE]; /* images for one at a time each: they are locked */

/* One QEMU on its way. */
struct guest {
    char *name;
    pid_t pid;
    int qmp;    /* our end of its monitor */
    FILE *said; /* its standard error */
};

static void
make_files(const char *dir)
{
    static const char *const formats[][2] = {
        {"a.qcow2", "qcow2"}, {"a.vmdk", "vmdk"},           {"a.vdi", "vdi"},
        {"a.vhd", "vpc"},     {"a.vhdx", "vhdx"},           {"a.qed", "qed"},
        {"a.qcow", "qcow"},   {"a.parallels", "parallels"},
    };

    plan_write_kernel(dir, "kernel", true);
    plan_write(dir, "ramdisk", "070701", 6);
    for (char c = 'a'; c <= 'j'; c++) {
        char name[] = {c, '.', 'r', 'a', 'w', '\0'};

        plan_write_raw(dir, name, 1 << 20);
    }
    plan_write_raw(dir, "a,readonly=on.raw", 1 << 20);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        plan_create_image(dir, formats[i][0], formats[i][1], NULL);
}

/* In the child: descriptors to their numbers, then QEMU. */
static void
become_qemu(struct xk_kvm_plan *plan, int qmp, int said)
{
    char **argv = xk_calloc(plan->argc + 8, sizeof(*argv));

    for (size_t i = 0; i < plan->fd_count; i++)
        plan->fds[i].fd = fcntl(plan->fds[i].fd, F_DUPFD, ABOVE);
    qmp = fcntl(qmp, F_DUPFD, ABOVE);
    said = fcntl(said, F_DUPFD, ABOVE);
    for (size_t i = 0; i < plan->fd_count; i++)
        dup2(plan->fds[i].fd, XK_KVM_FIRST_FD + (int)i);
    dup2(qmp, QMP_FD);
    dup2(said, 2);
    memcpy(argv, plan->argv, plan->argc * sizeof(*argv));
    argv[plan->argc] = xk_strdup("-S");
    argv[plan->argc + 1] = xk_strdup("-chardev");
    argv[plan->argc + 2] = xk_asprintf("socket,id=qmp,fd=%d", QMP_FD);
    argv[plan->argc + 3] = xk_strdup("-mon");
    argv[plan->argc + 4] = xk_strdup("chardev=qmp,mode=control");
    /* Nothing else of ours, so that only what is handed in is there. */
    syscall(SYS_close_range, ABOVE, ~0U, 0);
    execv(argv[0], argv);
    _exit(127);
}

static void
begin(struct guest *guest, const char *name, const char *dir)
{
    XK_CLEANUP_FREE char *text = plan_case_text(name, dir);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(text);
    struct xk_kvm_plan plan;
    struct xk_error err;
    int ends[2];

    guest->name = xk_strdup(name);
    guest->said = tmpfile();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    xk_kvm_plan_init(&plan, false);
    plan.accel = XK_KVM_ACCEL_TCG;
    if (xk_kvm_plan_domain(&plan, config, &err) == -1)
        fail_msg("%s: %s", name, err.message);
    guest->pid = fork();
    if (guest->pid == 0)
        become_qemu(&plan, ends[1], fileno(guest->said));
    close(ends[1]);
    guest->qmp = ends[0];
    xk_kvm_plan_free(&plan);
}

static void
print_said(const struct guest *guest)
{
    char line[1024];

    rewind(guest->said);
    print_message("%s:\n", guest->name);
    while (fgets(line, sizeof(line), guest->said) != NULL)
        print_message("  %s", line);
}

/* Whether it greets and answers, which it does once all devices are made. */
static bool
answers(const struct guest *guest)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";
    struct xk_deadline deadline = xk_deadline_in_ms(DEADLINE_MS);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (send(guest->qmp, hello, strlen(hello), MSG_NOSIGNAL) == -1)
        return false;
    while (text.length == 0 || strstr(text.data, "\"return\"") == NULL) {
        ssize_t got;

        if (xk_deadline_poll(deadline, guest->qmp, POLLIN, "QEMU", NULL) == -1)
            return false;
        got = read(guest->qmp, xk_buf_reserve(&text, 4096), 4096);
        if (got <= 0)
            return false;
        text.length += (size_t)got;
        text.data[text.length] = '\0';
    }
    return true;
}

static bool
end_well(struct guest *guest)
{
    int status = -1;
    bool good = answers(guest);

    kill(guest->pid, good ? SIGTERM : SIGKILL);
    waitpid(guest->pid, &status, 0);
    good = good && status == 0;
    if (!good)
        print_said(guest);
    close(guest->qmp);
    fclose(guest->said);
    free(guest->name);
    return good;
}

static void
qemu_takes_every_plan(void **context)
{
    struct guest guests[AT_ONCE];
    size_t count, running = 0, bad = 0;
    char **names = plan_list_cases(&count);

    (void)context;
    for (size_t i = 0; i < count; i++) {
        /* Where KVM is not, QEMU cannot be asked. */
        if (strncmp(names[i], "kvm-", 4) != 0) {
            begin(&guests[running], names[i], dirs[running]);
            running++;
        }
        if (running == AT_ONCE || i + 1 == count) {
            while (running > 0)
                bad += !end_well(&guests[--running]);
        }
        free(names[i]);
    }
    free(names);
    assert_int_equal(bad, 0);
}

static int
setup(void **context)
{
    (void)context;
    scratch = scratch_new();
    for (size_t i = 0; i < AT_ONCE; i++) {
        dirs[i] = xk_asprintf("%s/%zu", scratch, i);
        assert_int_equal(mkdir(dirs[i], 0700), 0);
        make_files(dirs[i]);
    }
    return 0;
}

static int
teardown(void **context)
{
    (void)context;
    for (size_t i = 0; i < AT_ONCE; i++)
        free(dirs[i]);
    scratch_free(scratch);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qemu_takes_every_plan),
    };

    if (!plan_has_program("qemu-system-x86_64") ||
        !plan_has_program("qemu-img")) {
        fputs("qemu-system-x86_64 or qemu-img is not installed\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
