/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/fake_hypervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "toolstack/config/vdev.h"
#include "toolstack/list.h"
#include "toolstack/record.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/monitor_ops.h"
#include "toolstack/seam/transfer_ops.h"

struct fake {
    struct xk_hypervisor base;
    char *world;
    char *rival; /* the other host's world, or NULL */
    struct xk_fake_faults faults;
};

/* A domain of this world: the content of its file. */
struct being {
    int state;
    int reason;
    char name[128];
};

static struct fake *
fake_of(struct xk_hypervisor *hv)
{
    return (struct fake *)hv;
}

static void
being_path(struct xk_hypervisor *hv, const struct xk_uuid *uuid, char *path,
           size_t size)
{
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, text);
    snprintf(path, size, "%s/%s", fake_of(hv)->world, text);
}

/* Where the names of a domain's devices of a kind are. */
static void
devices_path(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
             const char *kind, char *path, size_t size)
{
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, text);
    snprintf(path, size, "%s/%s.%s", fake_of(hv)->world, text, kind);
}

static int
load(struct xk_hypervisor *hv, const struct xk_uuid *uuid, struct being *being,
     struct xk_error *err)
{
    XK_CLEANUP_FILE FILE *file = NULL;
    char path[512];

    being_path(hv, uuid, path, sizeof(path));
    file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%d %d %127[^\n]", &being->state,
                               &being->reason, being->name) != 3)
        return xk_fail(err, XK_ERR_NOT_FOUND, "no such fake domain");
    return 0;
}

static void
stopped_path(struct xk_hypervisor *hv, char *path, size_t size)
{
    snprintf(path, size, "%s/stopped", fake_of(hv)->world);
}

/* Save atomically: a process that is killed meanwhile changes nothing. */
static void
save_at(struct xk_hypervisor *hv, const char *path, const struct being *being)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("%d %d %s\n", being->state, being->reason, being->name);
    struct rlimit limit, none;
    char temporary[600];
    int fd;

    /* The world is not on the disk that xk_fake_fill_disks() fills. */
    getrlimit(RLIMIT_FSIZE, &limit);
    none = (struct rlimit){limit.rlim_max, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    snprintf(temporary, sizeof(temporary), "%s-%d", fake_of(hv)->world,
             (int)getpid());
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1 || xk_write_all(fd, text, strlen(text)) == -1 ||
        rename(temporary, path) == -1)
        abort();
    close(fd);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void
save(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
     const struct being *being)
{
    char path[512];

    being_path(hv, uuid, path, sizeof(path));
    save_at(hv, path, being);
}

/* ---- at most one copy ---- */

static bool
runs_in(const char *world, const struct xk_uuid *uuid)
{
    struct fake other = {.world = (char *)(uintptr_t)world};
    struct being being = {0};

    return load(&other.base, uuid, &being, NULL) == 0 &&
           being.state == XK_STATE_RUNNING;
}

static void
note_if_both_run(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    const struct fake *fake = fake_of(hv);
    char path[512];

    if (fake->rival == NULL || !runs_in(fake->rival, uuid))
        return;
    snprintf(path, sizeof(path), "%s/both-run", fake->world);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* ---- faults ---- */

void
xk_fake_fill_disks(void)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int
before(struct xk_hypervisor *hv, struct xk_error *err)
{
    struct xk_fake_faults *faults = &fake_of(hv)->faults;

    faults->calls++;
    if (faults->calls == faults->killed_at)
        _exit(9);
    if (faults->calls == faults->halted_at)
        raise(SIGSTOP);
    if (faults->calls == faults->full_at)
        xk_fake_fill_disks();
    if (faults->calls == faults->fail_at)
        return xk_fail(err, XK_ERR_FAILED, "injected failure of call %u",
                       faults->calls);
    return 0;
}

static int
after(struct xk_hypervisor *hv, struct xk_error *err)
{
    struct xk_fake_faults *faults = &fake_of(hv)->faults;

    if (faults->calls == faults->killed_after)
        _exit(9);
    if (faults->calls == faults->unheard_at)
        return xk_fail(err, XK_ERR_PROTOCOL, "the fake hung up");
    return 0;
}

static bool
world_is_stopped(struct xk_hypervisor *hv)
{
    const struct xk_fake_faults *faults = &fake_of(hv)->faults;
    char path[512];

    stopped_path(hv, path, sizeof(path));
    if ((faults->stops_at != 0 && faults->calls == faults->stops_at) ||
        (faults->late_at != 0 && faults->calls == faults->late_at))
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return access(path, F_OK) == 0;
}

/* True: the call has its effect now. If not, *told: it has it later. */
static bool
takes_effect(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
             const struct being *being, bool *told, struct xk_error *err)
{
    const struct xk_fake_faults *faults = &fake_of(hv)->faults;
    char path[512], late[600];

    if (!world_is_stopped(hv))
        return true;
    being_path(hv, uuid, path, sizeof(path));
    snprintf(late, sizeof(late), "%s.late", path);
    *told = faults->late_at != 0 && faults->calls == faults->late_at;
    if (*told)
        save_at(hv, late, being);
    xk_fail(err, XK_ERR_TIMEOUT, "the fake does not answer in time");
    return false;
}

/* ---- the table ---- */

static int
fake_probe(struct xk_error *err)
{
    (void)err;
    return 0;
}

static void
fake_close(struct xk_hypervisor *hv)
{
    free(fake_of(hv)->world);
    free(fake_of(hv)->rival);
    free(hv);
}

static void
fill_info(const struct xk_uuid *uuid, const struct being *being,
          struct xk_domain_info *info)
{
    *info = (struct xk_domain_info){
        .uuid = *uuid,
        .name = xk_strdup(being->name),
        .domid = -1,
        .state = (enum xk_domain_state)being->state,
        .stop_reason = (enum xk_stop_reason)being->reason,
    };
}

static int
fake_list(struct xk_hypervisor *hv, struct xk_domain_list *list,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_DIR DIR *dir = opendir(fake_of(hv)->world);
    struct dirent *entry;

    (void)deadline;
    while ((entry = readdir(dir)) != NULL) {
        struct xk_uuid uuid;
        struct being being;

        if (!xk_uuid_parse(entry->d_name, &uuid) ||
            load(hv, &uuid, &being, err) == -1)
            continue;
        XK_GROW(list->items, list->count);
        fill_info(&uuid, &being, &list->items[list->count++]);
    }
    return 0;
}

static int
fake_get(struct xk_hypervisor *hv, const struct xk_domain *domain,
         struct xk_domain_info *info, struct xk_deadline deadline,
         struct xk_error *err)
{
    struct being being;

    (void)deadline;
    if (load(hv, &domain->uuid, &being, err) == -1)
        return -1;
    fill_info(&domain->uuid, &being, info);
    return 0;
}

static int
fake_check(struct xk_hypervisor *hv, const struct xk_domain_config *config,
           struct xk_problems *problems, struct xk_error *err)
{
    (void)hv;
    (void)config;
    (void)problems;
    (void)err;
    return 0;
}

static int
tell_state(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
           const char *name, enum xk_domain_state state, bool *told,
           struct xk_error *err)
{
    struct being being = {0};

    *told = false;
    if (name == NULL && load(hv, uuid, &being, err) == -1)
        return -1;
    if (before(hv, err) == -1)
        return -1;
    if (name != NULL)
        snprintf(being.name, sizeof(being.name), "%s", name);
    being.state = (int)state;
    if (!takes_effect(hv, uuid, &being, told, err))
        return -1;
    *told = true;
    save(hv, uuid, &being);
    if (state == XK_STATE_RUNNING)
        note_if_both_run(hv, uuid);
    return after(hv, err);
}

static int
change_state(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
             const char *name, enum xk_domain_state state, struct xk_error *err)
{
    bool told;

    return tell_state(hv, uuid, name, state, &told, err);
}

static int
fake_build(struct xk_hypervisor *hv, struct xk_record *record,
           const struct xk_domain_config *config, struct xk_deadline deadline,
           struct xk_error *err)
{
    (void)deadline;
    return change_state(hv, &record->uuid, config->name, XK_STATE_PAUSED, err);
}

static int
fake_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
              struct xk_deadline deadline, struct xk_error *err)
{
    char path[600];

    (void)deadline;
    if (before(hv, err) == -1)
        return -1;
    being_path(hv, &domain->uuid, path, sizeof(path));
    unlink(path);
    strcat(path, ".late");
    unlink(path);
    devices_path(hv, &domain->uuid, "disks", path, sizeof(path));
    unlink(path);
    devices_path(hv, &domain->uuid, "cards", path, sizeof(path));
    unlink(path);
    return after(hv, err);
}

static int
fake_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
           struct xk_deadline deadline, struct xk_error *err)
{
    (void)deadline;
    return change_state(hv, &domain->uuid, NULL, XK_STATE_PAUSED, err);
}

static int
fake_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    (void)deadline;
    return change_state(hv, &domain->uuid, NULL, XK_STATE_RUNNING, err);
}

/* Pause and resume, as a driver that must pause the guest for a reset. */
static int
fake_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
           struct xk_deadline deadline, struct xk_error *err)
{
    struct being being = {0};

    if (load(hv, &domain->uuid, &being, err) == -1 ||
        fake_pause(hv, domain, deadline, err) == -1)
        return -1;
    return being.state == XK_STATE_RUNNING
               ? fake_unpause(hv, domain, deadline, err)
               : 0;
}

static int
fake_unpause_received(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      bool *told, struct xk_deadline deadline,
                      struct xk_error *err)
{
    (void)deadline;
    return tell_state(hv, &domain->uuid, NULL, XK_STATE_RUNNING, told, err);
}

static int
fake_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
            enum xk_signal signal, bool acpi_fallback,
            struct xk_deadline deadline, struct xk_error *err)
{
    (void)deadline;
    (void)acpi_fallback;
    if (before(hv, err) == -1)
        return -1;
    if (signal != XK_SIGNAL_NONE)
        xk_fake_stop(hv, &domain->uuid,
                     signal == XK_SIGNAL_POWEROFF ? XK_STOP_POWEROFF
                                                  : XK_STOP_REBOOT);
    return after(hv, err);
}

static int
fake_restart(struct xk_hypervisor *hv, struct xk_record *record,
             const struct xk_domain_config *config, struct xk_deadline deadline,
             struct xk_error *err)
{
    (void)deadline;
    return change_state(hv, &record->uuid, config->name, XK_STATE_RUNNING, err);
}

/* The record has got a new UUID: give the domain the same. */
static int
fake_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct being being = {XK_STATE_SHUTDOWN, XK_STOP_REBOOT, ""};
    struct xk_domain_list list = {0};

    if (before(hv, err) == -1)
        return -1;
    fake_list(hv, &list, deadline, err);
    for (size_t i = 0; i < list.count; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(hv->state, &list.items[i].uuid, NULL);
        char path[512];

        being_path(hv, &list.items[i].uuid, path, sizeof(path));
        /* The new name begins with the old one, of which a long one is
         * truncated. */
        if (strncmp(list.items[i].name, domain->name,
                    strnlen(list.items[i].name, 90)) == 0 &&
            record == NULL)
            unlink(path);
    }
    xk_domain_list_free(&list);
    snprintf(being.name, sizeof(being.name), "%s", domain->name);
    save(hv, &domain->uuid, &being);
    return after(hv, err);
}

static int
fake_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
               const char *path, struct xk_deadline deadline,
               struct xk_error *err)
{
    (void)domain;
    (void)deadline;
    if (before(hv, err) == -1 ||
        xk_write_file(AT_FDCWD, path, "core", 4, false, err) == -1)
        return -1;
    return after(hv, err);
}

static int
fake_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
            const char *name, struct xk_deadline deadline, struct xk_error *err)
{
    struct being being = {0};

    (void)deadline;
    if (load(hv, &domain->uuid, &being, err) == -1)
        return -1;
    return change_state(hv, &domain->uuid, name,
                        (enum xk_domain_state)being.state, err);
}

static int
fake_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
          uint64_t *cookie, struct xk_deadline deadline, struct xk_error *err)
{
    (void)hv;
    (void)domain;
    (void)cookie;
    (void)deadline;
    return xk_fail(err, XK_ERR_TIMEOUT, "nothing ever changes in a fake world");
}

/* ---- disks and network cards ---- */

/* A kind of device. */
struct fake_kind {
    const char *name; /* of its files */
    size_t (*count)(const struct xk_domain_config *config);
    char *(*name_of)(const struct xk_domain_config *config, size_t index);
    unsigned (*number_of)(const char *name);
    /* Whether the device can be given. NULL: any can. */
    int (*check)(const struct xk_domain_config *config, size_t index,
                 struct xk_error *err);
};

static char *
held_path(struct xk_hypervisor *hv, const struct fake_kind *kind)
{
    return xk_asprintf("%s/held-%s", fake_of(hv)->world, kind->name);
}

/* Read the name of the device whose detach guests do not grant, or "". */
static void
read_held(struct xk_hypervisor *hv, const struct fake_kind *kind,
          struct xk_buf *name)
{
    XK_CLEANUP_FREE char *path = held_path(hv, kind);

    if (xk_read_file(AT_FDCWD, path, 64, name, NULL) == -1)
        xk_buf_append(name, "", 0);
}

static void
hold(struct xk_hypervisor *hv, const struct fake_kind *kind, const char *name)
{
    XK_CLEANUP_FREE char *path = held_path(hv, kind);

    xk_write_file(AT_FDCWD, path, name, strlen(name), false, NULL);
}

static bool
is_wanted(const struct fake_kind *kind, const struct xk_domain_config *config,
          const char *name)
{
    for (size_t i = 0; i < kind->count(config); i++) {
        XK_CLEANUP_FREE char *wanted = kind->name_of(config, i);

        if (strcmp(wanted, name) == 0)
            return true;
    }
    return false;
}

static int
let_go(struct xk_hypervisor *hv, const struct fake_kind *kind,
       const struct xk_change *change, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = held_path(hv, kind);
    XK_CLEANUP_BUF struct xk_buf held = {0};

    read_held(hv, kind, &held);
    if (held.length == 0 || is_wanted(kind, change->config, held.data) ||
        change->number != kind->number_of(held.data))
        return 0;
    if (!change->force)
        return xk_fail(err, XK_ERR_IN_USE, "its guest holds on to %s",
                       held.data);
    unlink(path);
    return 0;
}

/* Give the domain its configured devices. */
static int
sync_kind(struct xk_hypervisor *hv, const struct fake_kind *kind,
          const struct xk_domain *domain, const struct xk_change *change,
          struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    char path[512];

    if (before(hv, err) == -1 || let_go(hv, kind, change, err) == -1)
        return -1;
    for (size_t i = 0; i < kind->count(change->config); i++) {
        XK_CLEANUP_FREE char *name = kind->name_of(change->config, i);

        if (kind->check != NULL && kind->check(change->config, i, err) == -1)
            return -1;
        xk_buf_printf(&text, "%s ", name);
    }
    devices_path(hv, &domain->uuid, kind->name, path, sizeof(path));
    if (xk_write_file(AT_FDCWD, path, text.data != NULL ? text.data : "",
                      text.length, false, err) == -1)
        return -1;
    return after(hv, err);
}

static size_t
count_disks(const struct xk_domain_config *config)
{
    return config->disk_count;
}

static char *
name_disk(const struct xk_domain_config *config, size_t index)
{
    return xk_strdup(config->disks[index].vdev);
}

static unsigned
number_disk(const char *name)
{
    struct xk_vdev vdev = {0};

    return xk_vdev_parse(name, &vdev) ? xk_vdev_number(&vdev) : 0;
}

/* An image must exist. */
static int
check_disk(const struct xk_domain_config *config, size_t index,
           struct xk_error *err)
{
    const char *target = config->disks[index].target;

    return target == NULL || access(target, R_OK) == 0
               ? 0
               : xk_fail(err, XK_ERR_NOT_FOUND, "no image \"%s\"", target);
}

static const struct fake_kind disk_kind = {"disks", count_disks, name_disk,
                                           number_disk, check_disk};

static size_t
count_cards(const struct xk_domain_config *config)
{
    return config->vif_count;
}

static char *
name_card(const struct xk_domain_config *config, size_t index)
{
    return xk_asprintf("%d", config->vifs[index].devid);
}

static unsigned
number_card(const char *name)
{
    return (unsigned)atoi(name);
}

static const struct fake_kind card_kind = {"cards", count_cards, name_card,
                                           number_card, NULL};

static int
fake_sync_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_change *change, struct xk_deadline deadline,
                struct xk_error *err)
{
    (void)deadline;
    return sync_kind(hv, &disk_kind, domain, change, err);
}

static int
fake_sync_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_change *change, struct xk_deadline deadline,
                struct xk_error *err)
{
    (void)deadline;
    return sync_kind(hv, &card_kind, domain, change, err);
}

/* Report only a pending device: all others of a fake guest are those of its
 * configuration. */
static int
fake_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
           xk_disk_told *disk, void *context, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf held = {0};
    struct xk_disk_info info = {.state = "leaving"};

    (void)domain;
    (void)deadline;
    (void)err;
    read_held(hv, &disk_kind, &held);
    info.vdev = held.data;
    info.number = number_disk(held.data);
    if (held.length > 0)
        disk(&info, context);
    return 0;
}

static int
fake_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
           xk_card_told *card, void *context, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf held = {0};
    struct xk_card_info info = {.state = "leaving"};

    (void)domain;
    (void)deadline;
    (void)err;
    read_held(hv, &card_kind, &held);
    info.number = number_card(held.data);
    if (held.length > 0)
        card(&info, context);
    return 0;
}

/* ---- for the monitor ---- */

/* Watch nothing: a fake domain changes only when a test says so. */
static int
fake_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
           const struct xk_uuid *uuid, xk_domain_changed *changed,
           void *context, struct xk_error *err)
{
    (void)hv;
    (void)loop;
    (void)uuid;
    (void)changed;
    (void)context;
    (void)err;
    return 0;
}

static void
fake_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    (void)hv;
    (void)uuid;
}

/* ---- transfer ---- */

static int
fake_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_json_writer *writer, struct xk_deadline deadline,
               struct xk_error *err)
{
    (void)hv;
    (void)domain;
    (void)deadline;
    (void)err;
    xk_json_put_string(writer, "machine", "fake");
    return 0;
}

static int
fake_check_needs(struct xk_hypervisor *hv,
                 const struct xk_domain_config *config,
                 const struct xk_json *needs, bool live,
                 struct xk_problems *problems, struct xk_error *err)
{
    const char *machine = xk_json_string(xk_json_get(needs, "machine"));
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/lacks", fake_of(hv)->world);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    (void)config;
    (void)live;
    (void)err;
    if (xk_read_file(AT_FDCWD, path, 256, &text, NULL) == 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR, NULL, "no %s here",
                       text.data);
    if (machine == NULL || strcmp(machine, "fake") != 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR, NULL,
                       "it needs a machine that is not fake");
    return 0;
}

/* Derive the memory's content from the UUID, so that each domain differs. */
void
xk_fake_memory(const struct xk_uuid *uuid, unsigned char *memory)
{
    uint32_t state = 1;

    for (size_t i = 0; i < sizeof(uuid->bytes); i++)
        state = state * 31 + uuid->bytes[i];
    for (size_t i = 0; i < XK_FAKE_MEMORY; i++) {
        state = state * 1664525 + 1013904223;
        memory[i] = (unsigned char)(state >> 24);
    }
}

/* Send the memory in pieces, the last of them while the domain is paused. */
static int
send_memory(struct xk_hypervisor *hv, const struct xk_domain *domain, int fd,
            const struct xk_send_watch *watch, struct xk_error *err)
{
    enum {
        PIECES = 4,
        PIECE = XK_FAKE_MEMORY / PIECES
    };
    XK_CLEANUP_FREE unsigned char *memory = xk_calloc(1, XK_FAKE_MEMORY);
    struct xk_send_progress progress = {.total_bytes = XK_FAKE_MEMORY};

    xk_fake_memory(&domain->uuid, memory);
    for (size_t i = 0; i < PIECES; i++) {
        progress.sent_bytes += PIECE;
        if (watch != NULL && !watch->go_on(&progress, watch->context))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        if (i == PIECES - 1 &&
            change_state(hv, &domain->uuid, NULL, XK_STATE_PAUSED, err) == -1)
            return -1;
        if (xk_write_all(fd, memory + i * PIECE, PIECE) == -1)
            return xk_fail_errno(err, "write the memory");
    }
    progress.stopped = true;
    progress.stopped_at_ns = xk_now_ns();
    if (watch != NULL)
        watch->go_on(&progress, watch->context);
    return 0;
}

static int
fake_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
          const struct xk_send_options *options, int fd,
          const struct xk_send_watch *watch, struct xk_deadline deadline,
          struct xk_error *err)
{
    XK_CLEANUP_CLOSE int pipe_fd = fd;

    (void)options;
    (void)deadline;
    return send_memory(hv, domain, pipe_fd, watch, err);
}

static int
fake_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
               bool runs, struct xk_deadline deadline, struct xk_error *err)
{
    (void)deadline;
    return change_state(hv, &domain->uuid, NULL,
                        runs ? XK_STATE_RUNNING : XK_STATE_PAUSED, err);
}

static int
fake_prepare(struct xk_hypervisor *hv, struct xk_record *record,
             const struct xk_domain_config *config, const struct xk_json *needs,
             struct xk_deadline deadline, struct xk_error *err)
{
    (void)needs;
    (void)deadline;
    return change_state(hv, &record->uuid, config->name, XK_STATE_PAUSED, err);
}

static int
fake_receive(struct xk_hypervisor *hv, struct xk_record *record,
             const struct xk_domain_config *config, int fd,
             const struct xk_send_watch *watch, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_FREE unsigned char *wanted = xk_calloc(1, XK_FAKE_MEMORY);
    XK_CLEANUP_BUF struct xk_buf memory = {0};
    XK_CLEANUP_CLOSE int pipe_fd = fd;

    (void)watch;
    (void)deadline;
    if (xk_read_fd(pipe_fd, "memory", 2 * XK_FAKE_MEMORY, &memory, err) == -1)
        return -1;
    xk_fake_memory(&record->uuid, wanted);
    if (memory.length != XK_FAKE_MEMORY ||
        memcmp(memory.data, wanted, XK_FAKE_MEMORY) != 0)
        return xk_fail(err, XK_ERR_FAILED, "that is not its memory");
    return change_state(hv, &record->uuid, config->name, XK_STATE_PAUSED, err);
}

/* Read XK_FAKE_FOREIGN, a line with the domain's UUID, and the memory. */
static int
fake_read_foreign(struct xk_hypervisor *hv, int fd, const char *what,
                  struct xk_domain_config **config, struct xk_json **needs,
                  struct xk_deadline deadline, struct xk_error *err)
{
    static const char head[] = XK_FAKE_FOREIGN;
    static const char machine[] = "{\"machine\": \"fake\"}";
    char start[sizeof(head) + XK_UUID_TEXT_SIZE] = "";
    struct xk_problems problems = {0};
    XK_CLEANUP_FREE char *text = NULL;

    (void)hv;
    (void)deadline;
    if (pread(fd, start, sizeof(start) - 1, 0) != sizeof(start) - 1 ||
        strncmp(start, head, strlen(head)) != 0)
        return 0;
    lseek(fd, sizeof(start) - 1, SEEK_SET);
    *needs = xk_json_parse(machine, strlen(machine), what, err);
    if (config == NULL)
        return 1;
    text =
        xk_asprintf("name = 'a'\ntype = 'hvm'\nmemory = 64\nuuid = '%.36s'\n",
                    start + strlen(head));
    *config =
        xk_config_parse(what, text, strlen(text), NULL, 0, &problems, err);
    xk_problems_free(&problems);
    return *config != NULL ? 1 : -1;
}

const struct xk_domain_ops xk_fake_domain_ops = {
    .list = fake_list,
    .get = fake_get,
    .check = fake_check,
    .build = fake_build,
    .teardown = fake_teardown,
    .pause = fake_pause,
    .unpause = fake_unpause,
    .signal = fake_signal,
    .reset = fake_reset,
    .restart = fake_restart,
    .preserve = fake_preserve,
    .core_dump = fake_core_dump,
    .rename = fake_rename,
    .wait = fake_wait,
};

static const struct xk_monitor_ops monitor_ops = {
    .watch = fake_watch,
    .unwatch = fake_unwatch,
};

static const struct xk_device_ops device_ops = {
    .sync =
        {
            [XK_SYNC_DISKS] = fake_sync_disks,
            [XK_SYNC_CARDS] = fake_sync_cards,
        },
    .disks = fake_disks,
    .cards = fake_cards,
};

static const struct xk_transfer_ops transfer_ops = {
    .put_needs = fake_put_needs,
    .check_needs = fake_check_needs,
    .send = fake_send,
    .take_back = fake_take_back,
    .prepare = fake_prepare,
    .receive = fake_receive,
    .unpause_received = fake_unpause_received,
    .read_foreign = fake_read_foreign,
};

const struct xk_hypervisor_ops xk_fake_ops = {
    .name = "fake",
    .has_strangers = true,
    .probe = fake_probe,
    .close = fake_close,
    .domain = &xk_fake_domain_ops,
    .monitor = &monitor_ops,
    .devices = &device_ops,
    .transfer = &transfer_ops,
};

struct xk_hypervisor *
xk_fake_open(const struct xk_state *state, const char *world)
{
    struct fake *fake = XK_NEW(struct fake);

    fake->base.ops = &xk_fake_ops;
    fake->base.state = state;
    fake->world = xk_strdup(world);
    return &fake->base;
}

struct xk_fake_faults *
xk_fake_faults(struct xk_hypervisor *hv)
{
    return &fake_of(hv)->faults;
}

/* Carry out a late call, if its domain still exists. */
static void
arrive(struct xk_hypervisor *hv, const char *name)
{
    static const char late[] = ".late";
    size_t length = strlen(name) - strlen(late);
    XK_CLEANUP_FREE char *from = xk_asprintf("%s/%s", fake_of(hv)->world, name);
    char text[XK_UUID_TEXT_SIZE] = "", path[512];
    struct xk_uuid uuid;

    memcpy(text, name, length < sizeof(text) ? length : 0);
    if (!xk_uuid_parse(text, &uuid))
        return;
    being_path(hv, &uuid, path, sizeof(path));
    if (access(path, F_OK) == -1)
        unlink(from);
    else if (rename(from, path) == 0 && runs_in(fake_of(hv)->world, &uuid))
        note_if_both_run(hv, &uuid);
}

void
xk_fake_go_on(struct xk_hypervisor *hv)
{
    XK_CLEANUP_DIR DIR *dir = opendir(fake_of(hv)->world);
    struct dirent *entry;
    char path[512];

    while ((entry = readdir(dir)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');

        if (dot != NULL && strcmp(dot, ".late") == 0)
            arrive(hv, entry->d_name);
    }
    stopped_path(hv, path, sizeof(path));
    unlink(path);
}

void
xk_fake_set_rival(struct xk_hypervisor *hv, const char *rival_world)
{
    free(fake_of(hv)->rival);
    fake_of(hv)->rival = xk_strdup(rival_world);
}

void
xk_fake_stop(struct xk_hypervisor *hv, const struct xk_uuid *uuid,
             enum xk_stop_reason reason)
{
    struct being being;

    if (load(hv, uuid, &being, NULL) == -1)
        abort();
    being.state =
        reason == XK_STOP_CRASH ? XK_STATE_CRASHED : XK_STATE_SHUTDOWN;
    being.reason = (int)reason;
    save(hv, uuid, &being);
}

static char *
read_devices(struct xk_hypervisor *hv, const struct fake_kind *kind,
             const struct xk_uuid *uuid)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    char path[512];

    devices_path(hv, uuid, kind->name, path, sizeof(path));
    if (xk_read_file(AT_FDCWD, path, sizeof(path), &text, NULL) == -1)
        return xk_strdup("");
    return xk_strdup(text.data != NULL ? text.data : "");
}

char *
xk_fake_disks(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    return read_devices(hv, &disk_kind, uuid);
}

char *
xk_fake_cards(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    return read_devices(hv, &card_kind, uuid);
}

size_t
xk_fake_count(struct xk_hypervisor *hv)
{
    struct xk_domain_list list = {0};
    size_t count;

    fake_list(hv, &list, xk_deadline_never(), NULL);
    count = list.count;
    xk_domain_list_free(&list);
    return count;
}

void
xk_fake_hold_disk(struct xk_hypervisor *hv, const char *vdev)
{
    hold(hv, &disk_kind, vdev);
}

void
xk_fake_hold_card(struct xk_hypervisor *hv, const char *devid)
{
    hold(hv, &card_kind, devid);
}
