/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <string.h>

#include "base/buf.h"
#include "net-helpers/vswitch.h"

static void
a_bridge_names_a_switch_and_its_vlans(void **state)
{
    static const struct {
        const char *text, *bridge, *tag, *trunks;
    } rows[] = {
        {"ovsbr0", "ovsbr0", "", ""},
        {"ovsbr0.10", "ovsbr0", "10", ""},
        {"ovsbr0:1:2:3", "ovsbr0", "", "1,2,3"},
        {"ovsbr0.10:20", "ovsbr0", "10", "20"},
        {"a.4094:4094", "a", "4094", "4094"},
        {"fifteen-bytes-x:1", "fifteen-bytes-x", "", "1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct xk_vswitch_port port;

        assert_null(xk_vswitch_parse(rows[i].text, &port));
        assert_string_equal(port.bridge, rows[i].bridge);
        assert_string_equal(port.tag, rows[i].tag);
        assert_string_equal(port.trunks, rows[i].trunks);
    }
}

static void
what_is_no_switch_is_refused(void **state)
{
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"", "an Open vSwitch is"},
        {".10", "an Open vSwitch is"},
        {":10", "an Open vSwitch is"},
        {"ovsbr0.", "an Open vSwitch is"},
        {"ovsbr0.:1", "an Open vSwitch is"},
        {"ovsbr0:", "an Open vSwitch is"},
        {"ovsbr0:1:", "an Open vSwitch is"},
        {"ovsbr0:1::2", "an Open vSwitch is"},
        {"ovsbr0.12345", "an Open vSwitch is"},
        {"sixteen-bytes-xx", "an Open vSwitch is"},
        {"a b", "without"},
        {"ovsbr0.0", "from 1 to 4094"},
        {"ovsbr0.4095", "from 1 to 4094"},
        {"ovsbr0.1x", "from 1 to 4094"},
        {"ovsbr0.1.2", "from 1 to 4094"},
        {"ovsbr0:1:x", "from 1 to 4094"},
        {"ovsbr0:1,2", "an Open vSwitch is"},
        {"ovsbr0:-1", "from 1 to 4094"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct xk_vswitch_port port;
        const char *wrong = xk_vswitch_parse(rows[i].text, &port);

        print_message("  %s\n", rows[i].text);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, rows[i].word));
    }
}

static void
more_trunks_than_there_is_room_for_are_refused(void **state)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_vswitch_port port;

    (void)state;
    xk_buf_puts(&text, "ovsbr0");
    for (unsigned i = 0; i < 129; i++)
        xk_buf_puts(&text, ":1");
    assert_non_null(xk_vswitch_parse(text.data, &port));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bridge_names_a_switch_and_its_vlans),
        cmocka_unit_test(what_is_no_switch_is_refused),
        cmocka_unit_test(more_trunks_than_there_is_room_for_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
