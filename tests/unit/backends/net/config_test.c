/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What xk tells of a network card, and the layout of the public header. */
#include "backends/net/config.h"

#include <fcntl.h>
#include <string.h>

#if __has_include(<xen/io/netif.h>)
#include <xenctrl.h>
#include <xen/io/netif.h>
#define HAVE_XEN_HEADER 1
#endif

#include "backends/net/netif_abi.h"
#include "backends/ring/shared_ring.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "contracts/net.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

#define START                                                                  \
    "{\"version\":1,\"domid\":7,\"devid\":0,\"frontend\":\"/f\","              \
    "\"backend\":\"/b\""

#define RATE(text)                                                             \
    ",\"mac\":\"0:16:3e:0:0:1\",\"port\":\"null\",\"rate\":\"" text "\""

static struct xk_error err;

static int
read_text(const char *text, struct xk_net_config *config)
{
    char *folder = scratch_new();
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DEVICE_FILE, folder);
    int r;

    assert_int_equal(
        xk_write_file(AT_FDCWD, path, text, strlen(text), false, &err), 0);
    r = xk_net_config_read(folder, config, &err);
    scratch_free(folder);
    return r;
}

static void
a_card_without_a_network_is_read(void **state)
{
    struct xk_net_config config;

    (void)state;
    assert_int_equal(read_text(START ",\"mac\":\"00:16:3e:00:00:01\","
                                     "\"port\":\"null\",\"queues\":3}",
                               &config),
                     0);
    assert_int_equal(config.device.domid, 7);
    assert_string_equal(config.mac, "00:16:3e:00:00:01");
    assert_memory_equal(config.address, "\x00\x16\x3e\x00\x00\x01", 6);
    assert_int_equal(config.queues, 3);
    assert_ptr_equal(config.open_port, xk_port_open_null);
    xk_net_config_free(&config);
}

static void
a_card_on_a_bridge_is_read(void **state)
{
    struct xk_net_config config;

    (void)state;
    assert_int_equal(
        read_text(START ",\"mac\":\"00:16:3e:00:00:01\",\"port\":\"tap\","
                        "\"vifname\":\"web\",\"bridge\":\"br0\","
                        "\"mtu\":\"9000\"}",
                  &config),
        0);
    assert_ptr_equal(config.open_port, xk_port_open_tap);
    assert_string_equal(config.vifname, "web");
    assert_string_equal(config.bridge, "br0");
    assert_string_equal(config.mtu, "9000");
    xk_net_config_free(&config);
}

static void
the_filter_of_a_card_has_its_address(void **state)
{
    static const uint8_t mac[6] = {0, 0x16, 0x3e, 0, 0, 1};
    struct xk_net_config config;

    (void)state;
    assert_int_equal(read_text(START ",\"mac\":\"00:16:3e:00:00:01\","
                                     "\"port\":\"null\","
                                     "\"spoof_filter\":true}",
                               &config),
                     0);
    assert_true(config.spoof_filter);
    assert_memory_equal(config.address, mac, sizeof(mac));
    xk_net_config_free(&config);
}

static void
the_rate_of_a_card_is_read(void **state)
{
    struct xk_net_config config;

    (void)state;
    assert_int_equal(read_text(START RATE("50000,20000") "}", &config), 0);
    assert_int_equal(config.rate_bytes, 50000);
    assert_int_equal(config.rate_interval_us, 20000);
    xk_net_config_free(&config);
}

static void
what_is_not_a_card_is_refused_by_its_member(void **state)
{
    static const struct {
        const char *text, *word;
    } rows[] = {
        {START ",\"port\":\"null\"}", "mac"},
        {START ",\"mac\":\"a\"}", "port"},
        {START ",\"mac\":\"0:16:3e:1\",\"port\":\"null\"}", "mac"},
        {START ",\"mac\":\"a\",\"port\":\"wire\"}", "port"},
        {START ",\"mac\":\"a\",\"port\":\"null\",\"queues\":17}", "queues"},
        {START ",\"mac\":\"a\",\"port\":\"null\",\"spoof_filter\":1}",
         "spoof_filter"},
        {START RATE("50000") "}", "rate"},
        {START RATE("50000,") "}", "rate"},
        {START RATE(",50000") "}", "rate"},
        {START RATE("0,50000") "}", "rate"},
        {START RATE("50000,0") "}", "rate"},
        {START RATE("50000,4294967296") "}", "rate"},
        {START RATE("9223372036854775808,1") "}", "rate"},
        {START RATE("1,2,3") "}", "rate"},
        {START ",\"mac\":\"a\",\"port\":\"null\",\"poll_us\":1001}", "poll_us"},
    };
    struct xk_net_config config;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(read_text(rows[i].text, &config), -1);
        assert_int_equal(err.kind, XK_ERR_CONFIG);
        assert_non_null(strstr(err.message, rows[i].word));
    }
}

static void
the_null_port_takes_each_frame_and_cuts_nothing(void **state)
{
    const struct xk_port_options options = {.queues = 3};
    struct xk_port *port = xk_port_open_null(&options, NULL);
    const struct xk_frame frame = {.bytes = NULL, .length = 65535};

    (void)state;
    assert_int_equal(port->queues, 3);
    assert_true(port->features.segments_v4 && port->features.segments_v6);
    assert_true(port->features.checksums_v4 && port->features.checksums_v6);
    assert_true(xk_port_send(port, 0, &frame));
    xk_port_close(port);
}

/* As the public header has the fields of the receive ring. */
static void
entries_of_the_receive_ring_have_their_fields_in_place(void **state)
{
    const struct xk_netif_rx_response response = {
        .id = 0x1234, .flags = XK_NETIF_RX_MORE_DATA, .status = 4096};
    uint8_t entry[XK_NETIF_RX_RESPONSE_BYTES];

    (void)state;
#ifdef HAVE_XEN_HEADER
    {
        const netif_rx_request_t request = {.id = 7, .gref = 0x89abcdef};
        netif_rx_response_t read;
        struct netif_extra_info extra;
        uint32_t words[2];

        memcpy(words, &request, sizeof(words));
        assert_int_equal(xk_netif_decode_rx(words).id, 7);
        assert_int_equal(xk_netif_decode_rx(words).gref, 0x89abcdef);
        xk_netif_encode_rx(&response, entry);
        memcpy(&read, entry, sizeof(read));
        assert_int_equal(read.id, 0x1234);
        assert_int_equal(read.offset, 0);
        assert_int_equal(read.flags, NETRXF_more_data);
        assert_int_equal(read.status, 4096);
        xk_netif_encode_gso(XK_NETIF_GSO_TCP6, 1440, entry);
        memcpy(&extra, entry, sizeof(extra));
        assert_int_equal(extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
        assert_int_equal(extra.flags, 0);
        assert_int_equal(extra.u.gso.size, 1440);
        assert_int_equal(extra.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
        assert_int_equal(NETRXF_data_validated, XK_NETIF_RX_CHECKSUM_GOOD);
        assert_int_equal(NETRXF_csum_blank, XK_NETIF_RX_CHECKSUM_MISSING);
        assert_int_equal(NETRXF_extra_info, XK_NETIF_RX_EXTRA);
    }
#else
    xk_netif_encode_rx(&response, entry);
    assert_int_equal(entry[0], 0x34);
#endif
}

static void
the_layout_is_that_of_the_public_header(void **state)
{
    (void)state;
    assert_int_equal(xk_ring_entries(4096, XK_NETIF_TX_BYTES),
                     XK_NETIF_ENTRIES);
    assert_int_equal(xk_ring_entries(4096, XK_NETIF_RX_BYTES),
                     XK_NETIF_ENTRIES);
#ifdef HAVE_XEN_HEADER
    assert_int_equal(sizeof(union netif_tx_sring_entry), XK_NETIF_TX_BYTES);
    assert_int_equal(sizeof(union netif_rx_sring_entry), XK_NETIF_RX_BYTES);
    assert_int_equal(sizeof(netif_tx_response_t), XK_NETIF_TX_RESPONSE_BYTES);
    assert_int_equal(sizeof(netif_rx_response_t), XK_NETIF_RX_RESPONSE_BYTES);
    assert_int_equal(XEN_NETIF_EXTRA_TYPE_MAX, XK_NETIF_EXTRA_TYPES);
    assert_int_equal(XEN_NETIF_NR_SLOTS_MIN, XK_NETIF_SLOTS_MAX);
    {
        netif_tx_request_t request = {
            .gref = 1, .offset = 2, .flags = 3, .id = 4, .size = 5};
        netif_extra_info_t extra = {
            .type = 1, .flags = 1, .u.gso = {.size = 1448, .type = 2}};
        uint32_t words[3] = {0};
        struct xk_netif_tx tx;
        struct xk_netif_extra found;

        memcpy(words, &request, sizeof(request));
        tx = xk_netif_decode_tx(words);
        assert_int_equal(tx.gref, 1);
        assert_int_equal(tx.offset, 2);
        assert_int_equal(tx.flags, 3);
        assert_int_equal(tx.id, 4);
        assert_int_equal(tx.size, 5);
        memcpy(words, &extra, sizeof(extra));
        found = xk_netif_decode_extra(words);
        assert_int_equal(found.type, 1);
        assert_int_equal(found.flags, 1);
        assert_int_equal(found.gso.size, 1448);
        assert_int_equal(found.gso.type, 2);
        memcpy(extra.u.mcast.addr, "guests", 6);
        memcpy(words, &extra, sizeof(extra));
        assert_memory_equal(xk_netif_decode_extra(words).address, "guests", 6);
    }
#endif
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_without_a_network_is_read),
        cmocka_unit_test(a_card_on_a_bridge_is_read),
        cmocka_unit_test(the_rate_of_a_card_is_read),
        cmocka_unit_test(the_filter_of_a_card_has_its_address),
        cmocka_unit_test(what_is_not_a_card_is_refused_by_its_member),
        cmocka_unit_test(the_null_port_takes_each_frame_and_cuts_nothing),
        cmocka_unit_test(the_layout_is_that_of_the_public_header),
        cmocka_unit_test(
            entries_of_the_receive_ring_have_their_fields_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
