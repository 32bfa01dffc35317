/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second kind of devices is one row: here one of network interfaces, without
 * processes beside xk-backend, against a store in memory. The table of kinds is
 * this program's. What starts devices is a script, which lies beside this
 * program: it has a folder of its own.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/toolstack/xen/world.h"
#include "toolstack/xen/device/vbd.h"

enum {
    DOMID = 31998, /* whose user no other test runs as */
    XVDB = 51728,
    WAIT_MS = 20000,
};

struct fixture {
    struct xen_world world;
    struct xk_domain_config *config;
};

/* ---- the second kind ---- */

static size_t
count(const struct xk_domain_config *config)
{
    return config->vif_count;
}

static bool
is_ours(const struct xk_domain_config *config, size_t index)
{
    return strcmp(config->vifs[index].bridge, "ours") == 0;
}

static unsigned
number(const struct xk_domain_config *config, size_t index)
{
    return (unsigned)config->vifs[index].devid;
}

static char *
config_name(const struct xk_domain_config *config, size_t index)
{
    return xk_strdup(config->vifs[index].bridge);
}

static int
check(const struct xk_state *state, const struct xk_domain_config *config,
      size_t index, bool shared, struct xk_problems *problems,
      struct xk_error *err)
{
    (void)state;
    (void)shared;
    (void)err;
    xk_problem_add(problems, XK_PROBLEM_WARNING, &config->vifs[index].where,
                   "checked");
    return 0;
}

static void
put(const struct xk_xen_device *device, const struct xk_domain_config *config,
    size_t index, struct xk_json_writer *writer)
{
    (void)device;
    xk_json_put_integer(writer, "mtu", config->vifs[index].mtu);
}

static int
check_json(const struct xk_json *json, struct xk_error *err)
{
    int64_t mtu;

    return xk_json_integer(xk_json_get(json, "mtu"), &mtu)
               ? 0
               : xk_fail(err, XK_ERR_PROTOCOL, "no \"mtu\"");
}

static const char *
bridge(const struct xk_xen_device *device)
{
    return device->name;
}

static const struct xk_xen_device_node no_nodes[] = {{NULL, NULL, NULL}};
static const struct xk_xen_device_node back_nodes[] = {
    {"handle", NULL, NULL},
    {"bridge", bridge, NULL},
    {"script", NULL, "script"},
    {NULL, NULL, NULL},
};

static const struct xk_xen_device_kind net_kind = {
    .name = "net",
    .noun = "network interface",
    .waits_for = "its bridge",
    .prefix = "vif-",
    .front = "vif",
    .back = "xkvif",
    .number_node = "handle",
    .name_member = "bridge",
    .front_nodes = no_nodes,
    .back_nodes = back_nodes,
    .count = count,
    .is_ours = is_ours,
    .number = number,
    .config_name = config_name,
    .check = check,
    .put = put,
    .check_json = check_json,
};

const struct xk_xen_device_kind *const xk_xen_device_kinds[] = {
    &xk_vbd_kind,
    &net_kind,
    NULL,
};

/* ---- the world ---- */

static const char script[] = "#!/bin/sh\n"
                             "echo \"$1\" >\"$2/started\"\n"
                             "echo '{}' >&3\n";

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(WAIT_MS);
}

static struct xk_domain_config *
read_config(struct fixture *f)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = 'a'\ntype = 'pvh'\nkernel = '/k'\nmemory = 64\n"
                    "disk = ['format=raw,vdev=xvdb,access=r,target=%s']\n"
                    "vif = ['bridge=theirs', 'bridge=ours,mtu=1400']\n",
                    f->world.image);
    struct xk_problems problems = {0};
    struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->world.err);

    xk_problems_free(&problems);
    return config;
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    *context = f;
    if (xen_world_set_up(&f->world, script) == -1)
        return -1;
    f->config = read_config(f);
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

static void
assert_done(const struct fixture *f, int r)
{
    xen_world_assert_done(&f->world, r);
}

static void
assert_file(struct fixture *f, const char *name, const char *text)
{
    XK_CLEANUP_BUF struct xk_buf found = {0};

    assert_done(f, xk_read_file(f->world.record->dir_fd, name, 4096, &found,
                                &f->world.err));
    assert_string_equal(found.data, text);
}

static bool
has_node(struct fixture *f, const char *path)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    return xk_store_read(f->world.xen.store, XK_STORE_NO_TX, path,
                         XK_STORE_VALUE_MAX, &value, soon(),
                         &f->world.err) == 0;
}

static void
assert_node(struct fixture *f, const char *path, const char *text)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    assert_done(f, xk_store_read(f->world.xen.store, XK_STORE_NO_TX, path,
                                 XK_STORE_VALUE_MAX, &value, soon(),
                                 &f->world.err));
    assert_string_equal(value.data, text);
}

static void
attach(struct fixture *f)
{
    assert_done(f, xk_xen_devices_attach(&f->world.xen, f->world.record, DOMID,
                                         f->config, soon(), &f->world.err));
}

/* ---- the tests ---- */

static void
devices_of_all_kinds_are_listed_by_kind_and_number(void **context)
{
    static const char *const names[] = {"vif-51728", "vif-9", "vbd-51744",
                                        "vbd-51728", "vbd-x", "vif-"};
    struct fixture *f = *context;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(mkdirat(f->world.record->dir_fd, names[i], 0700), 0);
    assert_done(f,
                xk_xen_devices_list(f->world.record, &devices, &f->world.err));
    assert_int_equal(devices.count, 4);
    assert_int_equal(devices.items[0].number, 51728);
    assert_int_equal(devices.items[1].number, 51744);
    assert_int_equal(devices.items[2].number, 9);
    assert_int_equal(devices.items[3].number, 51728);
    assert_ptr_equal(xk_xen_devices_find(&devices, &xk_vbd_kind, 51728),
                     &devices.items[0]);
    assert_ptr_equal(xk_xen_devices_find(&devices, &net_kind, 51728),
                     &devices.items[3]);
    assert_null(xk_xen_devices_find(&devices, &xk_vbd_kind, 9));
}

static void
what_each_kind_serves_of_a_configuration_is_attached(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_xen_devices_count_ours(f->config), 2);
    attach(f);
    assert_file(f, "vbd-51728/started", "block\n");
    assert_file(f, "vif-1/started", "net\n");
    assert_int_equal(faccessat(f->world.record->dir_fd, "vif-0", F_OK, 0), -1);
    assert_file(f, "vif-1/device.json",
                "{\"version\":1,\"domid\":31998,\"devid\":1,\"uid\":2101031998,"
                "\"gid\":2101031998,\"bridge\":\"ours\","
                "\"frontend\":\"/local/domain/31998/device/vif/1\","
                "\"backend\":\"/local/domain/0/backend/xkvif/31998/1\","
                "\"mtu\":1400}");
}

static void
the_nodes_of_a_device_are_those_of_its_kind(void **context)
{
    struct fixture *f = *context;

    attach(f);
    assert_node(f, "/local/domain/31998/device/vif/1/handle", "1");
    assert_node(f, "/local/domain/31998/device/vif/1/backend-id", "0");
    assert_node(f, "/local/domain/0/backend/xkvif/31998/1/frontend-id",
                "31998");
    assert_node(f, "/local/domain/0/backend/xkvif/31998/1/bridge", "ours");
    assert_node(f, "/local/domain/0/backend/xkvif/31998/1/handle", "1");
    assert_node(f, "/local/domain/0/backend/xkvif/31998/1/state", "1");
    assert_false(has_node(f, "/local/domain/0/backend/xkvif/31998/1/mode"));
    assert_false(has_node(f, "/local/domain/0/backend/xkvif/31998/1/script"));
    assert_node(f, "/local/domain/31998/device/vbd/51728/virtual-device",
                "51728");
    assert_node(f, "/local/domain/0/backend/xkvbd/31998/51728/mode", "r");
    assert_false(has_node(f, "/local/domain/31998/device/vbd/51728/handle"));
}

static void
devices_of_all_kinds_are_flushed_stopped_and_removed(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    attach(f);
    assert_true(xk_xen_devices_need_start(f->world.record));
    assert_done(f,
                xk_xen_devices_flush(f->world.record, soon(), &f->world.err));
    assert_done(f, xk_xen_devices_stop(f->world.record, soon(), &f->world.err));
    assert_done(f, xk_xen_devices_remove(&f->world.xen, f->world.record, soon(),
                                         &f->world.err));
    assert_done(f,
                xk_xen_devices_list(f->world.record, &devices, &f->world.err));
    assert_int_equal(devices.count, 0);
    assert_false(has_node(f, "/local/domain/31998/device/vif/1/state"));
    assert_false(has_node(f, "/local/domain/0/backend/xkvif/31998"));
    assert_false(has_node(f, "/local/domain/31998/device/vbd/51728/state"));
}

/* A disk and a card with the number of the disk. */
static void
attach_same_numbers(struct fixture *f)
{
    f->config->vifs[1].devid = XVDB;
    attach(f);
}

static int
remove_one(struct fixture *f, const struct xk_xen_device_kind *kind)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    const struct xk_xen_device *device;

    assert_done(f,
                xk_xen_devices_list(f->world.record, &devices, &f->world.err));
    device = xk_xen_devices_find(&devices, kind, XVDB);
    assert_non_null(device);
    return xk_xen_device_remove(&f->world.xen, f->world.record, device, soon(),
                                &f->world.err);
}

static void
two_kinds_may_have_the_same_number(void **context)
{
    struct fixture *f = *context;

    attach_same_numbers(f);
    assert_file(f, "vbd-51728/started", "block\n");
    assert_file(f, "vif-51728/started", "net\n");
    assert_done(f, remove_one(f, &xk_vbd_kind));
    assert_file(f, "vif-51728/started", "net\n");
    assert_node(f, "/local/domain/0/backend/xkvif/31998/51728/state", "1");
    assert_false(has_node(f, "/local/domain/0/backend/xkvbd/31998/51728"));
    assert_done(f, remove_one(f, &net_kind));
    assert_false(has_node(f, "/local/domain/0/backend/xkvif/31998"));
}

/* A mount is in the way of the last step. */
static void
what_is_left_of_a_disk_does_not_keep_a_card_of_its_number(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/vbd-51728/mount", f->world.record->path);
    XK_CLEANUP_FREE char *gone =
        xk_asprintf("%s/gone-vbd-51728/mount", f->world.record->path);
    bool disk_stays, card_goes;

    attach_same_numbers(f);
    if (mkdir(path, 0700) == -1 || mount("none", path, "tmpfs", 0, NULL) == -1)
        skip();
    disk_stays = remove_one(f, &xk_vbd_kind) == -1;
    card_goes = remove_one(f, &net_kind) == 0;
    if (umount(gone) == -1)
        umount(path);
    assert_true(disk_stays);
    assert_true(card_goes);
    assert_int_equal(faccessat(f->world.record->dir_fd, "vif-51728", F_OK, 0),
                     -1);
}

static void
a_device_that_has_died_is_served_again_whatever_its_kind(void **context)
{
    struct fixture *f = *context;

    attach(f);
    assert_int_equal(unlinkat(f->world.record->dir_fd, "vif-1/started", 0), 0);
    assert_int_equal(unlinkat(f->world.record->dir_fd, "vbd-51728/started", 0),
                     0);
    assert_done(f, xk_xen_devices_repair(&f->world.xen, f->world.record, soon(),
                                         &f->world.err));
    assert_file(f, "vif-1/started", "net\n");
    assert_file(f, "vbd-51728/started", "block\n");
}

static void
messages_call_a_device_what_its_kind_does(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    const struct xk_xen_device *device;

    attach(f);
    assert_int_equal(xk_xen_devices_attach(&f->world.xen, f->world.record,
                                           DOMID, f->config, soon(),
                                           &f->world.err),
                     -1);
    assert_string_equal(f->world.err.message,
                        "disk xvdb: there is a disk xvdb already");
    assert_done(f,
                xk_xen_devices_list(f->world.record, &devices, &f->world.err));
    device = xk_xen_devices_find(&devices, &net_kind, 1);
    assert_non_null(device);
    assert_null(
        xk_xen_device_ask(device, XK_DEVICE_ASK_STATUS, soon(), &f->world.err));
    assert_non_null(strstr(f->world.err.message,
                           "nothing serves network interface ours at"));
}

static void
only_those_that_are_ours_are_checked(void **context)
{
    struct fixture *f = *context;
    struct xk_problems problems = {0};

    assert_done(f, xk_xen_devices_check(&f->world.state, f->config, true,
                                        &problems, &f->world.err));
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].message, "checked");
    xk_problems_free(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(devices_of_all_kinds_are_listed_by_kind_and_number),
        T(what_each_kind_serves_of_a_configuration_is_attached),
        T(the_nodes_of_a_device_are_those_of_its_kind),
        T(devices_of_all_kinds_are_flushed_stopped_and_removed),
        T(two_kinds_may_have_the_same_number),
        T(what_is_left_of_a_disk_does_not_keep_a_card_of_its_number),
        T(a_device_that_has_died_is_served_again_whatever_its_kind),
        T(messages_call_a_device_what_its_kind_does),
        T(only_those_that_are_ours_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
