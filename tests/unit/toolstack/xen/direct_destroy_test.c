/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domains of Xen are destroyed without libxl. */
#include "toolstack/xen/direct_destroy.h"

#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"
#include "toolstack/xen/driver_internal.h"

enum {
    WAIT_MS = 10000,
    REQUESTS = 2,
};

static struct xk_xen xen;
static struct xk_error err;
static const struct xk_xen_domain domain = {.domid = 7, .type = XK_TYPE_PVH};

static int
set_up(void **state)
{
    (void)state;
    xen.store = fake_store_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_store_cleanup(&xen.store);
    return 0;
}

static void
make(const char *path)
{
    assert_int_equal(xk_store_make(xen.store, XK_STORE_NO_TX, path,
                                   xk_deadline_in_ms(WAIT_MS), &err),
                     0);
}

static bool
holds_nothing_outside(void)
{
    return xk_xen_holds_nothing_outside(&xen, &domain,
                                        xk_deadline_in_ms(WAIT_MS));
}

static void
a_domain_with_a_console_or_without_nodes_holds_nothing_outside(void **state)
{
    (void)state;
    assert_true(holds_nothing_outside());
    make("/libxl/7/device");
    assert_true(holds_nothing_outside());
    make("/libxl/7/device/console/0");
    assert_true(holds_nothing_outside());
    make("/local/domain/0/device-model/7");
    assert_false(holds_nothing_outside());
}

static void
a_domain_with_another_device_may_hold_more(void **state)
{
    (void)state;
    make("/libxl/7/device/console/0");
    make("/libxl/7/device/vif/0");
    assert_false(holds_nothing_outside());
}

static void
a_domain_whose_devices_cannot_be_read_may_hold_more(void **state)
{
    static const enum xk_error_kind kinds[] = {XK_ERR_TIMEOUT, XK_ERR_SYSTEM,
                                               XK_ERR_PROTOCOL};

    (void)state;
    make("/libxl/7/device/console/0");
    make("/libxl/7/device/vif/0");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (unsigned nth = 1; nth <= REQUESTS; nth++) {
            fake_store_fail(xen.store, nth, kinds[i]);
            assert_false(holds_nothing_outside());
        }
        fake_store_fail(xen.store, 0, XK_ERR_FAILED);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_domain_with_a_console_or_without_nodes_holds_nothing_outside),
        T(a_domain_with_another_device_may_hold_more),
        T(a_domain_whose_devices_cannot_be_read_may_hold_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
