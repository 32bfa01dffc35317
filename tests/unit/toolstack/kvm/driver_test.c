/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole driver with a real QEMU and a small guest. */
#include "tests/unit/test.h"

#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/unit/toolstack/kvm/support.h"
#include "toolstack/journal.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/spawn.h"
#include "toolstack/kvm/uid.h"
#include "toolstack/list.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

static void
a_domain_is_built_paused_runs_pauses_and_ends(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process process;

    kvm_build(w, "");
    process = kvm_process(w);
    assert_int_equal(kvm_state(w), XK_STATE_PAUSED);
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
    kvm_wait_printed(w, 'R', 1);
    WORKS(w, xk_kvm_ops.domain->pause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_state(w), XK_STATE_PAUSED);
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_false(xk_process_alive(&process));
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
}

static void
what_the_guest_does_gives_state_and_reason(void **context)
{
    static const struct {
        char key;
        enum xk_domain_state state;
        enum xk_stop_reason reason;
    } rows[] = {
        {GUEST_POWEROFF, XK_STATE_SHUTDOWN, XK_STOP_POWEROFF},
        {GUEST_REBOOT, XK_STATE_SHUTDOWN, XK_STOP_REBOOT},
        {GUEST_TRIPLE_FAULT, XK_STATE_SHUTDOWN, XK_STOP_REBOOT},
        {GUEST_PANIC, XK_STATE_CRASHED, XK_STOP_CRASH},
    };
    struct kvm_world *w = *context;

    kvm_start(w, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct xk_process process = kvm_process(w);
        XK_CLEANUP_CONFIG struct xk_domain_config *config =
            xk_record_load_config(w->domain.record, &w->err);

        kvm_type(w, rows[i].key);
        assert_int_equal(kvm_wait_state(w, rows[i].state), rows[i].reason);
        assert_true(xk_process_alive(&process));
        HAS_FAILED(
            xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
        assert_int_equal(w->err.kind, XK_ERR_STATE);
        WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                            kvm_soon(), &w->err));
        /* In place: the same QEMU, and the guest from its first instruction,
         * once. */
        assert_true(xk_process_alive(&process));
        kvm_wait_printed(w, 'R', i + 2);
        assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
    }
    assert_int_equal(kvm_printed(w, 'R'), 5);
}

static void
a_killed_qemu_is_a_crash_and_restart_makes_another(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process first, second;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    kvm_start(w, "");
    first = kvm_process(w);
    config = xk_record_load_config(w->domain.record, &w->err);
    xk_process_signal(&first, SIGKILL);
    assert_int_equal(kvm_wait_state(w, XK_STATE_CRASHED), XK_STOP_CRASH);
    WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                        kvm_soon(), &w->err));
    second = kvm_process(w);
    assert_int_not_equal(first.pid, second.pid);
    kvm_wait_printed(w, 'R', 2); /* the history is kept */
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
}

/* As if xk had been killed between starting it and negotiating. */
static void
a_qemu_that_does_not_log_is_not_gone_on_with(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process first;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    kvm_build(w, "");
    first = kvm_process(w);
    config = xk_record_load_config(w->domain.record, &w->err);
    {
        int dirfd = w->domain.record->dir_fd;
        XK_CLEANUP_LIVE struct xk_kvm_live live =
            xk_kvm_live_of(dirfd, XK_KVM_LOG_EVENTS);
        /* QEMU answers before it logs the answer, and then serves another. */
        XK_CLEANUP_QMP struct xk_qmp *qmp =
            xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, kvm_soon(), &w->err);

        assert_non_null(qmp);
        assert_int_not_equal(live.write_fd, -1);
        xk_kvm_live_give_back(&live, 0, XK_KVM_LIVE_ROOM);
        assert_true(xk_kvm_live_rewind(&live));
        WORKS(w, xk_kvm_events_begin(dirfd, &live, &w->err));
    }
    WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                        kvm_soon(), &w->err));
    assert_int_not_equal(kvm_process(w).pid, first.pid);
    assert_false(xk_process_alive(&first));
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
}

/* A program in QEMU's stead that never says anything. */
static void
spawn_silent(struct kvm_world *w)
{
    int dirfd = w->domain.record->dir_fd;
    XK_CLEANUP_CLOSE int folder_fd =
        openat(dirfd, XK_KVM_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct xk_kvm_claim claim;
    struct xk_kvm_plan plan;

    xk_kvm_plan_init(&plan, false);
    for (int i = 0; i < XK_KVM_LOG_COUNT; i++)
        WORKS(w, xk_kvm_live_make((enum xk_kvm_log)i, &plan.logs[i], &w->err));
    xk_kvm_plan_arg(&plan, "/bin/sleep");
    xk_kvm_plan_arg(&plan, "600");
    WORKS(w, xk_kvm_claim(w->domain.record, &claim, &w->err));
    plan.uid = claim.uid;
    plan.gid = geteuid() == 0 ? (gid_t)claim.uid : getegid();
    WORKS(w, xk_kvm_spawn(&plan, w->domain.record, &claim, folder_fd, &w->err));
    xk_kvm_plan_free(&plan);
}

/* As long as it has not greeted, as where who started it was killed. */
static void
a_qemu_that_says_nothing_yet_is_not_what_the_last_one_was(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process first;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    kvm_start(w, "");
    first = kvm_process(w);
    config = xk_record_load_config(w->domain.record, &w->err);
    WORKS(w, xk_process_kill(&first, kvm_soon(), &w->err));
    spawn_silent(w);
    first = kvm_process(w);
    assert_int_not_equal(kvm_state(w), XK_STATE_RUNNING);
    WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                        kvm_soon(), &w->err));
    assert_int_not_equal(kvm_process(w).pid, first.pid);
    assert_false(xk_process_alive(&first));
    kvm_wait_printed(w, 'R', 2);
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
}

struct ending {
    struct xk_process process;
    bool seen;
};

static void
on_change(const struct xk_uuid *uuid, void *context)
{
    struct ending *ending = context;

    (void)uuid;
    ending->seen |= !xk_process_alive(&ending->process);
}

/* Seen by the monitor, which has the log open when QEMU goes. */
static void
a_qemu_that_is_told_to_end_is_no_crash(void **context)
{
    struct kvm_world *w = *context;
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    struct ending ending = {.seen = false};

    kvm_start(w, "");
    ending.process = kvm_process(w);
    WORKS(w, xk_kvm_ops.monitor->watch(w->hv, loop, &w->domain.uuid, on_change,
                                       &ending, &w->err));
    xk_process_signal(&ending.process, SIGTERM);
    while (!ending.seen)
        ev_run(loop, EVRUN_ONCE);
    assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), XK_STOP_POWEROFF);
    xk_kvm_ops.monitor->unwatch(w->hv, &w->domain.uuid);
    ev_loop_destroy(loop);
}

static void
a_guest_that_had_stopped_keeps_its_reason_when_qemu_ends(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process process;

    kvm_start(w, "");
    process = kvm_process(w);
    kvm_type(w, GUEST_REBOOT);
    assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), XK_STOP_REBOOT);
    WORKS(w, xk_process_kill(&process, kvm_soon(), &w->err));
    assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), XK_STOP_REBOOT);
}

static void
a_reset_is_not_taken_for_a_reboot(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process process;

    kvm_start(w, "");
    process = kvm_process(w);
    for (size_t i = 2; i < 5; i++) {
        WORKS(w,
              xk_kvm_ops.domain->reset(w->hv, &w->domain, kvm_soon(), &w->err));
        kvm_wait_printed(w, 'R', i);
        assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
    }
    assert_true(xk_process_alive(&process));
    /* The guest's own reboots are seen as before. */
    kvm_type(w, GUEST_REBOOT);
    assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), XK_STOP_REBOOT);
}

static void
a_reset_leaves_a_paused_domain_paused(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, xk_kvm_ops.domain->pause(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->reset(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_state(w), XK_STATE_PAUSED);
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    kvm_wait_printed(w, 'R', 2);
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
}

static void
tell_monitor(struct kvm_world *w, const char *words)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = xk_qmp_connect(
        w->domain.record->dir_fd, XK_KVM_FILE_QMP, kvm_soon(), &w->err);
    XK_CLEANUP_FREE char *arguments =
        xk_asprintf("{\"command-line\":\"%s\"}", words);

    assert_non_null(qmp);
    WORKS(w, xk_qmp_execute(qmp, "human-monitor-command", arguments, NULL,
                            kvm_soon(), &w->err));
}

/* As SeaBIOS leaves it that has mapped RAM over itself and copied nothing. */
static void
a_firmware_that_is_reset_over_its_own_copying_starts(void **context)
{
    static const char *const words[] = {
        "o /w 0xcf8 0x80000090", "o /w 0xcfc 0x33333330",
        "o /w 0xcf8 0x80000094", "o /h 0xcfc 0x3333", "o /b 0xcfe 0x33"};
    struct kvm_world *w = *context;

    kvm_build(w, "");
    for (size_t i = 0; i < XK_ARRAY_SIZE(words); i++)
        tell_monitor(w, words[i]);
    WORKS(w, xk_kvm_ops.domain->reset(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    kvm_wait_printed(w, 'R', 1);
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
}

static void
the_power_button_asks_for_poweroff_or_reboot(void **context)
{
    static const struct {
        enum xk_signal signal;
        enum xk_stop_reason reason;
    } rows[] = {
        {XK_SIGNAL_POWEROFF, XK_STOP_POWEROFF},
        {XK_SIGNAL_REBOOT, XK_STOP_REBOOT},
        {XK_SIGNAL_POWEROFF, XK_STOP_POWEROFF},
    };
    struct kvm_world *w = *context;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    kvm_start(w, "");
    config = xk_record_load_config(w->domain.record, &w->err);
    for (size_t i = 0; i < 3; i++) {
        WORKS(w, xk_kvm_ops.domain->signal(w->hv, &w->domain, rows[i].signal,
                                           false, kvm_soon(), &w->err));
        assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), rows[i].reason);
        WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                            kvm_soon(), &w->err));
        kvm_wait_printed(w, 'R', i + 2);
    }
}

static void
a_second_thought_after_a_reboot_request_counts(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, xk_kvm_ops.domain->pause(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->signal(w->hv, &w->domain, XK_SIGNAL_REBOOT,
                                       true, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->signal(w->hv, &w->domain, XK_SIGNAL_POWEROFF,
                                       true, kvm_soon(), &w->err));
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), XK_STOP_POWEROFF);
}

static void
a_reboot_that_is_taken_back_leaves_a_poweroff(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, xk_kvm_ops.domain->pause(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->signal(w->hv, &w->domain, XK_SIGNAL_REBOOT,
                                       true, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->signal(w->hv, &w->domain, XK_SIGNAL_NONE, true,
                                       kvm_soon(), &w->err));
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_wait_state(w, XK_STATE_SHUTDOWN), XK_STOP_POWEROFF);
}

/* The mark keeps QEMU from being asked why its guest stands still: one that is
 * left would hide a guest that stops for a reason of its own. */
static void
a_guest_that_may_run_has_no_mark_of_a_pause(void **context)
{
    struct kvm_world *w = *context;
    int dirfd;
    struct xk_process process;

    kvm_start(w, "");
    dirfd = w->domain.record->dir_fd;
    process = kvm_process(w);
    WORKS(w, xk_kvm_ops.domain->pause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(faccessat(dirfd, XK_KVM_FILE_PAUSED, F_OK, 0), 0);
    xk_process_signal(&process, SIGSTOP);
    HAS_FAILED(xk_kvm_ops.domain->unpause(w->hv, &w->domain,
                                          xk_deadline_in_ms(300), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(faccessat(dirfd, XK_KVM_FILE_PAUSED, F_OK, 0), -1);
    xk_process_signal(&process, SIGCONT);
    WORKS(w,
          xk_kvm_ops.domain->unpause(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
}

/* ---- lists ---- */

static void
a_list_is_in_order_of_making_and_leaves_half_made_ones_out(void **context)
{
    struct kvm_world *w = *context;
    struct xk_domain_list list = {0};
    struct xk_record *records[3];

    for (size_t i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        XK_CLEANUP_CONFIG struct xk_domain_config *config =
            kvm_config(w, name, "vcpus = 2");

        records[i] = kvm_record(w, config);
        WORKS(w, xk_journal_append(records[i], XK_JOURNAL_BEGIN, XK_OP_CREATE,
                                   NULL, &w->err));
        WORKS(w, xk_kvm_ops.domain->build(w->hv, records[i], config, kvm_soon(),
                                          &w->err));
        if (i != 1)
            WORKS(w, xk_journal_append(records[i], XK_JOURNAL_END, XK_OP_CREATE,
                                       NULL, &w->err));
    }
    WORKS(w, xk_kvm_ops.domain->list(w->hv, &list, kvm_soon(), &w->err));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].name, "a");
    assert_string_equal(list.items[1].name, "c");
    assert_int_equal(list.items[1].state, XK_STATE_PAUSED);
    assert_int_equal(list.items[1].domid, -1);
    assert_int_equal(list.items[1].vcpus, 2);
    assert_int_equal(list.items[1].memory_mib, 32);
    assert_int_equal(list.items[1].type, XK_TYPE_HVM);
    xk_domain_list_free(&list);
    for (size_t i = 0; i < 3; i++)
        xk_record_close(records[i]);
}

/* Give a record its uid, as a build does. */
static uid_t
claim_uid(struct kvm_world *w, const struct xk_record *record)
{
    struct xk_kvm_claim claim;
    int held;

    WORKS(w, xk_kvm_claim_make(record, &claim, &held, kvm_soon(), &w->err));
    xk_kvm_uid_release(claim.uid, held);
    return claim.uid;
}

static void
each_domain_of_root_has_a_uid_of_its_own(void **context)
{
    struct kvm_world *w = *context;
    struct xk_record *records[3];
    uid_t uids[3];

    for (size_t i = 0; i < 3; i++) {
        XK_CLEANUP_CONFIG struct xk_domain_config *config =
            kvm_config(w, "n", "");

        records[i] = kvm_record(w, config);
        uids[i] = claim_uid(w, records[i]);
        assert_int_equal(claim_uid(w, records[i]), uids[i]);
    }
    if (geteuid() != 0) {
        assert_int_equal(uids[0], geteuid());
        assert_int_equal(uids[1], geteuid());
    } else if (uids[0] != 65534) {
        assert_true(xk_kvm_uid_is_ours(uids[0]));
        assert_int_not_equal(uids[0], uids[1]);
        assert_int_not_equal(uids[0], uids[2]);
        assert_int_not_equal(uids[1], uids[2]);
    }
    for (size_t i = 0; i < 3; i++)
        xk_record_close(records[i]);
}

/* Of another state directory, or of no toolstack at all. */
static void
a_uid_that_any_process_of_the_host_has_is_not_given(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = kvm_config(w, "n", "");
    XK_CLEANUP_RECORD struct xk_record *record = kvm_record(w, config);
    uid_t before = claim_uid(w, record);
    int ends[2], held;
    char byte;
    pid_t pid;

    if (geteuid() != 0 || before == 65534)
        return;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        if (setresuid(before, before, before) == 0 &&
            write(ends[1], "1", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_not_equal(claim_uid(w, record), before);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    /* And one that another xk is about to give. */
    before = claim_uid(w, record);
    held = xk_kvm_uid_hold(before, &w->err);
    if (held == -1)
        fail_msg("%s", w->err.message);
    assert_int_not_equal(claim_uid(w, record), before);
    xk_kvm_uid_release(before, held);
    close(ends[0]);
    close(ends[1]);
}

/* ---- core dumps and preserving ---- */

static void
a_core_dump_is_an_elf_file_of_its_own(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/core", w->scratch);
    XK_CLEANUP_FREE char *nowhere = xk_asprintf("%s/no/core", w->scratch);
    XK_CLEANUP_CLOSE int fd = -1;
    char magic[4];
    struct stat st;

    kvm_start(w, "");
    kvm_type(w, GUEST_PANIC);
    kvm_wait_state(w, XK_STATE_CRASHED);
    WORKS(w, xk_kvm_ops.domain->core_dump(w->hv, &w->domain, path, kvm_soon(),
                                          &w->err));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, magic, 4), 4);
    assert_memory_equal(magic, "\177ELF", 4);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_size > 32 << 20);
    HAS_FAILED(xk_kvm_ops.domain->core_dump(w->hv, &w->domain, path, kvm_soon(),
                                            &w->err));
    assert_int_equal(w->err.kind, XK_ERR_EXISTS);
    HAS_FAILED(xk_kvm_ops.domain->core_dump(w->hv, &w->domain, nowhere,
                                            kvm_soon(), &w->err));
    assert_int_equal(w->err.errnum, 2 /* ENOENT */);
    assert_int_equal(kvm_state(w), XK_STATE_CRASHED);
}

static unsigned
free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static char *
devices_of(const struct kvm_world *w)
{
    return xk_asprintf("disk = ['format=raw,vdev=xvda,access=rw,target=%s']\n"
                       "vif = ['type=user,hostfwd=tcp:127.0.0.1:%u-:22,"
                       "hostfwd=udp::%u-:53']\n"
                       "vnc = 1\nvncunused = 0\nvncdisplay = %u\n",
                       w->image, free_port(), free_port(), free_port() - 5900);
}

static void
a_preserved_domain_lets_go_of_image_and_ports_but_keeps_memory(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_FREE char *devices = devices_of(w);
    XK_CLEANUP_CONFIG struct xk_domain_config *again =
        kvm_config(w, "again", devices);
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/core", w->scratch);
    XK_CLEANUP_RECORD struct xk_record *record = NULL;

    kvm_start(w, devices);
    kvm_type(w, GUEST_PANIC);
    kvm_wait_state(w, XK_STATE_CRASHED);
    record = kvm_record(w, again);
    HAS_FAILED(
        xk_kvm_ops.domain->build(w->hv, record, again, kvm_soon(), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_IN_USE);
    WORKS(w,
          xk_kvm_ops.domain->preserve(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w,
          xk_kvm_ops.domain->preserve(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w,
          xk_kvm_ops.domain->build(w->hv, record, again, kvm_soon(), &w->err));
    assert_int_equal(kvm_wait_state(w, XK_STATE_CRASHED), XK_STOP_CRASH);
    WORKS(w, xk_kvm_ops.domain->core_dump(w->hv, &w->domain, path, kvm_soon(),
                                          &w->err));
}

/* ---- the screen ---- */

static void
read_banner(struct kvm_world *w, const char *name)
{
    XK_CLEANUP_CLOSE int fd =
        xk_qmp_dial(w->domain.record->dir_fd, name, kvm_soon(), &w->err);
    char banner[12];
    struct stat st;

    assert_int_not_equal(fd, -1);
    assert_int_not_equal(
        xk_deadline_poll(kvm_soon(), fd, POLLIN, "VNC", &w->err), -1);
    assert_int_equal(read(fd, banner, sizeof(banner)), sizeof(banner));
    assert_memory_equal(banner, "RFB 003.008\n", sizeof(banner));
    assert_int_equal(fstatat(w->domain.record->dir_fd, name, &st, 0), 0);
    assert_int_equal(st.st_uid, geteuid());
}

static void
the_screen_is_a_socket_of_the_record_where_no_port_is_asked_for(void **context)
{
    struct kvm_world *w = *context;
    struct xk_screen screen = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    kvm_start(w, "vnc = 1\nvncpasswd = \"hush\"");
    WORKS(w, xk_kvm_ops.domain->screen(w->hv, &w->domain, &screen, kvm_soon(),
                                       &w->err));
    assert_non_null(screen.path);
    assert_non_null(strstr(screen.path, "/" XK_KVM_FILE_SCREEN));
    assert_string_equal(screen.password, "hush");
    xk_screen_free(&screen);
    read_banner(w, XK_KVM_FILE_SCREEN);
    /* And of the next QEMU of the domain. */
    config = xk_record_load_config(w->domain.record, &w->err);
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->restart(w->hv, w->domain.record, config,
                                        kvm_soon(), &w->err));
    read_banner(w, XK_KVM_FILE_SCREEN);
}

static void
the_screen_is_on_a_port_where_one_is_asked_for(void **context)
{
    struct kvm_world *w = *context;
    struct xk_screen screen = {0};

    kvm_start(w, "vnc = 1\nvnclisten = \"127.0.0.1\"");
    WORKS(w, xk_kvm_ops.domain->screen(w->hv, &w->domain, &screen, kvm_soon(),
                                       &w->err));
    assert_null(screen.path);
    assert_string_equal(screen.address, "127.0.0.1");
    assert_true(screen.port >= 5900);
    assert_null(screen.password);
    xk_screen_free(&screen);
}

static void
a_domain_without_a_screen_says_so(void **context)
{
    struct kvm_world *w = *context;
    struct xk_screen screen = {0};

    kvm_build(w, "vnc = 0");
    HAS_FAILED(xk_kvm_ops.domain->screen(w->hv, &w->domain, &screen, kvm_soon(),
                                         &w->err));
    assert_int_equal(w->err.kind, XK_ERR_NOT_FOUND);
}

/* ---- a QEMU that does not answer ---- */

static void
a_stopped_qemu_times_out_but_is_destroyed_at_once(void **context)
{
    struct kvm_world *w = *context;
    struct xk_process process;
    int64_t before;

    kvm_start(w, "");
    process = kvm_process(w);
    xk_process_signal(&process, SIGSTOP);
    before = xk_now_ns();
    HAS_FAILED(xk_kvm_ops.domain->pause(w->hv, &w->domain,
                                        xk_deadline_in_ms(200), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_TIMEOUT);
    assert_true(xk_now_ns() - before < INT64_C(2000000000));
    before = xk_now_ns();
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_true(xk_now_ns() - before < INT64_C(1000000000));
    assert_false(xk_process_alive(&process));
}

static void
a_talkative_other_client_does_not_keep_us_from_destroying(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_QMP struct xk_qmp *other = NULL;

    kvm_start(w, "");
    other = xk_qmp_connect(w->domain.record->dir_fd, XK_KVM_FILE_QMP,
                           kvm_soon(), &w->err);
    assert_non_null(other);
    HAS_FAILED(xk_kvm_ops.domain->pause(w->hv, &w->domain,
                                        xk_deadline_in_ms(100), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_TIMEOUT);
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kvm_setup, kvm_teardown)
    const struct CMUnitTest tests[] = {
        T(a_domain_is_built_paused_runs_pauses_and_ends),
        T(what_the_guest_does_gives_state_and_reason),
        T(a_killed_qemu_is_a_crash_and_restart_makes_another),
        T(a_qemu_that_does_not_log_is_not_gone_on_with),
        T(a_qemu_that_says_nothing_yet_is_not_what_the_last_one_was),
        T(a_qemu_that_is_told_to_end_is_no_crash),
        T(a_guest_that_had_stopped_keeps_its_reason_when_qemu_ends),
        T(a_reset_is_not_taken_for_a_reboot),
        T(a_guest_that_may_run_has_no_mark_of_a_pause),
        T(a_reset_leaves_a_paused_domain_paused),
        T(a_firmware_that_is_reset_over_its_own_copying_starts),
        T(the_power_button_asks_for_poweroff_or_reboot),
        T(a_second_thought_after_a_reboot_request_counts),
        T(a_reboot_that_is_taken_back_leaves_a_poweroff),
        T(a_list_is_in_order_of_making_and_leaves_half_made_ones_out),
        T(each_domain_of_root_has_a_uid_of_its_own),
        T(a_uid_that_any_process_of_the_host_has_is_not_given),
        T(a_core_dump_is_an_elf_file_of_its_own),
        T(a_preserved_domain_lets_go_of_image_and_ports_but_keeps_memory),
        T(the_screen_is_a_socket_of_the_record_where_no_port_is_asked_for),
        T(the_screen_is_on_a_port_where_one_is_asked_for),
        T(a_domain_without_a_screen_says_so),
        T(a_stopped_qemu_times_out_but_is_destroyed_at_once),
        T(a_talkative_other_client_does_not_keep_us_from_destroying),
    };
#undef T

    if (!kvm_is_possible())
        return 77;
    xk_log_set_level(XK_LOG_ERROR); /* emulation is what is wanted here */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
