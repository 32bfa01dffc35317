/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network cards that xk-backend serves, against a store in memory. What starts
 * devices is a script, which lies beside this program: it has a folder of its
 * own.
 */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/toolstack/xen/world.h"
#include "toolstack/xen/device/vif.h"

enum {
    DOMID = 31997, /* whose user no other test runs as */
    WAIT_MS = 20000,
};

#define FRONT "/local/domain/31997/device/vif/"
#define BACK "/local/domain/0/backend/xkvif/31997/"

static const char script[] = "#!/bin/sh\n"
                             "echo \"$1\" >\"$2/started\"\n"
                             "echo '{}' >&3\n";
static const char text[] =
    "name = 'a'\ntype = 'pvh'\nkernel = '/k'\nmemory = 64\n"
    "vif = ['mac=00:16:3e:00:00:0a,bridge=br0,mtu=9000,ip=10.0.0.2',"
    " 'mac=00:16:3e:00:00:0b,untrusted']\n";

struct fixture {
    struct xen_world world;
    struct xk_domain_config *config;
};

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);
    struct xk_problems problems = {0};

    *context = f;
    if (xen_world_set_up(&f->world, script) == -1)
        return -1;
    f->config = xk_config_parse("test.cfg", text, strlen(text), NULL, 0,
                                &problems, &f->world.err);
    xk_problems_free(&problems);
    return f->config == NULL ? -1 : 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_config_free(f->config);
    xen_world_tear_down(&f->world);
    free(f);
    return 0;
}

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(WAIT_MS);
}

/* As if the configuration asked for xk-backend. */
static void
attach(struct fixture *f, size_t index)
{
    const struct xk_xen_device_wish wish = {.kind = &xk_vif_kind,
                                            .domid = DOMID,
                                            .config = f->config,
                                            .index = index};

    xen_world_assert_done(&f->world,
                          xk_xen_device_attach(&f->world.xen, f->world.record,
                                               &wish, soon(), &f->world.err));
}

/* NULL: there is no such node. */
static void
assert_node(struct fixture *f, const char *path, const char *value)
{
    XK_CLEANUP_BUF struct xk_buf found = {0};
    int r = xk_store_read(f->world.xen.store, XK_STORE_NO_TX, path,
                          XK_STORE_VALUE_MAX, &found, soon(), &f->world.err);

    print_message("  %s\n", path);
    if (value == NULL) {
        assert_int_equal(r, -1);
        assert_int_equal(f->world.err.kind, XK_ERR_NOT_FOUND);
        return;
    }
    xen_world_assert_done(&f->world, r);
    assert_string_equal(found.data != NULL ? found.data : "", value);
}

static void
libxl_serves_all_cards_that_a_configuration_can_ask_for(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_vif_kind.count(f->config), 2);
    for (size_t i = 0; i < 2; i++)
        assert_false(xk_vif_kind.is_ours(f->config, i));
    assert_int_equal(xk_xen_devices_count_ours(f->config), 0);
}

static void
xk_backend_is_told_where_the_frames_go(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_BUF struct xk_buf found = {0};

    attach(f, 0);
    xen_world_assert_done(&f->world, xk_read_file(f->world.record->dir_fd,
                                                  "vif-0/device.json", 4096,
                                                  &found, &f->world.err));
    assert_string_equal(
        found.data, "{\"version\":1,\"domid\":31997,\"devid\":0,"
                    "\"uid\":2101031997,\"gid\":2101031997,"
                    "\"mac\":\"00:16:3e:00:00:0a\","
                    "\"frontend\":\"" FRONT "0\",\"backend\":\"" BACK "0\","
                    "\"port\":\"null\",\"bridge\":\"br0\",\"ip\":\"10.0.0.2\","
                    "\"mtu\":\"9000\",\"untrusted\":false}");
    found.length = 0;
    xen_world_assert_done(&f->world,
                          xk_read_file(f->world.record->dir_fd, "vif-0/started",
                                       4096, &found, &f->world.err));
    assert_string_equal(found.data, "net\n");
}

static void
nodes_are_those_that_libxl_writes(void **context)
{
    static const struct {
        const char *path, *value;
    } nodes[] = {
        {FRONT "0/backend", BACK "0"},
        {FRONT "0/backend-id", "0"},
        {FRONT "0/handle", "0"},
        {FRONT "0/mac", "00:16:3e:00:00:0a"},
        {FRONT "0/mtu", "9000"},
        {FRONT "0/trusted", "1"},
        {FRONT "0/state", "1"},
        {BACK "0/frontend", FRONT "0"},
        {BACK "0/frontend-id", "31997"},
        {BACK "0/online", "1"},
        {BACK "0/handle", "0"},
        {BACK "0/mac", "00:16:3e:00:00:0a"},
        {BACK "0/bridge", "br0"},
        {BACK "0/ip", "10.0.0.2"},
        {BACK "0/mtu", "9000"},
        {BACK "0/type", "vif"},
        {BACK "0/hotplug-status", ""},
        {BACK "0/script", NULL},
        {BACK "0/rate", NULL},
        {BACK "0/state", "1"},
        {FRONT "1/handle", "1"},
        {FRONT "1/mtu", NULL},
        {FRONT "1/trusted", "0"},
        {BACK "1/mac", "00:16:3e:00:00:0b"},
        {BACK "1/mtu", NULL},
    };
    struct fixture *f = *context;

    attach(f, 0);
    attach(f, 1);
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        assert_node(f, nodes[i].path, nodes[i].value);
}

static void
a_card_goes_with_its_nodes(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    attach(f, 0);
    xen_world_assert_done(&f->world,
                          xk_xen_devices_remove(&f->world.xen, f->world.record,
                                                soon(), &f->world.err));
    xen_world_assert_done(
        &f->world,
        xk_xen_devices_list(f->world.record, &devices, &f->world.err));
    assert_int_equal(devices.count, 0);
    assert_node(f, BACK "0/state", NULL);
    assert_node(f, FRONT "0/state", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(libxl_serves_all_cards_that_a_configuration_can_ask_for),
        T(xk_backend_is_told_where_the_frames_go),
        T(nodes_are_those_that_libxl_writes),
        T(a_card_goes_with_its_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
