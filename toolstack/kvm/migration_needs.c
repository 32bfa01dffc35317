/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/migration_needs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/kvm/copy_target.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/host.h"
#include "toolstack/kvm/leaving.h"
#include "toolstack/kvm/live_cards.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/status.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

enum {
    FLAGS_SHOWN = 8 /* of the missing processor flags */
};

static const char machine_suffix[] = "-machine"; /* of QEMU's QOM types */

/* ---- on the source ---- */

/* "pc-q35-7.2": what "q35" stood for when this QEMU was started. */
static char *
machine_type(struct xk_qmp *qmp, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const char *type;
    size_t length;

    if (xk_qmp_execute(qmp, "qom-get",
                       "{\"path\":\"/machine\",\"property\":\"type\"}", &answer,
                       deadline, err) == -1)
        return NULL;
    type = xk_json_need_string(answer, "return", err);
    if (type == NULL)
        return NULL;
    length = strlen(type);
    if (length > strlen(machine_suffix) &&
        strcmp(type + length - strlen(machine_suffix), machine_suffix) == 0)
        length -= strlen(machine_suffix);
    return xk_strndup(type, length);
}

static int
put_version(struct xk_qmp *qmp, struct xk_json_writer *writer,
            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *version;
    int64_t major = 0, minor = 0;

    if (xk_qmp_execute(qmp, "query-version", NULL, &answer, deadline, err) ==
        -1)
        return -1;
    version = xk_json_get(xk_json_get(answer, "return"), "qemu");
    if (!xk_json_integer(xk_json_get(version, "major"), &major) ||
        !xk_json_integer(xk_json_get(version, "minor"), &minor))
        return xk_fail(err, XK_ERR_PROTOCOL, "QEMU does not say its version");
    xk_json_put_integer(writer, "qemu_major", major);
    xk_json_put_integer(writer, "qemu_minor", minor);
    return 0;
}

static int
is_accelerated(struct xk_qmp *qmp, bool *kvm, struct xk_deadline deadline,
               struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (xk_qmp_execute(qmp, "query-kvm", NULL, &answer, deadline, err) == -1)
        return -1;
    *kvm =
        xk_json_is_true(xk_json_get(xk_json_get(answer, "return"), "enabled"));
    return 0;
}

/* A card that the guest has not released would be missing on the target. */
static int
check_released(const struct xk_kvm_live_cards *cards, int dirfd,
               struct xk_error *err)
{
    for (size_t i = 0; i < cards->count; i++) {
        const struct xk_kvm_live_card *card = &cards->items[i];

        if (card->has_device && xk_kvm_is_leaving(dirfd, card->devid))
            return xk_fail(err, XK_ERR_STATE,
                           "the guest has not released network card %d, which "
                           "was detached: it can go elsewhere after that, or "
                           "after a reboot",
                           card->devid);
    }
    return 0;
}

/* The guest knows each card by its port. One that it has ejected has none, and
 * could not be given to it on the target. */
static int
put_cards(struct xk_qmp *qmp, const struct xk_record *record,
          struct xk_json_writer *writer, struct xk_deadline deadline,
          struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(record, err);
    XK_CLEANUP_LIVE_CARDS struct xk_kvm_live_cards cards = {0};

    if (config == NULL ||
        xk_kvm_live_cards_read(qmp, &cards, deadline, err) == -1 ||
        check_released(&cards, record->dir_fd, err) == -1 ||
        xk_kvm_live_cards_need(&cards, config, err) == -1)
        return -1;
    xk_json_put_integer(writer, "ports", cards.port_count);
    xk_json_open_array(writer, "cards");
    for (size_t i = 0; i < cards.count; i++) {
        const struct xk_kvm_live_card *card = &cards.items[i];

        if (!card->has_device || card->port == -1)
            continue;
        xk_json_open_object(writer, NULL);
        xk_json_put_integer(writer, "devid", card->devid);
        xk_json_put_integer(writer, "port", card->port);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
    return 0;
}

int
xk_kvm_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_json_writer *writer, struct xk_deadline deadline,
                 struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    XK_CLEANUP_FREE char *machine = NULL;
    bool kvm = false;

    (void)hv;
    if (dirfd == -1)
        return -1;
    qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL)
        return -1;
    machine = machine_type(qmp, deadline, err);
    if (machine == NULL || put_version(qmp, writer, deadline, err) == -1 ||
        is_accelerated(qmp, &kvm, deadline, err) == -1)
        return -1;
    xk_json_put_string(writer, "machine", machine);
    xk_json_put_string(writer, "accelerator", kvm ? "kvm" : "tcg");
    if (kvm) {
        XK_CLEANUP_FREE char *flags = xk_kvm_processor_flags();

        xk_json_put_string(writer, "processor_flags", flags);
    }
    return put_cards(qmp, domain->record, writer, deadline, err);
}

/* ---- on the target ---- */

static const char *
need(const struct xk_json *needs, const char *key)
{
    const char *text = xk_json_string(xk_json_get(needs, key));

    return text != NULL ? text : "";
}

/* The machine type goes to QEMU's command line, so only QEMU's form is
 * accepted. */
static bool
is_machine_type(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

    return text[0] != '\0' && text[strspn(text, letters)] == '\0' &&
           text[0] != '-';
}

/* A guest of an earlier xk comes without: its cards are on the first ports. */
static int
apply_ports(const struct xk_json *needs, struct xk_kvm_plan *plan,
            struct xk_error *err)
{
    const struct xk_json *ports = xk_json_get(needs, "ports");
    int64_t count;

    if (ports == NULL)
        return 0;
    if (!xk_json_integer(ports, &count) || count < 0 ||
        count > XK_KVM_PORTS_MAX ||
        !xk_json_is_array(xk_json_get(needs, "cards")))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "its PCI Express ports are not understood");
    plan->port_count = (unsigned)count;
    plan->card_ports = xk_json_get(needs, "cards");
    return 0;
}

int
xk_kvm_needs_apply(const struct xk_json *needs, struct xk_kvm_plan *plan,
                   struct xk_error *err)
{
    const char *accelerator = need(needs, "accelerator");
    const char *machine = need(needs, "machine");

    if (!is_machine_type(machine) ||
        (strcmp(accelerator, "kvm") != 0 && strcmp(accelerator, "tcg") != 0))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "machine \"%.40s\" and accelerator \"%.40s\" are not "
                       "supported",
                       machine, accelerator);
    plan->incoming = true;
    plan->copies = xk_kvm_copies(needs);
    plan->machine = machine;
    plan->accel =
        strcmp(accelerator, "kvm") == 0 ? XK_KVM_ACCEL_KVM : XK_KVM_ACCEL_TCG;
    return apply_ports(needs, plan, err);
}

static bool
has_word(const char *words, const char *word, size_t length)
{
    while (*words != '\0') {
        size_t other = strcspn(words, " ");

        if (other == length && memcmp(words, word, length) == 0)
            return true;
        words += other + (words[other] == ' ');
    }
    return false;
}

/* List the words of `wanted` that `have` lacks, at most FLAGS_SHOWN of them. */
static void
list_missing(const char *wanted, const char *have, struct xk_buf *missing)
{
    unsigned count = 0;

    while (*wanted != '\0') {
        size_t length = strcspn(wanted, " ");

        if (length > 0 && !has_word(have, wanted, length) &&
            count++ < FLAGS_SHOWN)
            xk_buf_printf(missing, " %.*s", (int)length, wanted);
        wanted += length + (wanted[length] == ' ');
    }
    if (count > FLAGS_SHOWN)
        xk_buf_printf(missing, " and %u more", count - FLAGS_SHOWN);
}

static void
check_processor(const struct xk_json *needs, struct xk_problems *problems)
{
    XK_CLEANUP_FREE char *reason = NULL;
    XK_CLEANUP_FREE char *flags = NULL;
    XK_CLEANUP_BUF struct xk_buf missing = {0};

    if (strcmp(need(needs, "accelerator"), "kvm") != 0)
        return;
    if (!xk_kvm_accelerator(&reason))
        xk_problem_add(problems, XK_PROBLEM_ERROR, NULL,
                       "the guest runs on KVM, which this host lacks: %s",
                       reason);
    flags = xk_kvm_processor_flags();
    list_missing(need(needs, "processor_flags"), flags, &missing);
    if (missing.length > 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR, NULL,
                       "the processor lacks what the guest may use:%s",
                       missing.data);
}

/* QEMU accepts guests of any older version, by their machine type. */
static int
check_version(const struct xk_json *needs, struct xk_problems *problems,
              struct xk_error *err)
{
    int64_t major = 0, minor = 0;
    int here[2];

    if (!xk_json_integer(xk_json_get(needs, "qemu_major"), &major) ||
        !xk_json_integer(xk_json_get(needs, "qemu_minor"), &minor))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "it does not say from which QEMU it comes");
    if (xk_kvm_qemu_version(here, err) == -1)
        return -1;
    if (major > here[0] || (major == here[0] && minor > here[1]))
        xk_problem_add(
            problems, XK_PROBLEM_ERROR, NULL,
            "the guest comes from QEMU %d.%d; this host has only %d.%d",
            (int)major, (int)minor, here[0], here[1]);
    return 0;
}

int
xk_kvm_check_needs(struct xk_hypervisor *hv,
                   const struct xk_domain_config *config,
                   const struct xk_json *needs, bool live,
                   struct xk_problems *problems, struct xk_error *err)
{
    const struct xk_json *copies = xk_kvm_copies(needs);
    struct xk_kvm_plan plan;
    int r;

    if (check_version(needs, problems, err) == -1 ||
        (copies != NULL && xk_kvm_copies_read(copies, config, err) == -1))
        return -1;
    if (copies != NULL)
        xk_kvm_copies_check(copies, config, hv->state, problems);
    check_processor(needs, problems);
    xk_kvm_plan_init(&plan, false);
    r = xk_kvm_needs_apply(needs, &plan, err);
    plan.incoming = live;
    plan.probe = true;
    plan.problems = problems;
    plan.state = hv->state;
    if (r == 0)
        r = xk_kvm_plan_domain(&plan, config, err);
    xk_kvm_plan_free(&plan);
    if (r == 0)
        xk_kvm_check_memory(problems, config);
    return r;
}
