/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/live_cards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "net-helpers/mac.h"
#include "toolstack/kvm/hmp.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/taps.h"

/* Devices that were given a name, and those that a user gave none. */
#define DEVICES "/machine/peripheral"
#define NAMELESS "/machine/peripheral-anon"

void
xk_kvm_live_cards_free(struct xk_kvm_live_cards *cards)
{
    free(cards->items);
    *cards = (struct xk_kvm_live_cards){0};
}

const struct xk_kvm_live_card *
xk_kvm_live_cards_find(const struct xk_kvm_live_cards *cards, int devid)
{
    for (size_t i = 0; i < cards->count; i++) {
        if (cards->items[i].devid == devid)
            return &cards->items[i];
    }
    return NULL;
}

static struct xk_kvm_live_card *
need(struct xk_kvm_live_cards *cards, int devid)
{
    const struct xk_kvm_live_card *found = xk_kvm_live_cards_find(cards, devid);

    if (found != NULL)
        return &cards->items[found - cards->items];
    XK_GROW(cards->items, cards->count);
    cards->items[cards->count] =
        (struct xk_kvm_live_card){.devid = devid, .port = -1};
    return &cards->items[cards->count++];
}

/* Parse PREFIX and a number up to `max`. */
static bool
parse_name(const char *name, const char *prefix, uint64_t max, uint64_t *number)
{
    size_t length = strlen(prefix);

    return strncmp(name, prefix, length) == 0 &&
           xk_parse_u64(name + length, max, number);
}

/* ---- devices ---- */

static int
ask_devices(struct xk_qmp *qmp, const char *folder, struct xk_json **answer,
            struct xk_deadline deadline, struct xk_error *err)
{
    return xk_qmp_execute_with(qmp, "qom-list", "path", folder, answer,
                               deadline, err);
}

static const char *
name_at(const struct xk_json *list, size_t index)
{
    const char *name =
        xk_json_string(xk_json_get(xk_json_at(list, index), "name"));

    return name != NULL ? name : "";
}

/* Ask for a property, a text, of a device; NULL if it has none. The answer is
 * the caller's and has the text. */
static const char *
ask_text(struct xk_qmp *qmp, const char *folder, const char *name,
         const char *property, struct xk_json **answer,
         struct xk_deadline deadline)
{
    XK_CLEANUP_FREE char *arguments = xk_asprintf(
        "{\"path\":\"%s/%s\",\"property\":\"%s\"}", folder, name, property);

    return xk_qmp_execute(qmp, "qom-get", arguments, answer, deadline, NULL) ==
                   0
               ? xk_json_string(xk_json_get(*answer, "return"))
               : NULL;
}

/* Return the port that a device is on, by "/machine/peripheral/port3/port3"; -1
 * if it is on none. An entry that is not a device has no bus. */
static int
ask_port(struct xk_qmp *qmp, const char *folder, const char *name,
         struct xk_deadline deadline)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const char *bus =
        ask_text(qmp, folder, name, "parent_bus", &answer, deadline);
    const char *slash = bus != NULL ? strrchr(bus, '/') : NULL;
    uint64_t port;

    return slash != NULL &&
                   parse_name(slash + 1, "port", XK_KVM_PORTS_MAX - 1, &port)
               ? (int)port
               : -1;
}

/* Our own names need no escape; others were given by a user, and what they name
 * is not a card. */
static bool
is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.[]";

    return name[0] != '\0' && name[strspn(name, plain)] == '\0';
}

static int
take_device(struct xk_qmp *qmp, const char *folder, const char *name,
            struct xk_kvm_live_cards *cards, struct xk_deadline deadline,
            struct xk_error *err)
{
    uint64_t number;
    int port;

    if (parse_name(name, "port", XK_KVM_PORTS_MAX - 1, &number)) {
        cards->is_port[number] = true;
        return 0;
    }
    if (!is_plain(name))
        return 0;
    port = ask_port(qmp, folder, name, deadline);
    if (xk_qmp_is_broken(qmp))
        return xk_fail(err, XK_ERR_TIMEOUT, "QEMU does not tell its devices");
    if (port != -1)
        cards->taken[port] = true;
    if (parse_name(name, "vif", INT32_MAX, &number)) {
        struct xk_kvm_live_card *card = need(cards, (int)number);

        card->has_device = true;
        card->port = port;
    }
    return 0;
}

static int
read_devices(struct xk_qmp *qmp, const char *folder,
             struct xk_kvm_live_cards *cards, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *list;

    if (ask_devices(qmp, folder, &answer, deadline, err) == -1)
        return -1;
    list = xk_json_get(answer, "return");
    for (size_t i = 0; i < xk_json_length(list); i++) {
        if (take_device(qmp, folder, name_at(list, i), cards, deadline, err) ==
            -1)
            return -1;
    }
    return 0;
}

static bool
lists_card(const struct xk_json *list, int devid)
{
    char name[XK_KVM_CARD_NAME_SIZE];

    xk_kvm_card_name(devid, name);
    for (size_t i = 0; i < xk_json_length(list); i++) {
        if (strcmp(name_at(list, i), name) == 0)
            return true;
    }
    return false;
}

int
xk_kvm_has_card(struct xk_qmp *qmp, int devid, struct xk_deadline deadline,
                struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (ask_devices(qmp, DEVICES, &answer, deadline, err) == -1)
        return -1;
    return lists_card(xk_json_get(answer, "return"), devid);
}

void
xk_kvm_card_mac(struct xk_qmp *qmp, int devid, char mac[XK_MAC_TEXT_SIZE],
                struct xk_deadline deadline)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    char name[XK_KVM_CARD_NAME_SIZE];
    const char *text;
    uint8_t bytes[6];

    xk_kvm_card_name(devid, name);
    text = ask_text(qmp, DEVICES, name, "mac", &answer, deadline);
    mac[0] = '\0';
    if (text != NULL && xk_mac_parse(text, bytes))
        xk_mac_format(bytes, mac);
}

/* ---- networks ---- */

/* QMP has no list of them. HMP has each at the beginning of a word:
 * "net-vif0: index=0,type=user,...". */
static void
take_networks(const char *text, struct xk_kvm_live_cards *cards)
{
    static const char prefix[] = "net-vif";

    while ((text = strstr(text, prefix)) != NULL) {
        char digits[16];
        size_t length;
        uint64_t devid;

        text += strlen(prefix);
        length = strspn(text, "0123456789");
        if (length >= sizeof(digits) || text[length] != ':')
            continue;
        snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
        if (xk_parse_u64(digits, INT32_MAX, &devid))
            need(cards, (int)devid)->has_network = true;
    }
}

int
xk_kvm_live_cards_read(struct xk_qmp *qmp, struct xk_kvm_live_cards *cards,
                       struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *networks = NULL;

    if (read_devices(qmp, DEVICES, cards, deadline, err) == -1 ||
        read_devices(qmp, NAMELESS, cards, deadline, err) == -1)
        return -1;
    networks = xk_kvm_hmp_ask(qmp, "info network", deadline, err);
    if (networks == NULL)
        return -1;
    take_networks(networks, cards);
    while (cards->port_count < XK_KVM_PORTS_MAX &&
           cards->is_port[cards->port_count])
        cards->port_count++;
    return 0;
}

static int
fail_ejected(const struct xk_vif *vif, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_STATE,
                   "the guest has ejected network card %d: detach it with xk "
                   "network-detach",
                   vif->devid);
}

int
xk_kvm_live_cards_need(const struct xk_kvm_live_cards *cards,
                       const struct xk_domain_config *config,
                       struct xk_error *err)
{
    for (size_t i = 0; i < config->vif_count; i++) {
        const struct xk_vif *vif = &config->vifs[i];
        const struct xk_kvm_live_card *card =
            xk_kvm_live_cards_find(cards, vif->devid);

        if (xk_kvm_card_is_mobile(vif) &&
            (card == NULL || !card->has_device || card->port == -1))
            return fail_ejected(vif, err);
    }
    return 0;
}

int
xk_kvm_need_cards(struct xk_qmp *qmp, const struct xk_domain_config *config,
                  struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (ask_devices(qmp, DEVICES, &answer, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < config->vif_count; i++) {
        const struct xk_vif *vif = &config->vifs[i];

        if (xk_kvm_card_is_mobile(vif) &&
            !lists_card(xk_json_get(answer, "return"), vif->devid))
            return fail_ejected(vif, err);
    }
    return 0;
}
