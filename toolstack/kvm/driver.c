/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/driver.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/config/vdev.h"
#include "toolstack/journal.h"
#include "toolstack/kvm/copy_target.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/launch.h"
#include "toolstack/kvm/leaving.h"
#include "toolstack/kvm/migration_needs.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/status.h"
#include "toolstack/kvm/uid.h"
#include "toolstack/kvm/watch.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"
#include "toolstack/seam/device_ops.h"

enum {
    IN_PLACE_MS = 5000 /* after that QEMU counts as hung */
};

/* ---- the driver ---- */

static struct xk_hypervisor *
open_driver(const struct xk_state *state, struct xk_error *err)
{
    struct xk_kvm *kvm = XK_NEW(struct xk_kvm);

    (void)err;
    kvm->base = (struct xk_hypervisor){.ops = &xk_kvm_ops, .state = state};
    return &kvm->base;
}

static void
close_driver(struct xk_hypervisor *hv)
{
    struct xk_kvm *kvm = (struct xk_kvm *)hv;

    xk_kvm_watcher_free(&kvm->watcher);
    free(kvm);
}

/* ---- get, list ---- */

static int
fill_info(const struct xk_record *record, const struct xk_kvm_status *status,
          struct xk_domain_info *info, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(record, err);

    if (config == NULL)
        return -1;
    *info = (struct xk_domain_info){
        .uuid = record->uuid,
        .domid = -1,
        .type = config->type,
        .state = status->state,
        .stop_reason = status->reason,
        .memory_mib = config->memory_mib,
        .maxmem_mib = config->maxmem_mib,
        .vcpus = config->vcpus,
        .cpu_time_ns = status->cpu_time_ns,
    };
    info->name = XK_TAKE(config->name);
    return 0;
}

static int
get(struct xk_hypervisor *hv, const struct xk_domain *domain,
    struct xk_domain_info *info, struct xk_deadline deadline,
    struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    struct xk_kvm_status status;

    (void)hv;
    if (dirfd == -1 || xk_kvm_status_read(dirfd, &status, deadline, err) == -1)
        return -1;
    return fill_info(domain->record, &status, info, err);
}

struct listed {
    int64_t made_ns;
    struct xk_domain_info info;
};

static int
compare_age(const void *a, const void *b)
{
    const struct listed *one = a, *other = b;

    return (one->made_ns > other->made_ns) - (one->made_ns < other->made_ns);
}

/* Tell the owner of an existing domain why it is missing from the list. */
static void
warn_unlisted(const struct xk_record *record, const struct xk_error *why)
{
    if (why->kind != XK_ERR_NOT_FOUND && xk_record_is_there(record))
        xk_warn("domain %s cannot be listed: %s", record->uuid_text,
                why->message);
}

/* False if the domain disappears meanwhile or cannot be read: it is not
 * listed. */
static bool
read_listed(const struct xk_state *state, const struct xk_uuid *uuid,
            struct xk_deadline deadline, struct listed *listed)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(state, uuid, NULL);
    struct xk_kvm_status status;
    struct xk_error why = {0};

    if (record == NULL || !xk_journal_is_whole(record))
        return false;
    if (xk_kvm_status_read(record->dir_fd, &status, deadline, &why) == -1 ||
        fill_info(record, &status, &listed->info, &why) == -1) {
        warn_unlisted(record, &why);
        return false;
    }
    listed->made_ns = status.claim.made_ns;
    return true;
}

static int
list(struct xk_hypervisor *hv, struct xk_domain_list *domains,
     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    XK_CLEANUP_FREE struct listed *found = NULL;
    size_t count, found_count = 0;

    if (xk_state_list(hv->state, &uuids, &count, err) == -1)
        return -1;
    found = xk_calloc(count + 1, sizeof(*found));
    for (size_t i = 0; i < count; i++) {
        if (read_listed(hv->state, &uuids[i], deadline, &found[found_count]))
            found_count++;
    }
    qsort(found, found_count, sizeof(*found), compare_age);
    domains->items = xk_calloc(found_count + 1, sizeof(*domains->items));
    for (size_t i = 0; i < found_count; i++)
        domains->items[i] = found[i].info;
    domains->count = found_count;
    return 0;
}

/* ---- build, restart ---- */

static int
launch_as(uid_t uid, struct xk_kvm_plan *plan, struct xk_record *record,
          const struct xk_domain_config *config, struct xk_deadline deadline,
          struct xk_error *err)
{
    XK_CLEANUP_CLOSE int events_fd = -1;

    plan->uid = uid;
    plan->gid = geteuid() == 0 ? (gid_t)uid : getegid();
    plan->record_dir_fd = record->dir_fd;
    plan->state = record->state;
    plan->deadline = deadline;
    if (xk_kvm_plan_domain(plan, config, err) == -1 ||
        xk_kvm_launch_complete_plan(plan, config, record->dir_fd, &events_fd,
                                    err) == -1)
        return -1;
    if (!plan->accelerated && plan->no_kvm_reason != NULL)
        xk_warn("domain \"%s\" is emulated, which is slow: %s", config->name,
                plan->no_kvm_reason);
    xk_kvm_unmark(record->dir_fd, XK_KVM_FILE_REBOOT);
    xk_kvm_unmark(record->dir_fd, XK_KVM_FILE_PAUSED);
    xk_kvm_leaving_clear(record->dir_fd);
    return xk_kvm_launch(plan, record, xk_take_fd(&events_fd), deadline, err);
}

static int
launch(struct xk_kvm_plan *plan, struct xk_record *record,
       const struct xk_domain_config *config, struct xk_deadline deadline,
       struct xk_error *err)
{
    struct xk_kvm_claim claim;
    int held;
    int r = xk_kvm_claim_make(record, &claim, &held, deadline, err);

    if (r == 0)
        r = launch_as(claim.uid, plan, record, config, deadline, err);
    xk_kvm_uid_release(claim.uid, held);
    return r;
}

/* The guest boots with maxmem. Once its balloon driver is up, the driver
 * returns the memory above memory=; until then the target stays set. */
static int
set_balloon(const struct xk_record *record,
            const struct xk_domain_config *config, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    XK_CLEANUP_FREE char *arguments = NULL;

    if (config->maxmem_mib <= config->memory_mib)
        return 0;
    qmp = xk_qmp_connect(record->dir_fd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL)
        return -1;
    arguments =
        xk_asprintf("{\"value\": %" PRIu64 "}", config->memory_mib << 20);
    return xk_qmp_execute(qmp, "balloon", arguments, NULL, deadline, err);
}

static int
build(struct xk_hypervisor *hv, struct xk_record *record,
      const struct xk_domain_config *config, struct xk_deadline deadline,
      struct xk_error *err)
{
    struct xk_kvm_plan plan;
    int r;

    (void)hv;
    xk_kvm_plan_init(&plan, false);
    r = launch(&plan, record, config, deadline, err);
    xk_kvm_plan_free(&plan);
    return r == -1 ? -1 : set_balloon(record, config, deadline, err);
}

/* Build the same machine type as on the source, whatever the newest one is
 * here. */
static int
prepare(struct xk_hypervisor *hv, struct xk_record *record,
        const struct xk_domain_config *config, const struct xk_json *needs,
        struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_json *copies = xk_kvm_copies(needs);
    struct xk_kvm_plan plan;
    int r;

    (void)hv;
    if (copies != NULL &&
        (xk_kvm_copies_read(copies, config, err) == -1 ||
         xk_kvm_copies_make(record, copies, config, err) == -1))
        return -1;
    xk_kvm_plan_init(&plan, false);
    r = xk_kvm_needs_apply(needs, &plan, err);
    if (r == 0)
        r = launch(&plan, record, config, deadline, err);
    xk_kvm_plan_free(&plan);
    if (r == 0)
        r = xk_kvm_expect_stream(record, deadline, err);
    if (r == 0 && xk_json_length(copies) > 0)
        r = xk_kvm_copies_serve(record, copies, deadline, err);
    return r;
}

static int
rebuild(struct xk_hypervisor *hv, struct xk_record *record,
        const struct xk_domain_config *config, struct xk_deadline deadline,
        struct xk_error *err)
{
    struct xk_domain domain = {.uuid = record->uuid,
                               .domid = -1,
                               .name = config->name,
                               .record = record};

    if (xk_kvm_end_process(record->dir_fd, deadline, err) == -1 ||
        build(hv, record, config, deadline, err) == -1)
        return -1;
    return xk_kvm_unpause(hv, &domain, deadline, err);
}

/* Keep the QEMU if possible. A QEMU whose start was killed before it was told
 * to log its events cannot be kept. */
static bool
restarts_in_place(struct xk_record *record, const char *name,
                  struct xk_deadline deadline)
{
    struct xk_deadline in_place =
        xk_deadline_min(deadline, xk_deadline_in_ms(IN_PLACE_MS));
    struct xk_kvm_status status;
    struct xk_error why = {0};

    if (xk_kvm_status_read(record->dir_fd, &status, deadline, &why) == -1 ||
        !status.alive || !status.logs)
        return false;
    /* A previous restart was killed after its last step. */
    if (status.state == XK_STATE_RUNNING)
        return true;
    if (xk_kvm_restart_in_place(record->dir_fd, in_place, &why) == 0)
        return true;
    xk_info("domain \"%s\" gets a new QEMU: %s", name, why.message);
    return false;
}

static int
restart(struct xk_hypervisor *hv, struct xk_record *record,
        const struct xk_domain_config *config, struct xk_deadline deadline,
        struct xk_error *err)
{
    if (restarts_in_place(record, config->name, deadline))
        return 0;
    return rebuild(hv, record, config, deadline, err);
}

static bool
owns(const struct xk_record *record)
{
    return faccessat(record->dir_fd, XK_KVM_FILE_CLAIM, F_OK,
                     AT_SYMLINK_NOFOLLOW) == 0;
}

/* All disks are QEMU's, so they are those of the configuration. */
static int
disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
      xk_disk_told *told, void *context, struct xk_deadline deadline,
      struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);

    (void)hv;
    (void)deadline;
    if (config == NULL)
        return -1;
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];
        const struct xk_disk_info info = {
            .vdev = disk->vdev,
            .number = xk_disk_number(disk),
            .target = disk->target,
            .format = xk_disk_format_name(disk->format),
            .backend = "qemu",
            .state = "connected",
            .read_only = !disk->read_write,
            .cdrom = disk->cdrom,
        };

        told(&info, context);
    }
    return 0;
}

/* ---- the tables ---- */

static const struct xk_domain_ops domain_ops = {
    .list = list,
    .get = get,
    .check = xk_kvm_check,
    .describe = xk_kvm_describe,
    .build = build,
    .teardown = xk_kvm_teardown,
    .pause = xk_kvm_pause,
    .unpause = xk_kvm_unpause,
    .signal = xk_kvm_signal,
    .reset = xk_kvm_reset,
    .restart = restart,
    .preserve = xk_kvm_preserve,
    .core_dump = xk_kvm_core_dump,
    .rename = xk_kvm_rename,
    .console = xk_kvm_console,
    .screen = xk_kvm_screen,
    .wait = xk_kvm_wait,
};

static const struct xk_monitor_ops monitor_ops = {
    .watch = xk_kvm_watch,
    .unwatch = xk_kvm_unwatch,
    .trim = xk_kvm_trim,
};

/* No disks: they are fixed while QEMU runs. */
static const struct xk_device_ops device_ops = {
    .sync = {[XK_SYNC_CARDS] = xk_kvm_sync_cards},
    .check_detach = xk_kvm_check_detach,
    .disks = disks,
    .cards = xk_kvm_cards,
};

static const struct xk_transfer_ops transfer_ops = {
    .put_needs = xk_kvm_put_needs,
    .check_needs = xk_kvm_check_needs,
    .measure = xk_kvm_measure,
    .send = xk_kvm_send,
    .take_back = xk_kvm_take_back,
    .prepare = prepare,
    .receive = xk_kvm_receive,
    .unpause_received = xk_kvm_unpause_received,
};

static const struct xk_copy_ops copy_ops = {
    .put_copies = xk_kvm_put_copies,
    .reach_copies = xk_kvm_reach_copies,
};

const struct xk_hypervisor_ops xk_kvm_ops = {
    .name = "kvm",
    .owns = owns,
    .probe = xk_kvm_probe,
    .open = open_driver,
    .close = close_driver,
    .info = xk_kvm_info,
    .capabilities = xk_kvm_capabilities,
    .domain = &domain_ops,
    .monitor = &monitor_ops,
    .devices = &device_ops,
    .transfer = &transfer_ops,
    .copies = &copy_ops,
};
