/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port of an Open vSwitch. bridge= names it and its VLANs as for Xen's
 * vif-openvswitch, which is not run:
 *
 *     ovsbr0            all VLANs, tagged
 *     ovsbr0.10         VLAN 10, untagged (an access port)
 *     ovsbr0:20:30      VLANs 20 and 30, tagged (a trunk)
 *     ovsbr0.10:20:30   the same, and VLAN 10 untagged
 *
 * What ports a vSwitch has is in its database, which ovs-vsctl changes. The
 * port outlives its TAP there, until it is removed.
 */
#include <linux/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/process.h"
#include "net-helpers/name.h"
#include "net-helpers/plug_internal.h"
#include "net-helpers/rtnetlink.h"
#include "net-helpers/vswitch.h"

unsigned if_nametoindex(const char *name); /* <net/if.h> and linux/if.h clash */

enum {
    CHECK_MS = 10000,
    OUTPUT_MAX = 4096,
    VLAN_MAX = 4094,
    WORDS_MAX = 24,
    NO_BRIDGE = 2, /* exit status of br-exists */
};

/* ---- bridge= ---- */

static const char *
check_vlans(char *list)
{
    char *state = NULL;
    uint64_t vlan;

    for (const char *one = strtok_r(list, ",", &state); one != NULL;
         one = strtok_r(NULL, ",", &state)) {
        if (!xk_parse_u64(one, VLAN_MAX, &vlan) || vlan == 0)
            return "a VLAN is a number from 1 to 4094";
    }
    return NULL;
}

/* Copy what follows *text up to one of the bytes of `end`, and go there. False
 * if it is empty or too long. */
static bool
take_part(const char **text, const char *end, char *part, size_t size)
{
    size_t length = strcspn(*text, end);

    if (length == 0 || length >= size)
        return false;
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length;
    return true;
}

/* "20:30" as "20,30". An empty part, or a comma, would not be seen later. */
static bool
take_trunks(const char *text, char *trunks, size_t size)
{
    size_t length = strlen(text);

    if (length == 0 || length >= size || strstr(text, "::") != NULL ||
        strchr(text, ',') != NULL || text[0] == ':' || text[length - 1] == ':')
        return false;
    for (size_t i = 0; i <= length; i++)
        trunks[i] = text[i] == ':' ? ',' : text[i];
    return true;
}

const char *
xk_vswitch_parse(const char *text, struct xk_vswitch_port *port)
{
    static const char form[] = "an Open vSwitch is BRIDGE[.VLAN][:TRUNK:...]";
    char copy[sizeof(port->trunks)];
    const char *wrong;

    *port = (struct xk_vswitch_port){0};
    if (!take_part(&text, ".:", port->bridge, sizeof(port->bridge)))
        return form;
    if (*text == '.') {
        text++;
        if (!take_part(&text, ":", port->tag, sizeof(port->tag)))
            return form;
    }
    if (*text == ':' &&
        !take_trunks(text + 1, port->trunks, sizeof(port->trunks)))
        return form;
    wrong = xk_net_name_check(port->bridge);
    if (wrong != NULL)
        return wrong;
    memcpy(copy, port->tag, sizeof(port->tag));
    wrong = check_vlans(copy);
    if (wrong != NULL)
        return wrong;
    memcpy(copy, port->trunks, sizeof(port->trunks));
    return check_vlans(copy);
}

static int
parse(const struct xk_plug *plug, struct xk_vswitch_port *port,
      struct xk_error *err)
{
    const char *wrong = xk_vswitch_parse(plug->bridge, port);

    return wrong == NULL ? 0
                         : xk_fail(err, XK_ERR_CONFIG, "bridge \"%s\": %s",
                                   plug->bridge, wrong);
}

/* ---- ovs-vsctl ---- */

/* The words of a command, which own their texts. */
struct command {
    char *words[WORDS_MAX + 1]; /* ended by NULL */
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void
add(struct command *command, const char *fmt, ...)
{
    va_list args;

    if (command->count == WORDS_MAX)
        abort();
    va_start(args, fmt);
    command->words[command->count++] = xk_vasprintf(fmt, args);
    va_end(args);
}

/* Begin with the program. It gives up by itself, a moment before we do. */
static void
begin(struct command *command, struct xk_deadline deadline)
{
    int seconds = xk_deadline_left_ms(deadline) / 1000;

    *command = (struct command){0};
    add(command, "ovs-vsctl");
    add(command, "--timeout=%d", seconds > 1 ? seconds : 1);
}

static void
free_command(struct command *command)
{
    for (size_t i = 0; i < command->count; i++)
        free(command->words[i]);
}
#define CLEANUP_COMMAND __attribute__((cleanup(free_command)))

static int
fail_as_printed(const struct xk_buf *errors, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf safe = {0};
    XK_CLEANUP_FREE char *line =
        xk_strndup(errors->data != NULL ? errors->data : "",
                   errors->data != NULL ? strcspn(errors->data, "\n") : 0);

    xk_buf_puts(&safe, "");
    xk_log_escape(&safe, line);
    return xk_fail(err, XK_ERR_HOST, "%.500s",
                   safe.length > 0 ? safe.data : "ovs-vsctl failed");
}

/* Returns the exit status, or -1. The program also ends with 0 if the switch
 * could not do what is in its database. */
static int
run(const struct command *command, struct xk_buf *output, struct xk_buf *errors,
    struct xk_deadline deadline, struct xk_error *err)
{
    int status = 0;

    if (xk_process_run((const char *const *)command->words, OUTPUT_MAX, output,
                       errors, deadline, &status, err) == -1)
        return err != NULL && err->kind == XK_ERR_HOST
                   ? xk_fail(err, XK_ERR_HOST,
                             "\"ovs-vsctl\" is not installed: script="
                             "vif-openvswitch needs the package "
                             "openvswitch-switch")
                   : -1;
    if (!WIFEXITED(status))
        return fail_as_printed(errors, err);
    if (errors->data != NULL && strstr(errors->data, "Error detected") != NULL)
        return fail_as_printed(errors, err);
    return WEXITSTATUS(status);
}

/* Append what it prints to *output. */
static int
run_to_success(const struct command *command, struct xk_buf *output,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int r = run(command, output, &errors, deadline, err);

    return r <= 0 ? r : fail_as_printed(&errors, err);
}

/* ---- the plug ---- */

static int
read_words(const struct xk_plug *plug, struct xk_error *err)
{
    struct xk_vswitch_port port;

    return parse(plug, &port, err);
}

static int
check(const struct xk_plug *plug, struct xk_deadline deadline,
      struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf output = {0}, errors = {0};
    CLEANUP_COMMAND struct command command = {0};
    struct xk_vswitch_port port;
    int r;

    if (parse(plug, &port, err) == -1)
        return -1;
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(CHECK_MS));
    begin(&command, deadline);
    add(&command, "br-exists");
    add(&command, "%s", port.bridge);
    r = run(&command, &output, &errors, deadline, err);
    if (r == NO_BRIDGE)
        return xk_fail(err, XK_ERR_CONFIG,
                       "there is no Open vSwitch \"%s\": make it (ovs-vsctl "
                       "add-br %s) or name another with bridge=",
                       port.bridge, port.bridge);
    return r <= 0 ? r : fail_as_printed(&errors, err);
}

/* A port with a tag and no mode is an access port, whatever its trunks are. */
static void
add_vlans(struct command *command, const struct xk_vswitch_port *port)
{
    if (port->tag[0] != '\0')
        add(command, "tag=%s", port->tag);
    if (port->trunks[0] != '\0')
        add(command, "trunks=%s", port->trunks);
    if (port->tag[0] != '\0' && port->trunks[0] != '\0')
        add(command, "vlan_mode=native-untagged");
}

/* What the switch knows the card by. A value with a colon is put in quotes,
 * which ovs-vsctl removes. */
static void
add_owner(struct command *command, const struct xk_plug_card *card)
{
    add(command, "external-ids:attached-mac=\"%s\"", card->mac);
    if (card->domain != NULL)
        add(command, "external-ids:vm-id=\"%s\"", card->domain);
}

static void
add_identity(struct command *command, const struct xk_plug_card *card)
{
    add(command, "--");
    add(command, "set");
    add(command, "Interface");
    add(command, "%s", card->device);
    add_owner(command, card);
    add(command, "external-ids:iface-status=active");
}

static void
add_removal(struct command *command, const struct xk_plug_card *card)
{
    add(command, "--");
    add(command, "--if-exists");
    add(command, "del-port");
    add(command, "%s", card->device);
}

/* ---- whose port it is ---- */

/* That of any guest's card: the host's own have no such address. */
static void
add_any_owner(struct command *command, const struct xk_plug_card *card)
{
    (void)card;
    add(command, "external-ids:attached-mac!=\"\"");
}

/* Returns whether the switches have a port of the card's name with this owner
 * (NULL: of whomever), or -1. */
static int
has_port(const struct xk_plug_card *card,
         void (*add_condition)(struct command *command,
                               const struct xk_plug_card *card),
         struct xk_deadline deadline, struct xk_error *err)
{
    CLEANUP_COMMAND struct command command = {0};
    XK_CLEANUP_BUF struct xk_buf found = {0};

    begin(&command, deadline);
    add(&command, "--bare");
    add(&command, "--columns=name");
    add(&command, "find");
    add(&command, "Interface");
    add(&command, "name=\"%s\"", card->device);
    if (add_condition != NULL)
        add_condition(&command, card);
    if (run_to_success(&command, &found, deadline, err) == -1)
        return -1;
    return found.length > 0;
}

/* The card's device was made just now: a port of that name has none, and if it
 * is a guest's it was left behind. What somebody has set up for the host itself
 * is not ours to replace. */
static int
check_free(const struct xk_plug_card *card, struct xk_deadline deadline,
           struct xk_error *err)
{
    int r = has_port(card, NULL, deadline, err);

    if (r != 1)
        return r;
    r = has_port(card, add_any_owner, deadline, err);
    if (r != 0)
        return r == -1 ? -1 : 0;
    return xk_fail(err, XK_ERR_IN_USE,
                   "Open vSwitch already has a port \"%s\", which is not "
                   "a guest's: remove it (ovs-vsctl del-port %s) or give the "
                   "card another vifname",
                   card->device, card->device);
}

/* ---- in and out ---- */

static int
bring_up(const char *device, struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_rtnl_request request =
        xk_rtnl_change_link(if_nametoindex(device), IFF_UP, IFF_UP);

    return xk_rtnl_do(&request, "bring up the card's device", deadline, err);
}

/* One transaction: a port that a killed process has left may have other VLANs
 * or be on another bridge. */
static int
plug_in(const struct xk_plug *plug, const struct xk_plug_card *card,
        struct xk_deadline deadline, struct xk_error *err)
{
    CLEANUP_COMMAND struct command command = {0};
    XK_CLEANUP_BUF struct xk_buf output = {0};
    struct xk_vswitch_port port;

    if (parse(plug, &port, err) == -1 ||
        check_free(card, deadline, err) == -1 ||
        bring_up(card->device, deadline, err) == -1)
        return -1;
    begin(&command, deadline);
    add_removal(&command, card);
    add(&command, "--");
    add(&command, "add-port");
    add(&command, "%s", port.bridge);
    add(&command, "%s", card->device);
    add_vlans(&command, &port);
    add_identity(&command, card);
    return run_to_success(&command, &output, deadline, err);
}

/* Somebody else may have a port of that name by now, which stays. Does not wait
 * for the switch, which may not run: its database counts. */
static int
plug_out(const struct xk_plug *plug, const struct xk_plug_card *card,
         struct xk_deadline deadline, struct xk_error *err)
{
    CLEANUP_COMMAND struct command command = {0};
    XK_CLEANUP_BUF struct xk_buf output = {0};
    int r;

    (void)plug;
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(CHECK_MS));
    r = has_port(card, add_owner, deadline, err);
    if (r != 1)
        return r;
    begin(&command, deadline);
    add(&command, "--no-wait");
    add_removal(&command, card);
    return run_to_success(&command, &output, deadline, err);
}

const struct xk_plug_ops xk_plug_vswitch_ops = {
    .leaves = true,
    .read = read_words,
    .check = check,
    .in = plug_in,
    .out = plug_out,
};
