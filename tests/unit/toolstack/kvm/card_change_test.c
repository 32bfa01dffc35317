/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards of a real QEMU that come and go, in a network namespace of the
 * test's own. The guest knows nothing of unplugging. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/link.h"
#include "net-helpers/tap.h"
#include "tests/fakes/own_network.h"
#include "tests/unit/toolstack/kvm/support.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/host.h"
#include "toolstack/kvm/leaving.h"
#include "toolstack/kvm/live_cards.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/taps.h"
#include "toolstack/record_config.h"

enum {
    SPARE_PORTS = 4
};

static bool
has_device(const char *name)
{
    struct xk_net_link link;

    return name[0] != '\0' &&
           xk_net_link_read(name, &link, kvm_soon(), NULL) == 0;
}

static char *
tap_of(const struct kvm_world *w, int devid)
{
    return xk_kvm_tap_name(&w->domain.uuid, devid);
}

static bool
has_tap(const struct kvm_world *w, int devid)
{
    XK_CLEANUP_FREE char *tap = tap_of(w, devid);

    return has_device(tap);
}

/* Let the domain have these cards. */
static int
sync_as(struct kvm_world *w, const char *cards, struct xk_change change)
{
    XK_CLEANUP_FREE char *more = xk_asprintf("vif = [%s]", cards);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        kvm_config(w, "guest", more);

    change.what = XK_SYNC_CARDS;
    change.config = config;
    config->uuid = w->domain.uuid;
    assert_int_equal(xk_record_save_config(w->domain.record, config, &w->err),
                     0);
    return xk_kvm_sync_cards(w->hv, &w->domain, &change, kvm_soon(), &w->err);
}

static int
sync_to(struct kvm_world *w, const char *cards, unsigned number, bool force)
{
    return sync_as(w, cards,
                   (struct xk_change){.number = number, .force = force});
}

/* As recovery does; the number of the card is XK_EVERY_DEVICE after an edit of
 * an earlier xk. */
static int
recover_to(struct kvm_world *w, const char *cards, unsigned number)
{
    return sync_as(w, cards,
                   (struct xk_change){.number = number, .recovery = true});
}

static struct xk_qmp *
connect_qmp(struct kvm_world *w)
{
    struct xk_qmp *qmp = xk_qmp_connect(w->domain.record->dir_fd,
                                        XK_KVM_FILE_QMP, kvm_soon(), &w->err);

    if (qmp == NULL)
        fail_msg("%s", w->err.message);
    return qmp;
}

/* What QEMU has of a card: "device network ", or less. */
static void
assert_has(struct kvm_world *w, int devid, const char *wanted)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = connect_qmp(w);
    XK_CLEANUP_LIVE_CARDS struct xk_kvm_live_cards cards = {0};
    const struct xk_kvm_live_card *card;
    char text[32];

    WORKS(w, xk_kvm_live_cards_read(qmp, &cards, kvm_soon(), &w->err));
    card = xk_kvm_live_cards_find(&cards, devid);
    snprintf(text, sizeof(text), "%s%s",
             card != NULL && card->has_device ? "device " : "",
             card != NULL && card->has_network ? "network " : "");
    assert_string_equal(text, wanted);
}

struct listing {
    char text[256];
};

static void
list_card(const struct xk_card_info *info, void *context)
{
    struct listing *listing = context;
    size_t used = strlen(listing->text);

    snprintf(listing->text + used, sizeof(listing->text) - used, "%u %s %s; ",
             info->number, info->mac != NULL ? info->mac : "-", info->state);
}

static void
assert_listed(struct kvm_world *w, const char *wanted)
{
    struct listing listing = {""};

    WORKS(w, xk_kvm_cards(w->hv, &w->domain, list_card, &listing, kvm_soon(),
                          &w->err));
    assert_string_equal(listing.text, wanted);
}

static void
a_card_on_a_bridge_comes_with_its_tap(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_FREE char *tap = NULL;
    struct xk_net_link link;

    kvm_start(w, "");
    tap = tap_of(w, 0);
    WORKS(w, sync_to(w, "'bridge=br0,mac=00:16:3e:00:00:01'", 0, false));
    WORKS(w, xk_net_link_read(tap, &link, kvm_soon(), &w->err));
    assert_string_equal(link.bridge, "br0");
    assert_has(w, 0, "device network ");
    assert_listed(w, "0 00:16:3e:00:00:01 connected; ");
    /* Once more changes nothing. */
    WORKS(w,
          recover_to(w, "'bridge=br0,mac=00:16:3e:00:00:01'", XK_EVERY_DEVICE));
    assert_has(w, 0, "device network ");
}

static void
a_card_is_cut_off_by_force_and_stays_until_it_is_released(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, sync_to(w, "'bridge=br0,mac=00:16:3e:00:00:01'", 0, false));
    HAS_FAILED(recover_to(w, "", 0));
    assert_int_equal(w->err.kind, XK_ERR_IN_USE);
    assert_true(has_tap(w, 0));
    assert_listed(w, "0 00:16:3e:00:00:01 leaving; ");
    /* A change of another card leaves it alone. */
    WORKS(w, sync_to(w, "'bridge=br0,devid=1'", 1, false));
    assert_true(has_tap(w, 0));
    WORKS(w, sync_to(w, "'bridge=br0,devid=1'", 0, true));
    assert_false(has_tap(w, 0));
    assert_true(has_tap(w, 1));
    assert_has(w, 0, "device network ");
    WORKS(w, xk_kvm_reset(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_has(w, 0, "");
    /* Its devid is free for another card. */
    WORKS(w, sync_to(w, "'bridge=br0,devid=1','devid=0,mac=00:16:3e:00:00:02'",
                     0, false));
    assert_has(w, 1, "device network ");
    assert_false(xk_kvm_is_leaving(w->domain.record->dir_fd, 0));
}

static void
what_was_interrupted_is_finished_beside_a_card_that_is_held(void **context)
{
    static const unsigned numbers[] = {1, XK_EVERY_DEVICE};
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, sync_to(w, "'bridge=br0'", 0, false));
    HAS_FAILED(recover_to(w, "", 0));
    assert_int_equal(w->err.kind, XK_ERR_IN_USE);
    for (size_t i = 0; i < XK_ARRAY_SIZE(numbers); i++) {
        WORKS(w, recover_to(w, "'bridge=br0,devid=1'", numbers[i]));
        assert_has(w, 1, "device network ");
        assert_has(w, 0, "device network ");
        assert_true(xk_kvm_is_leaving(w->domain.record->dir_fd, 0));
    }
}

static void
a_card_that_is_released_late_takes_its_network_along(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, sync_to(w, "'bridge=br0'", 0, false));
    WORKS(w, recover_to(w, "", XK_EVERY_DEVICE));
    WORKS(w, xk_kvm_reset(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_has(w, 0, "network ");
    assert_listed(w, "");
    WORKS(w, recover_to(w, "", XK_EVERY_DEVICE));
    assert_has(w, 0, "");
    assert_false(has_tap(w, 0));
}

/* As a guest does that is not asked: a reset machine releases what it was asked
 * for. */
static void
eject(struct kvm_world *w, const char *name)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = connect_qmp(w);

    WORKS(w, xk_qmp_execute_with(qmp, "device_del", "id", name, NULL,
                                 kvm_soon(), &w->err));
    xk_qmp_cleanup(&qmp);
    WORKS(w, xk_kvm_reset(w->hv, &w->domain, kvm_soon(), &w->err));
}

static void
a_card_that_its_guest_has_ejected_stays_ejected_until_it_is_meant(
    void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, sync_to(w, "'bridge=br0'", 0, false));
    eject(w, "vif0");
    WORKS(w, sync_to(w, "'bridge=br0','bridge=br0'", 1, false));
    assert_has(w, 0, "network ");
    assert_has(w, 1, "device network ");
    WORKS(w, recover_to(w, "'bridge=br0','bridge=br0'", 1));
    assert_has(w, 0, "network ");
    WORKS(w, sync_to(w, "'bridge=br0'", 1, true));
    assert_has(w, 0, "network ");
    WORKS(w, sync_to(w, "", 0, false));
    assert_has(w, 0, "");
    assert_false(has_tap(w, 0));
    WORKS(w, sync_to(w, "'bridge=br0'", 0, false));
    assert_has(w, 0, "device network ");
}

/* QEMU has igb from 8.0 on. */
static void
a_model_that_qemu_lacks_is_refused_and_leaves_nothing(void **context)
{
    struct kvm_world *w = *context;
    int version[2];
    bool has_igb;

    WORKS(w, xk_kvm_qemu_version(version, &w->err));
    has_igb = version[0] >= 8;
    kvm_start(w, "");
    assert_int_equal(sync_to(w, "'bridge=br0,type=ioemu,model=igb'", 0, false),
                     has_igb ? 0 : -1);
    assert_has(w, 0, has_igb ? "device network " : "");
    assert_int_equal(has_tap(w, 0), has_igb);
    if (!has_igb)
        assert_int_equal(w->err.kind, XK_ERR_UNSUPPORTED);
}

/* QEMU would put the card where the guest does not see it. */
static void
a_port_that_a_user_gave_away_is_not_free(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "device_model_args = ['-device', '{\"driver\":"
                 "\"virtio-rng-pci\",\"bus\":\"port1\"}']");
    WORKS(w, sync_to(w, "'type=user'", 0, false));
    {
        XK_CLEANUP_QMP struct xk_qmp *qmp = connect_qmp(w);
        XK_CLEANUP_LIVE_CARDS struct xk_kvm_live_cards cards = {0};

        WORKS(w, xk_kvm_live_cards_read(qmp, &cards, kvm_soon(), &w->err));
        assert_true(cards.taken[1]);
        assert_int_not_equal(xk_kvm_live_cards_find(&cards, 0)->port, 1);
    }
}

static void
a_machine_has_room_for_a_few_cards(void **context)
{
    static const char *const cards[] = {
        "'type=user'", "'type=user','type=user'",
        "'type=user','type=user','type=user'",
        "'type=user','type=user','type=user','type=user'",
        "'type=user','type=user','type=user','type=user','bridge=br0'"};
    struct kvm_world *w = *context;

    kvm_start(w, "");
    for (unsigned i = 0; i < SPARE_PORTS; i++)
        WORKS(w, sync_to(w, cards[i], i, false));
    HAS_FAILED(sync_to(w, cards[SPARE_PORTS], SPARE_PORTS, false));
    assert_int_equal(w->err.kind, XK_ERR_UNSUPPORTED);
    assert_false(has_tap(w, SPARE_PORTS));
    assert_has(w, SPARE_PORTS, "");
}

/* A verb that was killed has passed a TAP, or made a network, and no more. */
static void
what_a_killed_verb_left_is_cleared_away(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    int fd;

    kvm_start(w, "");
    WORKS(w, xk_tap_create("stray", "br0", 0, &fd, 1, kvm_soon(), &w->err));
    qmp = connect_qmp(w);
    WORKS(w, xk_qmp_send_fd(qmp, fd, "fd10", kvm_soon(), &w->err));
    close(fd);
    WORKS(w, xk_qmp_execute(qmp, "netdev_add",
                            "{\"type\":\"user\",\"id\":\"net-vif5\"}", NULL,
                            kvm_soon(), &w->err));
    xk_qmp_cleanup(&qmp);
    assert_true(has_device("stray"));
    assert_has(w, 5, "network ");
    WORKS(w, recover_to(w, "", XK_EVERY_DEVICE));
    assert_false(has_device("stray"));
    assert_has(w, 5, "");
    /* What was to be attached is. */
    qmp = connect_qmp(w);
    WORKS(w, xk_qmp_execute(qmp, "netdev_add",
                            "{\"type\":\"user\",\"id\":\"net-vif0\"}", NULL,
                            kvm_soon(), &w->err));
    xk_qmp_cleanup(&qmp);
    WORKS(w, recover_to(w, "'bridge=br0'", XK_EVERY_DEVICE));
    assert_has(w, 0, "device network ");
    assert_true(has_tap(w, 0));
}

/* ---- on the way elsewhere ---- */

static void
put_needs(struct kvm_world *w)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    WORKS(w, xk_kvm_put_needs(w->hv, &w->domain, writer, kvm_soon(), &w->err));
    xk_json_close_object(writer);
}

/* Send the domain to a process that reads all of it. */
static int
send_away(struct kvm_world *w, bool live)
{
    const struct xk_send_options options = {.live = live};
    int ends[2], r;
    pid_t reader;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    reader = fork();
    if (reader == 0) {
        char bytes[4096];

        close(ends[1]);
        while (read(ends[0], bytes, sizeof(bytes)) > 0)
            ;
        _exit(0);
    }
    close(ends[0]);
    r = xk_kvm_send(w->hv, &w->domain, &options, ends[1], NULL, kvm_soon(),
                    &w->err);
    assert_int_equal(waitpid(reader, NULL, 0), reader);
    return r;
}

static void
take_back(struct kvm_world *w)
{
    WORKS(w, xk_kvm_take_back(w->hv, &w->domain, true, kvm_soon(), &w->err));
    kvm_wait_state(w, XK_STATE_RUNNING);
}

/* The file, or the other host, was told of the card, and the stream would lack
 * it. */
static void
a_guest_that_ejects_a_card_on_its_way_elsewhere_stays(void **context)
{
    struct kvm_world *w = *context;

    kvm_start(w, "");
    WORKS(w, sync_to(w, "'type=user','type=user'", XK_EVERY_DEVICE, false));
    put_needs(w);
    eject(w, "vif0");
    for (int live = 0; live < 2; live++) {
        HAS_FAILED(send_away(w, live == 1));
        assert_int_equal(w->err.kind, XK_ERR_STATE);
        assert_non_null(strstr(w->err.message, "ejected network card 0"));
        take_back(w);
    }
    WORKS(w, sync_to(w, "'type=user,devid=1'", 0, false));
    for (int live = 0; live < 2; live++) {
        WORKS(w, send_away(w, live == 1));
        take_back(w);
    }
}

/* A domain that is kept beside the one that replaces it has another UUID. */
static void
rename_domain(struct kvm_world *w)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(w->domain.record, &w->err);

    assert_non_null(config);
    config->uuid.bytes[0] ^= 0xff;
    WORKS(w, xk_record_save_config(w->domain.record, config, &w->err));
}

static bool
has_bound(unsigned port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return bind(fd, (const struct sockaddr *)&address, sizeof(address)) == -1;
}

static void
a_kept_domain_lets_go_of_the_networks_of_cards_that_are_held(void **context)
{
    struct kvm_world *w = *context;
    int fds[2];

    kvm_start(w, "");
    WORKS(w, sync_to(w,
                     "'bridge=br0','bridge=br0,vifname=web',"
                     "'type=user,hostfwd=tcp:127.0.0.1:8022-:22'",
                     XK_EVERY_DEVICE, false));
    WORKS(w, recover_to(w, "", XK_EVERY_DEVICE));
    assert_true(has_tap(w, 0) && has_device("web") && has_bound(8022));
    rename_domain(w);
    for (int i = 0; i < 2; i++) {
        XK_CLEANUP_FREE char *tap = tap_of(w, 0);

        WORKS(w, xk_kvm_ops.domain->preserve(w->hv, &w->domain, kvm_soon(),
                                             &w->err));
        assert_false(has_bound(8022));
        /* The domain that replaces it may have such cards, too. */
        if (i == 1)
            break;
        WORKS(w, xk_tap_create(tap, "br0", 0, &fds[0], 1, kvm_soon(), &w->err));
        WORKS(w,
              xk_tap_create("web", "br0", 0, &fds[1], 1, kvm_soon(), &w->err));
    }
    assert_true(has_tap(w, 0) && has_device("web"));
    close(fds[0]);
    close(fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, kvm_setup, kvm_teardown)
        T(a_card_on_a_bridge_comes_with_its_tap),
        T(a_card_is_cut_off_by_force_and_stays_until_it_is_released),
        T(what_was_interrupted_is_finished_beside_a_card_that_is_held),
        T(a_card_that_is_released_late_takes_its_network_along),
        T(a_card_that_its_guest_has_ejected_stays_ejected_until_it_is_meant),
        T(a_model_that_qemu_lacks_is_refused_and_leaves_nothing),
        T(a_port_that_a_user_gave_away_is_not_free),
        T(a_machine_has_room_for_a_few_cards),
        T(what_a_killed_verb_left_is_cleared_away),
        T(a_guest_that_ejects_a_card_on_its_way_elsewhere_stays),
        T(a_kept_domain_lets_go_of_the_networks_of_cards_that_are_held),
    };

    if (!kvm_is_possible() || !own_network_enter() ||
        own_network_add_bridge("br0") == -1)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
