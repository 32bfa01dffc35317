/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network card specifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/config/vif_syntax.h"

#define WITH_VIF(spec) "name='d'; type='hvm'; memory=64\nvif=[ '" spec "' ]\n"

static struct xk_vif
parse_good(const char *text)
{
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, "t", &problems);
    struct xk_vif vif;

    if (xk_vif_parse(&spec, &vif) == -1 || problems.count > 0) {
        print_problems(&problems);
        fail_msg("refused: %s", text);
    }
    return vif;
}

static void
nothing_at_all_is_a_card_of_defaults(void **state)
{
    static const uint8_t prefix[] = {0x00, 0x16, 0x3e};
    struct xk_vif vif = parse_good("");

    (void)state;
    assert_memory_equal(vif.mac, prefix, sizeof(prefix));
    assert_false(vif.mac_given);
    assert_int_equal(vif.type, XK_VIF_DEFAULT);
    assert_null(vif.bridge);
    assert_int_equal(vif.devid, -1);
    assert_int_equal(vif.rate_bytes_per_interval, 0);
    xk_vif_free(&vif);
}

/* So many calls from now on give the same bytes. */
static unsigned repeats;

ssize_t __real_getrandom(void *bytes, size_t count, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t count, unsigned flags);

ssize_t
__wrap_getrandom(void *bytes, size_t count, unsigned flags)
{
    if (repeats == 0)
        return __real_getrandom(bytes, count, flags);
    repeats--;
    memset(bytes, 9, count);
    return (ssize_t)count;
}

/* Those of two cards, and the one that a third was given. */
static void
a_random_address_is_that_of_no_other_card_of_the_domain(void **state)
{
    struct xk_domain_config *config;

    (void)state;
    repeats = 3;
    config = read_good("name='d'\ntype='hvm'\nmemory=64\n"
                       "uuid='6ff1b8d6-4f3c-4c0c-8a4e-3b1d9f7f6a01'\n"
                       "vif=['', '', 'mac=00:16:3e:09:09:09']\n");
    assert_int_equal(repeats, 0);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(config->vifs[i].mac, config->vifs[k].mac,
                                    6);
    }
    xk_config_free(config);
}

static void
two_cards_get_different_addresses(void **state)
{
    struct xk_vif a = parse_good(""), b = parse_good("");

    (void)state;
    /* Random: one run in sixteen million may fail here. */
    assert_memory_not_equal(a.mac, b.mac, sizeof(a.mac));
    xk_vif_free(&a);
    xk_vif_free(&b);
}

static void
every_option_is_understood(void **state)
{
    static const uint8_t mac[] = {0x00, 0x16, 0x3e, 0x74, 0x3d, 0x76};
    struct xk_vif vif =
        parse_good("mac=00:16:3E:74:3d:76, type=ioemu,,bridge=br0,model=e1000,"
                   "vifname=vif-web,script=/etc/x,ip=10.0.0.1 10.0.0.2,"
                   "backend=net,rate=10MB/s@20ms,devid=7,mtu=9000,"
                   "vlan=10p/20-30u,untrusted,spoofcheck=1,");

    (void)state;
    assert_memory_equal(vif.mac, mac, sizeof(mac));
    assert_true(vif.mac_given);
    assert_int_equal(vif.type, XK_VIF_IOEMU);
    assert_string_equal(vif.bridge, "br0");
    assert_string_equal(vif.model, "e1000");
    assert_string_equal(vif.vifname, "vif-web");
    assert_string_equal(vif.script, "/etc/x");
    assert_string_equal(vif.ip, "10.0.0.1 10.0.0.2");
    assert_string_equal(vif.backend_domain, "net");
    assert_int_equal(vif.rate_bytes_per_interval, 200000);
    assert_int_equal(vif.rate_interval_us, 20000);
    assert_int_equal(vif.devid, 7);
    assert_int_equal(vif.mtu, 9000);
    assert_string_equal(vif.vlan, "10p/20-30u");
    assert_true(vif.untrusted);
    assert_true(vif.spoof_check);
    xk_vif_free(&vif);
}

static void
a_later_option_replaces_an_earlier_one(void **state)
{
    struct xk_vif vif = parse_good("bridge=a,bridge=b,untrusted,trusted,"
                                   "spoofcheck=1,spoofcheck=0");

    (void)state;
    assert_string_equal(vif.bridge, "b");
    assert_false(vif.untrusted);
    assert_false(vif.spoof_check);
    xk_vif_free(&vif);
}

static void
a_user_mode_card_forwards_ports(void **state)
{
    struct xk_vif vif =
        parse_good("type=user,hostfwd=tcp:127.0.0.1:2222-:22,"
                   "hostfwd=udp::53-10.0.2.15:53,hostfwd=tcp:[::1]:80-:8080");

    (void)state;
    assert_int_equal(vif.type, XK_VIF_USER);
    assert_int_equal(vif.hostfwd_count, 3);
    assert_false(vif.hostfwd[0].udp);
    assert_string_equal(vif.hostfwd[0].host_address, "127.0.0.1");
    assert_int_equal(vif.hostfwd[0].host_port, 2222);
    assert_string_equal(vif.hostfwd[0].guest_address, "");
    assert_int_equal(vif.hostfwd[0].guest_port, 22);
    assert_true(vif.hostfwd[1].udp);
    assert_string_equal(vif.hostfwd[1].guest_address, "10.0.2.15");
    assert_string_equal(vif.hostfwd[2].host_address, "::1");
    xk_vif_free(&vif);
}

static const struct {
    const char *text, *problem;
} wrong_vifs[] = {
    {WITH_VIF("foo"), "t:2:8: error: unknown option 'foo'"},
    {WITH_VIF("brigde=x"),
     "t:2:8: error: unknown option 'brigde='; did you mean 'bridge='?"},
    {WITH_VIF("mac=00:16:3e:00:00:02, bridgex"),
     "t:2:31: error: unknown option 'bridgex'; did you mean 'bridge='?"},
    {WITH_VIF("bridge=xenbr0 backendtype=xk"),
     "t:2:15: error: a blank: options are separated by commas"},
    {WITH_VIF("script=vif-route,ip=10.1.2.3  mac=00:16:3e:00:00:02"),
     "t:2:28: error: a blank: options are separated by commas"},
    {WITH_VIF("bridge"),
     "t:2:8: error: unknown option 'bridge'; did you mean 'bridge='?"},
    {WITH_VIF("mac=00:16:3e:00:00"),
     "t:2:12: error: mac: a MAC address is written as 00:16:3e:12:34:56"},
    {WITH_VIF("mac=00:16:3e:00:00:00:00"),
     "t:2:12: error: mac: a MAC address is written as 00:16:3e:12:34:56"},
    {WITH_VIF("mac=00:16:3e:00:00:100"),
     "t:2:12: error: mac: a MAC address is written as 00:16:3e:12:34:56"},
    {WITH_VIF("mac=01:00:5e:00:00:01"),
     "t:2:12: error: mac: this is a multicast address; the first byte must be "
     "even"},
    {WITH_VIF("type=virtio"),
     "t:2:13: error: type: it must be ioemu, vif or user"},
    {WITH_VIF("rate=10MB"), "t:2:13: error: rate: a rate must end in b/s or "
                            "B/s, after an optional K, M or G, as in '10Mb/s'"},
    {WITH_VIF("rate=@"), "t:2:13: error: rate: a number is missing"},
    {WITH_VIF("rate=0B/s"), "t:2:13: error: rate: it may not be 0"},
    {WITH_VIF("rate=1B/s@10h"),
     "t:2:13: error: rate: the interval must end in s, ms or us"},
    {WITH_VIF("devid=-1"),
     "t:2:14: error: devid: it must be a number from 0 to 2147483647"},
    {WITH_VIF("mtu=1"),
     "t:2:12: error: mtu: it must be a number from 68 to 65535"},
    {WITH_VIF("vlan=10"), "t:2:13: error: vlan: exactly one VLAN must be the "
                          "port's own, as in '10p'"},
    {WITH_VIF("vlan=4095p"),
     "t:2:13: error: vlan: a VLAN is a number from 1 to 4094"},
    {WITH_VIF("vifname=a/b"),
     "t:2:16: error: vifname: a network device's name has 1 to 15 bytes, "
     "without '/', ':' and blanks"},
    {WITH_VIF("vifname=abcdefghijklmnop"),
     "t:2:16: error: vifname: a network device's name has 1 to 15 bytes, "
     "without '/', ':' and blanks"},
    {WITH_VIF("vifname=vif%d"),
     "t:2:16: error: vifname: a network device's name has no '%': the kernel "
     "would put a number in its place"},
    {WITH_VIF("bridge=../x"),
     "t:2:15: error: bridge: a network device's name has 1 to 15 bytes, "
     "without '/' and blanks"},
    {WITH_VIF("hostfwd=tcp::1-:2"),
     "t:2:8: error: hostfwd: it needs type=user"},
    {WITH_VIF("type=user,hostfwd=tcp:host:1-:2"),
     "t:2:26: error: hostfwd: an address must be numeric"},
    {WITH_VIF("type=user,hostfwd=tcp::70000-:2"),
     "t:2:26: error: hostfwd: a port is a number from 1 to 65535"},
    {WITH_VIF("type=user,hostfwd=sctp::1-:2"),
     "t:2:26: error: hostfwd: it must begin with tcp: or udp:, as in "
     "'tcp:127.0.0.1:2222-:22'"},
    {WITH_VIF("type=user,bridge=br0"),
     "t:2:8: error: type: a user-mode network has no bridge"},
    {WITH_VIF("spoofcheck=yes"),
     "t:2:19: error: spoofcheck: it must be 0 or 1"},
    {WITH_VIF("spoofcheck="), "t:2:19: error: spoofcheck: it must be 0 or 1"},
    {WITH_VIF("type=user,spoofcheck=1"),
     "t:2:8: error: spoofcheck: a user-mode network has no other card"},
    {WITH_VIF("backendtype=netback"),
     "t:2:20: error: backendtype: it is linux or xk"},
    {WITH_VIF("netdev=eth0"),
     "t:2:15: warning: netdev is deprecated; write gatewaydev"},
    {WITH_VIF("accel=1"), "t:2:14: warning: accel has no effect, as in xl"},
    {WITH_VIF("colo_compare_out=x"),
     "t:2:8: error: COLO: replication is not supported"},
    {WITH_VIF("devid=1', 'mac=00:16:3e:00:00:09"),
     "t:2:18: error: the network card with devid 1 is already defined on line "
     "2"},
    {WITH_VIF("mac=00:16:3e:00:00:09', 'mac=0:16:3E:0:0:9"),
     "t:2:32: error: a network card with this MAC address is already defined "
     "on line 2"},
};

static void
a_wrong_card_is_told_with_the_place_of_the_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong_vifs); i++)
        expect_problem(wrong_vifs[i].text, wrong_vifs[i].problem);
}

static const struct {
    const char *text;
    uint64_t bytes;
    uint32_t us; /* 0: refused */
} rates[] = {
    {"16000000b/s", 100000, 50000},
    {"2000000B/s", 100000, 50000},
    {"16Kb/s", 100, 50000},
    {"2KB/s@50ms", 100, 50000},
    {"8Gb/s", 50000000, 50000},
    {"1GB/s@50m", 50000000, 50000},
    {"80Mb/s@1s", 10000000, 1000000},
    {"10MB/s@1", 10000000, 1000000},
    {"1B/s@7us", 1, 7}, /* never no limit at all */
    {"7b/s", 1, 50000},
    {"39B/s", 1, 50000},
    {"40B/s", 2, 50000},
    {"4294967296b/s", 0, 0},
    {"4294967295GB/s@5us", 0, 0},
    {"4296MB/s@4294s", 0, 0},
    {"1B/s@4294967296us", 0, 0},
    {"1B/s@4295s", 0, 0},
    {"1B/s@0us", 0, 0},
    {"1B/s@", 0, 0},
    {"10ZB/s", 0, 0},
    {"10MB/m", 0, 0},
    {"", 0, 0},
    {"-1B/s", 0, 0},
    {" 1B/s", 0, 0},
    {"0x10B/s", 0, 0},
};

static void
rates_come_to_bytes_in_an_interval(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rates); i++) {
        uint64_t bytes = 0;
        uint32_t us = 0;
        const char *wrong = xk_vif_rate_parse(rates[i].text, &bytes, &us);

        if ((wrong == NULL) != (rates[i].us != 0) || us != rates[i].us ||
            bytes != rates[i].bytes)
            fail_msg("%s: %s", rates[i].text, wrong);
    }
}

static void
vlans_have_one_of_their_own(void **state)
{
    static const char *const good[] = {"10p", "1p/2-5u/7", "7p/100+10x5",
                                       "4094p", "2/3/4p/5u"};
    static const char *const bad[] = {
        "",    "10",    "0p",    "p",    "10p/",      "/10p", "1p/2p",
        "5-3", "10p/x", "4095p", "1-3p", "10p/1+0x3", "10 p", "10p/4094+1x2"};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(good); i++)
        assert_null(xk_vlan_check(good[i]));
    for (size_t i = 0; i < XK_ARRAY_SIZE(bad); i++) {
        if (xk_vlan_check(bad[i]) == NULL)
            fail_msg("'%s' was taken for VLANs", bad[i]);
    }
}

static void
forwarded_ports_are_written_as_they_are_read(void **state)
{
    static const char *const texts[] = {"tcp::2222-:22",
                                        "udp:127.0.0.1:53-10.0.2.15:53",
                                        "tcp:[::1]:80-[fe80::1]:65535"};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        struct xk_hostfwd forward;
        char *text;

        assert_null(xk_hostfwd_parse(texts[i], &forward));
        text = xk_hostfwd_format(&forward);
        assert_string_equal(text, texts[i]);
        free(text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_at_all_is_a_card_of_defaults),
        cmocka_unit_test(two_cards_get_different_addresses),
        cmocka_unit_test(
            a_random_address_is_that_of_no_other_card_of_the_domain),
        cmocka_unit_test(every_option_is_understood),
        cmocka_unit_test(a_later_option_replaces_an_earlier_one),
        cmocka_unit_test(a_user_mode_card_forwards_ports),
        cmocka_unit_test(a_wrong_card_is_told_with_the_place_of_the_part),
        cmocka_unit_test(rates_come_to_bytes_in_an_interval),
        cmocka_unit_test(vlans_have_one_of_their_own),
        cmocka_unit_test(forwarded_ports_are_written_as_they_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
