/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attach network cards to a running QEMU, and detach them.
 *
 * The guest releases the device of a card in its own time; only then does the
 * device go (QEMU's docs/system/device-emulation.rst: unplugging). What is
 * behind the card is the host's and can be taken away at any time: the card
 * then is one without a cable. A network that lost its device, because the
 * guest released it late, goes with the next change.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/mac.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/leaving.h"
#include "toolstack/kvm/live_cards.h"
#include "toolstack/kvm/network_release.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/status.h"
#include "toolstack/kvm/taps.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

enum {
    LET_GO_MS = 10000, /* as on Xen */
    LATE_MS = 2000,    /* if the guest was asked before */
    FORCED_MS = 500,   /* a guest that listens needs no longer */
    TICK_MS = 500,     /* between two looks, without an event */
    STRAY_FDS = 4,     /* more than one card has */
};

struct work {
    struct xk_qmp *qmp;
    int dirfd; /* of the record */
    const struct xk_change *change;
    struct xk_deadline deadline;
};

static const struct xk_vif *
find_vif(const struct xk_domain_config *config, int devid)
{
    for (size_t i = 0; i < config->vif_count; i++) {
        if (config->vifs[i].devid == devid)
            return &config->vifs[i];
    }
    return NULL;
}

static bool
is_meant(const struct work *work, int devid)
{
    return work->change->number == (unsigned)devid;
}

static bool
is_another(const struct work *work, int devid)
{
    return work->change->number != XK_EVERY_DEVICE && !is_meant(work, devid);
}

/* ---- detach ---- */

/* Remove the host's end of a card whose device is gone. */
static int
remove_network(const struct work *work, int devid, struct xk_error *err)
{
    char name[XK_KVM_NETDEV_NAME_SIZE];

    xk_kvm_netdev_name(devid, name);
    if (xk_kvm_network_release(work->qmp, name, NULL, 0, work->deadline, err) ==
        -1)
        return -1;
    xk_kvm_unplug_card(work->dirfd, devid, work->deadline);
    return 0;
}

/* Ask the guest. A card that has just gone is not found, and a guest that was
 * asked a moment ago is not asked again: both answers are as good as none. */
static int
ask_guest(const struct work *work, int devid, struct xk_error *err)
{
    char name[XK_KVM_CARD_NAME_SIZE];
    struct xk_error why = {0};

    xk_kvm_card_name(devid, name);
    if (xk_qmp_execute_with(work->qmp, "device_del", "id", name, NULL,
                            work->deadline, &why) == 0 ||
        !xk_qmp_is_broken(work->qmp))
        return 0;
    *err = why;
    return -1;
}

/* Wait until the guest has released the card: 1; 0 if it has not; or -1. */
static int
await_release(const struct work *work, int devid, int patience_ms,
              struct xk_error *err)
{
    struct xk_deadline patience =
        xk_deadline_min(work->deadline, xk_deadline_in_ms(patience_ms));

    for (;;) {
        int has = xk_kvm_has_card(work->qmp, devid, work->deadline, err);

        if (has != 1)
            return has == 0 ? 1 : -1;
        if (xk_deadline_left_ms(patience) == 0)
            return 0;
        xk_qmp_wait_some(work->qmp,
                         xk_deadline_min(patience, xk_deadline_in_ms(TICK_MS)));
    }
}

/* Frames that wait for the guest are dropped with the link. The plug is undone
 * while the TAP has its name, and before it is set aside: the kernel takes no
 * port off an Open vSwitch that has it. */
static int
cut_off(const struct work *work, int devid, struct xk_error *err)
{
    XK_CLEANUP_FREE char *arguments =
        xk_asprintf("{\"name\":\"vif%d\",\"up\":false}", devid);
    struct xk_process process;
    struct xk_error ignored;

    xk_qmp_execute(work->qmp, "set_link", arguments, NULL, work->deadline,
                   &ignored);
    if (xk_kvm_identity_load(work->dirfd, &process, NULL, err) == -1)
        return -1;
    xk_kvm_unplug_card(work->dirfd, devid, work->deadline);
    return xk_kvm_network_cut(work->qmp, &process, &work->change->config->uuid,
                              devid, work->deadline, err);
}

static int
patience_for(const struct work *work, int devid)
{
    if (!is_meant(work, devid) || work->change->recovery)
        return LATE_MS;
    return work->change->force ? FORCED_MS : LET_GO_MS;
}

static int
detach(const struct work *work, int devid, struct xk_error *err)
{
    int gone;

    if (ask_guest(work, devid, err) == -1)
        return -1;
    gone = await_release(work, devid, patience_for(work, devid), err);
    if (gone == -1)
        return -1;
    if (gone == 0 && is_meant(work, devid) && work->change->force)
        return cut_off(work, devid, err);
    if (gone == 0)
        return xk_fail(err, XK_ERR_IN_USE,
                       "the guest still uses network card %d, which is "
                       "detached once the guest releases it; --force cuts it "
                       "off now",
                       devid);
    if (remove_network(work, devid, err) == -1)
        return -1;
    xk_kvm_leaving_unmark(work->dirfd, devid);
    return 0;
}

/* A leaving card that the guest still holds goes once the guest releases it. A
 * change of another card only reminds the guest. */
static bool
is_passed_over(const struct work *work, int devid)
{
    return is_another(work, devid) && xk_kvm_is_leaving(work->dirfd, devid);
}

/* People may name the card by its address later, too. */
static int
mark_leaving(const struct work *work, int devid, struct xk_error *err)
{
    char mac[XK_MAC_TEXT_SIZE];

    xk_kvm_card_mac(work->qmp, devid, mac, work->deadline);
    return xk_kvm_leaving_mark(work->dirfd, devid, mac, err);
}

static bool
is_there(int devid, void *context)
{
    return xk_kvm_live_cards_find(context, devid) != NULL;
}

/* Forget cards that their guest has released since, and those that a killed
 * verb has plugged in and QEMU never got. */
static int
forget_released(const struct work *work, struct xk_kvm_live_cards *cards,
                struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_kvm_leaving *leaving = NULL;
    size_t count;

    xk_kvm_unplug_others(work->dirfd, is_there, cards, work->deadline);
    if (xk_kvm_leaving_list(work->dirfd, &leaving, &count, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct xk_kvm_live_card *card =
            xk_kvm_live_cards_find(cards, leaving[i].devid);

        if (card == NULL || !card->has_device)
            xk_kvm_leaving_unmark(work->dirfd, leaving[i].devid);
    }
    return 0;
}

static int
take_away(const struct work *work, const struct xk_kvm_live_card *card,
          struct xk_error *err)
{
    if (!card->has_device)
        return remove_network(work, card->devid, err);
    if (is_passed_over(work, card->devid))
        return ask_guest(work, card->devid, err);
    if (mark_leaving(work, card->devid, err) == -1)
        return -1;
    return detach(work, card->devid, err);
}

/* A verb stops at the first card that stays. In a recovery a card that stays
 * says nothing about another one that was attached. */
static int
take_away_all(const struct work *work, const struct xk_kvm_live_cards *cards,
              struct xk_error *err)
{
    const struct xk_change *change = work->change;
    struct xk_error why = {0};

    for (size_t i = 0; i < cards->count; i++) {
        const struct xk_kvm_live_card *card = &cards->items[i];
        bool wanted = find_vif(change->config, card->devid) != NULL;

        if ((wanted && (card->has_device || is_another(work, card->devid))) ||
            take_away(work, card, &why) == 0)
            continue;
        if (!change->recovery || is_meant(work, card->devid) ||
            xk_qmp_is_broken(work->qmp)) {
            *err = why;
            return -1;
        }
        xk_warn("domain \"%s\": %s", change->config->name, why.message);
    }
    return 0;
}

/* ---- attach ---- */

/* Descriptors that a killed process has passed, and nobody uses, would keep a
 * TAP. */
static void
close_stray_fds(const struct work *work)
{
    struct xk_kvm_plan nothing = {.live = true};
    char name[XK_KVM_FD_NAME_SIZE];
    struct xk_error ignored;

    for (int i = 0; i < STRAY_FDS; i++) {
        xk_kvm_plan_fd_name(&nothing, XK_KVM_FIRST_FD + i, name);
        xk_qmp_execute_with(work->qmp, "closefd", "fdname", name, NULL,
                            work->deadline, &ignored);
    }
}

static int
pass_fds(const struct work *work, const struct xk_kvm_plan *plan,
         struct xk_error *err)
{
    char name[XK_KVM_FD_NAME_SIZE];

    for (size_t i = 0; i < plan->fd_count; i++) {
        xk_kvm_plan_fd_name(plan, XK_KVM_FIRST_FD + (int)i, name);
        if (xk_qmp_send_fd(work->qmp, plan->fds[i].fd, name, work->deadline,
                           err) == -1)
            return -1;
    }
    return 0;
}

/* Carry out the options of the plan, in their order: -netdev, -device. */
static int
plug(const struct work *work, const struct xk_kvm_plan *plan,
     struct xk_error *err)
{
    static const struct {
        const char *option, *command;
    } commands[] = {{"-netdev", "netdev_add"}, {"-device", "device_add"}};

    for (size_t i = 0; i + 1 < plan->argc; i += 2) {
        for (size_t k = 0; k < XK_ARRAY_SIZE(commands); k++) {
            if (strcmp(plan->argv[i], commands[k].option) == 0 &&
                xk_qmp_execute(work->qmp, commands[k].command,
                               plan->argv[i + 1], NULL, work->deadline,
                               err) == -1)
                return -1;
        }
    }
    return 0;
}

static int
choose_port(const struct xk_kvm_live_cards *cards, struct xk_error *err)
{
    for (unsigned i = 0; i < cards->port_count; i++) {
        if (!cards->taken[i])
            return (int)i;
    }
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "each of its %u PCI Express ports has a device: detach "
                   "one, or give the card in the file and start the domain "
                   "anew",
                   cards->port_count);
}

/* Ask for what is known to differ between versions before anything is made: if
 * QEMU 7.2 emulates a processor that is never idle, it does not answer after it
 * has refused a device (drain_call_rcu() waits for that processor). */
static int
check_model(const struct work *work, const struct xk_vif *vif,
            struct xk_error *err)
{
    const char *model = xk_kvm_card_model(vif);
    struct xk_error why = {0};

    if (model == NULL ||
        xk_qmp_execute_with(work->qmp, "device-list-properties", "typename",
                            model, NULL, work->deadline, &why) == 0)
        return 0;
    if (why.kind == XK_ERR_NOT_FOUND)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "this QEMU has no network card of model %s", model);
    *err = why;
    return -1;
}

/* What QEMU refuses leaves nothing behind: the network is removed, and
 * descriptors that it did not take are closed. */
static int
attach(const struct work *work, const struct xk_vif *vif, int port,
       struct xk_error *err)
{
    XK_CLEANUP_FREE char *bus = xk_asprintf("port%d", port);
    struct xk_error ignored;
    struct xk_kvm_plan plan;
    int r;

    if (check_model(work, vif, err) == -1)
        return -1;
    xk_kvm_plan_init(&plan, false);
    plan.live = true;
    plan.record_dir_fd = work->dirfd;
    plan.deadline = work->deadline;
    r = xk_kvm_plan_card(&plan, work->change->config, vif, bus, err);
    if (r == 0)
        r = pass_fds(work, &plan, err);
    if (r == 0)
        r = plug(work, &plan, err);
    if (r == -1 && !xk_qmp_is_broken(work->qmp)) {
        remove_network(work, vif->devid, &ignored);
        close_stray_fds(work);
        xk_kvm_unplug_card(work->dirfd, vif->devid, work->deadline);
    }
    xk_kvm_plan_free(&plan);
    return r == 0 ? 0 : xk_wrap(err, "network card %d", vif->devid);
}

static void
tell_ejected(const struct work *work, const struct xk_vif *vif)
{
    xk_warn("domain \"%s\": the guest has ejected network card %d: detach it "
            "with xk network-detach",
            work->change->config->name, vif->devid);
}

/* A card that its guest has ejected comes back only if somebody asks for it. */
static int
attach_missing(const struct work *work, struct xk_kvm_live_cards *cards,
               struct xk_error *err)
{
    const struct xk_domain_config *config = work->change->config;

    for (size_t i = 0; i < config->vif_count; i++) {
        const struct xk_vif *vif = &config->vifs[i];
        const struct xk_kvm_live_card *card =
            xk_kvm_live_cards_find(cards, vif->devid);
        int port;

        if (card != NULL && card->has_device)
            continue;
        if (is_another(work, vif->devid)) {
            tell_ejected(work, vif);
            continue;
        }
        port = choose_port(cards, err);
        if (port == -1 || attach(work, vif, port, err) == -1)
            return -1;
        cards->taken[port] = true;
    }
    return 0;
}

int
xk_kvm_sync_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_change *change, struct xk_deadline deadline,
                  struct xk_error *err)
{
    XK_CLEANUP_LIVE_CARDS struct xk_kvm_live_cards cards = {0};
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    struct work work = {
        .dirfd = xk_kvm_dir(domain, err),
        .change = change,
        .deadline = deadline,
    };

    (void)hv;
    if (work.dirfd == -1)
        return -1;
    qmp = xk_qmp_connect(work.dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL)
        return -1;
    work.qmp = qmp;
    close_stray_fds(&work);
    if (xk_kvm_live_cards_read(qmp, &cards, deadline, err) == -1 ||
        forget_released(&work, &cards, err) == -1)
        return -1;
    if (take_away_all(&work, &cards, err) == -1)
        return -1;
    return attach_missing(&work, &cards, err);
}

/* ---- before a detach ---- */

int
xk_kvm_check_detach(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    const struct xk_change *change, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);
    const struct xk_vif *vif;

    (void)hv;
    if (config == NULL)
        return -1;
    vif = find_vif(config, (int)change->number);
    if (vif == NULL || xk_kvm_card_is_mobile(vif) || change->force)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "a network card of model %s cannot be unplugged from a "
                   "machine that runs; --force cuts it off",
                   xk_kvm_card_model(vif));
}
