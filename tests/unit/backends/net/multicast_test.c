/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/multicast.h"

#include "tests/unit/test.h"

static struct xk_netif_multicast list;

static bool
passes(uint8_t first, uint8_t last)
{
    const uint8_t address[6] = {first, 0, 0x5e, 0, 0, last};

    return xk_netif_multicast_passes(&list, address);
}

static bool
add(uint8_t last)
{
    const uint8_t address[6] = {1, 0, 0x5e, 0, 0, last};

    return xk_netif_multicast_add(&list, address);
}

static void
without_a_filter_all_pass(void **state)
{
    (void)state;
    xk_netif_multicast_begin(&list, false);
    assert_true(passes(1, 1));
    assert_true(add(2));
    assert_true(passes(1, 1));
}

static void
a_filter_is_for_multicast_that_is_not_in_the_list(void **state)
{
    const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    const uint8_t almost[6] = {255, 255, 255, 255, 255, 254};

    (void)state;
    xk_netif_multicast_begin(&list, true);
    assert_false(passes(1, 1));
    assert_true(passes(2, 1));
    assert_true(xk_netif_multicast_passes(&list, broadcast));
    assert_false(xk_netif_multicast_passes(&list, almost));
    assert_true(add(1));
    assert_true(passes(1, 1));
    assert_false(passes(1, 2));
    assert_false(passes(3, 1));
}

/* As two queues may have put it there. */
static void
an_address_goes_however_often_it_is_in_the_list(void **state)
{
    const uint8_t address[6] = {1, 0, 0x5e, 0, 0, 5};

    (void)state;
    xk_netif_multicast_begin(&list, true);
    assert_true(add(4));
    assert_true(add(5));
    list.addresses[9] = list.addresses[1];
    xk_netif_multicast_remove(&list, address);
    assert_false(passes(1, 5));
    assert_true(passes(1, 4));
}

static void
an_address_of_zeros_is_an_address(void **state)
{
    const uint8_t zeros[6] = {0};

    (void)state;
    xk_netif_multicast_begin(&list, true);
    assert_true(xk_netif_multicast_add(&list, zeros));
    for (uint8_t i = 1; i < XK_NETIF_MULTICAST_MAX; i++)
        assert_true(add(i));
    assert_false(add(100));
    xk_netif_multicast_remove(&list, zeros);
    assert_true(add(100));
}

static void
a_list_begins_empty(void **state)
{
    (void)state;
    assert_true(add(1));
    xk_netif_multicast_begin(&list, true);
    assert_false(passes(1, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_filter_all_pass),
        cmocka_unit_test(a_filter_is_for_multicast_that_is_not_in_the_list),
        cmocka_unit_test(an_address_goes_however_often_it_is_in_the_list),
        cmocka_unit_test(an_address_of_zeros_is_an_address),
        cmocka_unit_test(a_list_begins_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
