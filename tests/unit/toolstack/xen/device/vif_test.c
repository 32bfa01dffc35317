/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network cards that xk-backend serves, against a store in memory. What starts
 * devices is a script, which lies beside this program: it has a folder of its
 * own.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "net-helpers/plug_mark.h"
#include "tests/unit/toolstack/xen/world.h"
#include "toolstack/xen/device/vif.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/ops.h"

enum {
    DOMID = 31997, /* whose user no other test runs as */
    WAIT_MS = 20000,
};

#define FRONT "/local/domain/31997/device/vif/"
#define BACK "/local/domain/0/backend/xkvif/31997/"

static const char script[] = "#!/bin/sh\n"
                             "echo \"$1\" >\"$2/started\"\n"
                             "echo \"$XK_READY_MS\" >\"$2/waited\"\n"
                             "echo '{}' >&3\n";
static const char text[] =
    "name = 'a'\ntype = 'pvh'\nkernel = '/k'\nmemory = 64\n"
    "vif = ['mac=00:16:3e:00:00:0a,bridge=br0,mtu=9000,backendtype=xk',"
    " 'mac=00:16:3e:00:00:0b,untrusted,mtu=1500,vifname=web,rate=1MB/s',"
    " 'mac=00:16:3e:00:00:0c,backendtype=linux',"
    " 'mac=00:16:3e:00:00:0d,type=user,mtu=1400,hostloopback=0,"
    "hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=udp::53-10.0.2.20:5353',"
    " 'mac=00:16:3e:00:00:0e,backendtype=xk,script=%s,vifname=own,"
    "ip=10.1.2.3,gatewaydev=eth0',"
    " 'mac=00:16:3e:00:00:0f,backendtype=xk,script=vif-route,ip=10.1.2.4,"
    "spoofcheck=1']\n";
static const char plug[] =
    "#!/bin/sh\n"
    "echo \"$1 $vif $XENBUS_PATH\" >>\"${0%/*}/notes\"\n";
static const char slirp[] = "#!/bin/sh\n"
                            "echo \"$$\" >\"$1/slirp.lock\"\n"
                            "echo \"{'ready':true}\" | tr \\' '\"' >&3\n";

struct fixture {
    struct xen_world world;
    struct xk_domain_config *config;
    char *slirp; /* beside the script */
    char *plug;  /* a script of the user's own */
};

static char *
beside_program(const struct fixture *f, const char *name)
{
    return xk_asprintf(
        "%.*s%s", (int)(strrchr(f->world.program, '/') + 1 - f->world.program),
        f->world.program, name);
}

static int
write_program(struct fixture *f, const char *path, const char *body)
{
    return xk_write_file(AT_FDCWD, path, body, strlen(body), false,
                         &f->world.err) == -1
               ? -1
               : chmod(path, 0700);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);
    XK_CLEANUP_FREE char *config = NULL;
    struct xk_problems problems = {0};

    *context = f;
    if (xen_world_set_up(&f->world, script) == -1)
        return -1;
    f->slirp = beside_program(f, "xk-slirp");
    if (write_program(f, f->slirp, slirp) == -1)
        return -1;
    f->plug = beside_program(f, "plug");
    if (write_program(f, f->plug, plug) == -1)
        return -1;
    config = xk_asprintf(text, f->plug);
    f->config = xk_config_parse("test.cfg", config, strlen(config), NULL, 0,
                                &problems, &f->world.err);
    xk_problems_free(&problems);
    return f->config == NULL ? -1 : 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_config_free(f->config);
    unlink(f->slirp);
    free(f->slirp);
    unlink(f->plug);
    free(f->plug);
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
xk_backend_serves_the_cards_that_ask_for_it(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_vif_kind.count(f->config), 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(xk_vif_kind.is_ours(f->config, i), i == 0 || i >= 3);
    assert_int_equal(xk_xen_devices_count_ours(f->config), 4);
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
    assert_string_equal(found.data,
                        "{\"version\":1,\"domid\":31997,\"devid\":0,"
                        "\"uid\":2101031997,\"gid\":2101031997,"
                        "\"mac\":\"00:16:3e:00:00:0a\","
                        "\"frontend\":\"" FRONT "0\",\"backend\":\"" BACK "0\","
                        "\"port\":\"tap\",\"bridge\":\"br0\","
                        "\"mtu\":\"9000\",\"untrusted\":false}");
    found.length = 0;
    xen_world_assert_done(&f->world,
                          xk_read_file(f->world.record->dir_fd, "vif-0/started",
                                       4096, &found, &f->world.err));
    assert_string_equal(found.data, "net\n");
}

static void
assert_file(struct fixture *f, const char *name, const char *expected)
{
    XK_CLEANUP_BUF struct xk_buf found = {0};

    xen_world_assert_done(&f->world, xk_read_file(f->world.record->dir_fd, name,
                                                  4096, &found, &f->world.err));
    assert_string_equal(found.data, expected);
}

#define NETWORK                                                                \
    "\"mtu\":1400,\"host_loopback\":false,\"hostfwd\":["                       \
    "{\"protocol\":\"tcp\",\"host_address\":\"127.0.0.1\","                    \
    "\"host_port\":8080,\"guest_port\":80},"                                   \
    "{\"protocol\":\"udp\",\"host_port\":53,"                                  \
    "\"guest_address\":\"10.0.2.20\",\"guest_port\":5353}]"

static void
a_user_mode_network_is_started_before_the_card(void **context)
{
    struct fixture *f = *context;

    attach(f, 3);
    assert_file(f, "vif-3/device.json",
                "{\"version\":1,\"domid\":31997,\"devid\":3,"
                "\"uid\":2101031997,\"gid\":2101031997,"
                "\"mac\":\"00:16:3e:00:00:0d\","
                "\"frontend\":\"" FRONT "3\",\"backend\":\"" BACK "3\","
                "\"port\":\"stream\",\"network\":{" NETWORK "},"
                "\"mtu\":\"1400\",\"untrusted\":false}");
    assert_file(f, "vif-3/network.json",
                "{\"version\":1,\"uid\":2101031997,\"gid\":2101031997," NETWORK
                "}");
    assert_file(f, "vif-3/started", "net\n");
    assert_node(f, BACK "3/bridge", NULL);
    assert_node(f, BACK "3/mac", "00:16:3e:00:00:0d");
}

static void
xk_backend_is_told_to_check_source_addresses_where_that_is_asked(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_BUF struct xk_buf found = {0};

    attach(f, 5);
    xen_world_assert_done(&f->world, xk_read_file(f->world.record->dir_fd,
                                                  "vif-5/device.json", 4096,
                                                  &found, &f->world.err));
    assert_non_null(strstr(found.data, "\"spoof_filter\":true"));
}

static void
xk_backend_is_told_how_long_the_verb_waits(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_BUF struct xk_buf found = {0};
    long ms;

    attach(f, 0);
    xen_world_assert_done(&f->world,
                          xk_read_file(f->world.record->dir_fd, "vif-0/waited",
                                       4096, &found, &f->world.err));
    ms = strtol(found.data, NULL, 10);
    assert_in_range(ms, 1, WAIT_MS);
}

static void
the_error_of_a_user_mode_network_is_the_card_s(void **context)
{
    static const char fails[] =
        "#!/bin/sh\n"
        "echo '{\"error\":{\"kind\":\"in-use\",\"message\":\"taken\"}}' >&3\n";
    struct fixture *f = *context;
    const struct xk_xen_device_wish wish = {
        .kind = &xk_vif_kind, .domid = DOMID, .config = f->config, .index = 3};

    assert_int_equal(xk_write_file(AT_FDCWD, f->slirp, fails, strlen(fails),
                                   false, &f->world.err),
                     0);
    assert_int_equal(chmod(f->slirp, 0700), 0);
    assert_int_equal(xk_xen_device_attach(&f->world.xen, f->world.record, &wish,
                                          soon(), &f->world.err),
                     -1);
    assert_int_equal(f->world.err.kind, XK_ERR_IN_USE);
    assert_string_equal(f->world.err.message,
                        "network card 00:16:3e:00:00:0d: taken");
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
        {BACK "0/ip", NULL},
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
        {BACK "1/rate", "50000,50000"},
    };
    struct fixture *f = *context;

    attach(f, 0);
    attach(f, 1);
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        assert_node(f, nodes[i].path, nodes[i].value);
}

static void
a_script_finds_its_nodes(void **context)
{
    struct fixture *f = *context;

    attach(f, 4);
    assert_node(f, BACK "4/script", f->plug);
    assert_node(f, BACK "4/vifname", "own");
    assert_node(f, BACK "4/bridge", "xenbr0");
    assert_node(f, BACK "4/ip", "10.1.2.3");
    assert_node(f, BACK "4/gatewaydev", "eth0");
}

/* In place of Xen. */
int
xk_xen_find(struct xk_xen *xen, const struct xk_uuid *uuid,
            struct xk_xen_domain *domain, struct xk_error *err)
{
    (void)xen;
    (void)uuid;
    (void)err;
    *domain = (struct xk_xen_domain){.domid = DOMID};
    return 0;
}

static void
note_card(const struct xk_card_info *info, void *context)
{
    xk_buf_printf(context, "%u %s %llu; ", info->number,
                  info->bridge != NULL ? info->bridge : "-",
                  (unsigned long long)info->rate_bytes_per_s);
}

static void
cards_are_listed_with_bridge_and_rate(void **context)
{
    struct fixture *f = *context;
    const struct xk_domain domain = {.record = f->world.record};
    XK_CLEANUP_BUF struct xk_buf listed = {0};

    attach(f, 0);
    attach(f, 1);
    attach(f, 5);
    xen_world_assert_done(&f->world,
                          xk_xen_cards(&f->world.xen.base, &domain, note_card,
                                       &listed, soon(), &f->world.err));
    assert_string_equal(listed.data, "0 br0 0; 1 xenbr0 1000000; 5 - 0; ");
}

static void
remove_cards(struct fixture *f)
{
    xen_world_assert_done(&f->world,
                          xk_xen_devices_remove(&f->world.xen, f->world.record,
                                                soon(), &f->world.err));
}

/* xk-backend makes the mark. */
static void
a_script_is_told_when_the_card_goes(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *notes = beside_program(f, "notes");
    XK_CLEANUP_BUF struct xk_buf said = {0};
    const struct xk_plug own = {.script = f->plug, .bridge = "xenbr0"};
    const struct xk_plug_card card = {
        .device = "vif31997.4",
        .mac = "00:16:3e:00:00:0e",
        .store = "backend/xkvif/31997/4",
        .dir_fd = f->world.record->dir_fd,
        .mark = "vif-4/plugged",
    };

    attach(f, 4);
    assert_int_equal(xk_plug_mark_write(&own, &card, &f->world.err), 0);
    remove_cards(f);
    assert_int_equal(xk_read_file(AT_FDCWD, notes, 4096, &said, NULL), 0);
    assert_string_equal(said.data,
                        "offline vif31997.4 backend/xkvif/31997/4\n");
    unlink(notes);
    assert_node(f, BACK "4/script", NULL);
}

static void
a_script_that_never_ran_is_told_nothing(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *notes = beside_program(f, "notes");

    attach(f, 4);
    remove_cards(f);
    assert_int_equal(access(notes, F_OK), -1);
}

static void
a_card_goes_with_its_nodes(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    attach(f, 0);
    remove_cards(f);
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
        T(xk_backend_serves_the_cards_that_ask_for_it),
        T(xk_backend_is_told_where_the_frames_go),
        T(a_user_mode_network_is_started_before_the_card),
        T(xk_backend_is_told_to_check_source_addresses_where_that_is_asked),
        T(xk_backend_is_told_how_long_the_verb_waits),
        T(the_error_of_a_user_mode_network_is_the_card_s),
        T(nodes_are_those_that_libxl_writes),
        T(cards_are_listed_with_bridge_and_rate),
        T(a_script_finds_its_nodes),
        T(a_script_is_told_when_the_card_goes),
        T(a_script_that_never_ran_is_told_nothing),
        T(a_card_goes_with_its_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
