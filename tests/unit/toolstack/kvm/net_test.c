/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards, in a network namespace of the test's own. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "net-helpers/bridge.h"
#include "net-helpers/tap.h"
#include "tests/fakes/own_network.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/kvm/plan_files.h"
#include "tests/unit/toolstack/kvm/plan_qemu.h"
#include "toolstack/kvm/live_cards.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/taps.h"
#include "toolstack/record_config.h"

unsigned if_nametoindex(const char *name);

enum {
    PORTS = 256,
    GONE_TRIES = 500,
    DEADLINE_MS = 10000,
};

static char *dir;

static struct xk_domain_config *
with_vif(const char *vif)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name='t'\nuuid='00112233-4455-6677-8899-aabbccddeeff'\n"
                    "memory=64\ntype='pvh'\nkernel='%s/kernel'\nvif=['%s']\n",
                    dir, vif);

    return plan_parse(text);
}

static int
plan_vif(struct xk_kvm_plan *plan, const char *vif, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = with_vif(vif);

    memset(err, 0, sizeof(*err));
    plan->accel = XK_KVM_ACCEL_TCG;
    return xk_kvm_plan_domain(plan, config, err);
}

static void
refused(const char *vif, enum xk_error_kind kind, const char *because)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, vif, &err), -1);
    xk_kvm_plan_free(&plan);
    assert_int_equal(err.kind, kind);
    if (strncmp(err.message, "t.cfg:6:", 8) != 0 ||
        strstr(err.message, because) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, because);
}

/* Count the arguments that contain a text. */
static size_t
count_text(const struct xk_kvm_plan *plan, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->argc; i++)
        count += strstr(plan->argv[i], text) != NULL;
    return count;
}

static void
a_forwarded_port_in_use_is_refused(void **context)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    XK_CLEANUP_FREE char *vif = NULL;
    XK_CLEANUP_FREE char *other = NULL;
    XK_CLEANUP_FREE char *udp = NULL;
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    vif = xk_asprintf("type=user,hostfwd=tcp:127.0.0.1:%u-:22",
                      ntohs(address.sin_port));
    other =
        xk_asprintf("type=user,hostfwd=tcp::%u-:22", ntohs(address.sin_port));
    udp = xk_asprintf("type=user,hostfwd=udp:127.0.0.1:%u-:22",
                      ntohs(address.sin_port));
    refused(vif, XK_ERR_IN_USE, "Address already in use");
    refused(other, XK_ERR_IN_USE, "Address already in use");
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, udp, &err), 0);
    xk_kvm_plan_free(&plan);
}

static void
an_address_of_another_host_is_refused(void **context)
{
    (void)context;
    refused("type=user,hostfwd=tcp:192.0.2.1:2222-:22", XK_ERR_CONFIG,
            "192.0.2.1");
}

static void
an_unknown_model_is_refused(void **context)
{
    (void)context;
    refused("type=ioemu,model=floppy", XK_ERR_UNSUPPORTED,
            "no network card \"floppy\"");
}

static void
shutting_off_the_hosts_loopback_is_refused_where_qemu_cannot(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    refused("type=user,hostloopback=0", XK_ERR_HOST, "127.0.0.1");
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, "type=user,hostloopback=1", &err), 0);
    xk_kvm_plan_free(&plan);
}

static void
a_devid_that_has_no_room_in_the_name_of_its_tap_is_refused(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    refused("bridge=br0,devid=1000", XK_ERR_CONFIG, "devid=1000: ");
    /* A TAP that is set aside has the usual name. */
    refused("bridge=br0,devid=1000,vifname=web", XK_ERR_CONFIG, "devid=1000: ");
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, "bridge=br0,devid=999", &err), 0);
    xk_kvm_plan_free(&plan);
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, "type=user,devid=1000", &err), 0);
    xk_kvm_plan_free(&plan);
}

static void
a_source_address_that_qemu_would_not_check_is_refused(void **context)
{
    (void)context;
    refused("spoofcheck=1", XK_ERR_UNSUPPORTED, "spoofcheck=1");
}

/* How the plan is made does not matter. */
static void
a_plug_that_is_missing_is_refused_before_anything_is_made(void **context)
{
    (void)context;
    for (int i = 0; i < 2; i++) {
        struct xk_kvm_plan plan;
        struct xk_error err;

        xk_kvm_plan_init(&plan, i == 0);
        plan.probe = i == 1;
        assert_int_equal(plan_vif(&plan, "bridge=nosuch", &err), -1);
        assert_int_equal(err.kind, XK_ERR_CONFIG);
        assert_non_null(strstr(err.message, "there is no bridge \"nosuch\""));
        xk_kvm_plan_free(&plan);
    }
}

static void
a_bridge_that_is_missing_is_refused_and_told_with_all_else(void **context)
{
    struct xk_problems problems = {0};
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    refused("bridge=nosuch", XK_ERR_CONFIG, "no bridge \"nosuch\"");
    refused("bridge=nosuch,model=e1000", XK_ERR_CONFIG, "no bridge \"nosuch\"");
    xk_kvm_plan_init(&plan, false);
    plan.probe = true;
    plan.problems = &problems;
    assert_int_equal(plan_vif(&plan, "bridge=nosuch','model=floppy", &err), 0);
    assert_int_equal(problems.errors, 2);
    assert_int_equal(xk_problems_fail(&problems, &err), -1);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    xk_kvm_plan_free(&plan);
    xk_problems_free(&problems);
}

/* ---- bridges ---- */

/* Whether the network device is a port of the bridge. */
static bool
is_port(const char *bridge, const char *device)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int ports[PORTS] = {0};
    unsigned long args[4] = {BRCTL_GET_PORT_LIST, (unsigned long)ports, PORTS,
                             0};
    struct ifreq ifr = {0};

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", bridge);
    ifr.ifr_data = (char *)args;
    assert_int_not_equal(ioctl(fd, SIOCDEVPRIVATE, &ifr), -1);
    for (size_t i = 0; i < PORTS; i++) {
        if (ports[i] != 0 && ports[i] == (int)if_nametoindex(device))
            return true;
    }
    return false;
}

static struct ifreq
ask_device(const char *device, unsigned long request)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = {0};

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
    assert_int_not_equal(ioctl(fd, request, &ifr), -1);
    return ifr;
}

static void
a_card_on_a_bridge_has_a_tap_there_that_is_up(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;
    const char *tap;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    if (plan_vif(&plan, "bridge=br0,mtu=1400,devid=3", &err) == -1)
        fail_msg("%s", err.message);
    assert_int_equal(plan.tap_count, 1);
    tap = plan.tap_names[0];
    assert_string_equal(tap, "vif00112233.3");
    assert_true(is_port("br0", tap));
    assert_true((ask_device(tap, SIOCGIFFLAGS).ifr_flags & IFF_UP) != 0);
    assert_int_equal(ask_device(tap, SIOCGIFMTU).ifr_mtu, 1400);
    assert_int_equal(count_text(&plan, "{\"type\":\"tap\""), 1);
    assert_int_equal(count_text(&plan, "\"host_mtu\":1400"), 1);
    xk_kvm_plan_free(&plan);
    assert_int_equal(if_nametoindex("vif00112233.3"), 0);
}

static void
looking_makes_no_tap(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    plan.probe = true;
    assert_int_equal(plan_vif(&plan, "bridge=br0,vifname=looked", &err), 0);
    assert_int_equal(plan.tap_count, 0);
    assert_int_equal(if_nametoindex("looked"), 0);
    xk_kvm_plan_free(&plan);
}

/* A configuration does not always come from a file, whose names are checked. */
static void
a_name_that_is_taken_or_no_name_is_refused(void **context)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        with_vif("bridge=br0,vifname=a");
    struct xk_kvm_plan plan;
    struct xk_error err = {0};

    (void)context;
    refused("bridge=br0,vifname=br0", XK_ERR_EXISTS, "already exists");
    free(config->vifs[0].vifname);
    config->vifs[0].vifname = xk_strdup("a%d");
    xk_kvm_plan_init(&plan, false);
    plan.accel = XK_KVM_ACCEL_TCG;
    assert_int_equal(xk_kvm_plan_domain(&plan, config, &err), -1);
    xk_kvm_plan_free(&plan);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_non_null(strstr(err.message, "is not a name"));
}

static void
what_is_no_bridge_is_not_taken_for_one(void **context)
{
    (void)context;
    assert_true(xk_bridge_exists("br0"));
    assert_false(xk_bridge_exists("lo"));
    assert_false(xk_bridge_exists("nosuch"));
    assert_false(xk_bridge_exists("../br0"));
    assert_false(xk_bridge_exists("br0:1"));
    assert_false(xk_bridge_exists("a-name-longer-than-any"));
    assert_false(xk_bridge_exists(""));
}

static void
the_default_bridge_is_used_where_it_is(void **context)
{
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, "", &err), 0);
    assert_int_equal(count_text(&plan, "{\"type\":\"user\""), 1);
    xk_kvm_plan_free(&plan);
    assert_int_equal(own_network_add_bridge("xenbr0"), 0);
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan, "", &err), 0);
    assert_int_equal(plan.tap_count, 1);
    assert_true(is_port("xenbr0", plan.tap_names[0]));
    xk_kvm_plan_free(&plan);
}

static void
a_bridge_without_the_right_to_it_is_refused_before_anything_is_made(
    void **context)
{
    pid_t pid;
    int status;

    (void)context;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct xk_kvm_plan plan;
        struct xk_error err;

        if (chmod(dir, 0755) == -1 || seteuid(65534) == -1)
            _exit(3);
        xk_kvm_plan_init(&plan, false);
        plan.probe = true;
        if (plan_vif(&plan, "bridge=br0", &err) != -1)
            _exit(1);
        _exit(err.kind != XK_ERR_HOST ||
              strstr(err.message, "needs root") == NULL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
a_tap_lives_as_long_as_its_qemu(void **context)
{
    struct xk_kvm_plan plan;
    struct plan_qemu qemu;
    struct xk_error err;
    bool gone = false;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(
        plan_vif(&plan, "bridge=br0,vifname=alive,model=e1000", &err), 0);
    plan_qemu_begin(&qemu, "tap", &plan);
    xk_kvm_plan_free(&plan);
    assert_true(plan_qemu_answers(&qemu));
    assert_true(is_port("br0", "alive"));
    assert_true(plan_qemu_end(&qemu, true));
    for (int i = 0; i < GONE_TRIES && !gone; i++) {
        gone = if_nametoindex("alive") == 0;
        if (!gone)
            usleep(10000);
    }
    assert_true(gone);
}

static void
set_aside(const struct plan_qemu *qemu, const struct xk_domain_config *config)
{
    static const int leaving[] = {3};
    struct xk_error err = {0};
    struct xk_process process;

    assert_true(xk_process_identify(qemu->pid, &process));
    if (xk_kvm_tap_set_aside(&process, config, leaving, 1,
                             xk_deadline_in_ms(DEADLINE_MS), &err) == -1)
        fail_msg("%s", err.message);
}

static void
a_tap_set_aside_leaves_name_and_bridge_to_another_and_only_it_is(void **context)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        with_vif("bridge=br0,vifname=kept', 'bridge=br0");
    static const char *const asides[] = {"vifff112233.0", "vifff112233.1",
                                         "vifff112233.3"};
    XK_CLEANUP_CLOSE int next = -1;
    struct xk_kvm_plan plan;
    struct plan_qemu qemu;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(plan_vif(&plan,
                              "bridge=br0,vifname=kept', 'bridge=br0', "
                              "'bridge=br0,vifname=bystander', 'bridge=br0",
                              &err),
                     0);
    plan_qemu_begin(&qemu, "kept", &plan);
    xk_kvm_plan_free(&plan);
    assert_true(plan_qemu_answers(&qemu));
    config->uuid.bytes[0] = 0xff;
    set_aside(&qemu, config);
    assert_int_equal(if_nametoindex("kept"), 0);
    assert_int_equal(if_nametoindex("vif00112233.1"), 0);
    assert_int_equal(if_nametoindex("vif00112233.3"), 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(asides); i++) {
        const char *aside = asides[i];

        assert_int_not_equal(if_nametoindex(aside), 0);
        assert_false(is_port("br0", aside));
        assert_int_equal(ask_device(aside, SIOCGIFFLAGS).ifr_flags & IFF_UP, 0);
    }
    assert_int_equal(xk_tap_create("kept", "br0", 0, &next, 1,
                                   xk_deadline_in_ms(DEADLINE_MS), &err),
                     0);
    set_aside(&qemu, config);
    assert_true(is_port("br0", "kept"));
    assert_true(is_port("br0", "bystander"));
    assert_true(plan_qemu_end(&qemu, true));
}

/* ---- plugs ---- */

static struct xk_record *
make_record(const struct xk_state *state, const struct xk_domain_config *config)
{
    struct xk_error err;
    struct xk_record *record =
        xk_record_create(state, &config->uuid, "kvm", "create", &err);

    if (record == NULL || xk_record_save_config(record, config, &err) == -1)
        fail_msg("%s", err.message);
    return record;
}

static void
assert_notes(const char *expected)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/notes", dir);
    XK_CLEANUP_BUF struct xk_buf notes = {0};

    assert_int_equal(xk_read_file(AT_FDCWD, path, 4096, &notes, NULL), 0);
    assert_string_equal(notes.data, expected);
    unlink(path);
}

static char *
write_script(void)
{
    static const char text[] =
        "#!/bin/sh\necho $1 $vif $bridge >>${0%/*}/notes\n";
    char *path = xk_asprintf("%s/script", dir);

    plan_write(dir, "script", text, sizeof(text) - 1);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static void
a_card_is_plugged_in_by_its_script_and_out_of_what_is_left(void **context)
{
    XK_CLEANUP_FREE char *script = write_script();
    XK_CLEANUP_FREE char *vif =
        xk_asprintf("script=%s,bridge=br0,vifname=web', 'bridge=br0", script);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = with_vif(vif);
    struct xk_deadline soon = xk_deadline_in_ms(DEADLINE_MS);
    struct xk_record *record;
    struct xk_kvm_plan plan;
    struct xk_state state;
    struct xk_error err;

    (void)context;
    assert_int_equal(xk_state_open(&state, &err), 0);
    record = make_record(&state, config);
    xk_kvm_unplug(record, soon);
    xk_kvm_plan_init(&plan, false);
    plan.record_dir_fd = record->dir_fd;
    if (plan_vif(&plan, vif, &err) == -1)
        fail_msg("%s", err.message);
    xk_kvm_plan_free(&plan);
    assert_notes("online web br0\n");
    xk_kvm_unplug(record, soon);
    assert_notes("offline web br0\n");
    xk_kvm_unplug(record, soon);
    assert_int_equal(xk_record_remove(record, &err), 0);
    xk_record_close(record);
    xk_state_close(&state);
}

static void
a_script_that_hangs_is_killed_at_the_deadline_of_the_verb(void **context)
{
    static const char hangs[] = "#!/bin/sh\nexec sleep 1000\n";
    XK_CLEANUP_FREE char *script = write_script();
    XK_CLEANUP_FREE char *vif = xk_asprintf("script=%s", script);
    struct xk_deadline patience = xk_deadline_in_ms(DEADLINE_MS);
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    plan_write(dir, "script", hangs, sizeof(hangs) - 1);
    xk_kvm_plan_init(&plan, false);
    plan.deadline = xk_deadline_in_ms(100);
    assert_int_equal(plan_vif(&plan, vif, &err), -1);
    xk_kvm_plan_free(&plan);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_true(xk_deadline_left_ms(patience) > 0);
}

static bool
is_first(int devid, void *context)
{
    (void)context;
    return devid == 0;
}

static void
a_plug_whose_card_never_came_is_taken_out(void **context)
{
    XK_CLEANUP_FREE char *script = write_script();
    XK_CLEANUP_FREE char *vif = xk_asprintf(
        "script=%s,vifname=web', 'script=%s,vifname=db", script, script);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = with_vif(vif);
    struct xk_deadline soon = xk_deadline_in_ms(DEADLINE_MS);
    struct xk_record *record;
    struct xk_kvm_plan plan;
    struct xk_state state;
    struct xk_error err;

    (void)context;
    assert_int_equal(xk_state_open(&state, &err), 0);
    record = make_record(&state, config);
    xk_kvm_plan_init(&plan, false);
    plan.record_dir_fd = record->dir_fd;
    if (plan_vif(&plan, vif, &err) == -1)
        fail_msg("%s", err.message);
    xk_kvm_plan_free(&plan);
    assert_notes("online web xenbr0\nonline db xenbr0\n");
    xk_kvm_unplug_others(record->dir_fd, is_first, NULL, soon);
    assert_notes("offline db xenbr0\n");
    xk_kvm_unplug(record, soon);
    assert_notes("offline web xenbr0\n");
    assert_int_equal(xk_record_remove(record, &err), 0);
    xk_record_close(record);
    xk_state_close(&state);
}

/* "0 br0; " of each card that is listed. */
static void
note_card(const struct xk_card_info *info, void *context)
{
    assert_string_equal(info->type, "bridge");
    /* Nobody holds it to its rate. */
    assert_int_equal(info->rate_bytes_per_s, 0);
    xk_buf_printf(context, "%u %s; ", info->number,
                  info->bridge != NULL ? info->bridge : "-");
}

static void
a_card_is_listed_with_the_bridge_that_it_is_on(void **context)
{
    static const char vifs[] = "bridge=br0,rate=1MB/s', "
                               "'script=vif-route,ip=10.9.1.2', "
                               "'script=vif-route,ip=10.9.1.3,bridge=br0";
    XK_CLEANUP_CONFIG struct xk_domain_config *config = with_vif(vifs);
    struct xk_deadline soon = xk_deadline_in_ms(DEADLINE_MS);
    XK_CLEANUP_BUF struct xk_buf listed = {0};
    struct xk_domain domain = {.uuid = config->uuid};
    struct xk_kvm_plan plan;
    struct xk_state state;
    struct xk_error err;

    (void)context;
    assert_int_equal(xk_state_open(&state, &err), 0);
    domain.record = make_record(&state, config);
    xk_kvm_plan_init(&plan, false);
    if (plan_vif(&plan, vifs, &err) == -1)
        fail_msg("%s", err.message);
    assert_int_equal(
        xk_kvm_cards(NULL, &domain, note_card, &listed, soon, &err), 0);
    assert_string_equal(listed.data, "0 br0; 1 -; 2 -; ");
    xk_kvm_plan_free(&plan);
    assert_int_equal(xk_record_remove(domain.record, &err), 0);
    xk_record_close(domain.record);
    xk_state_close(&state);
}

/* On the target it would have no port, and the guest could not be restored. */
static void
a_guest_that_has_ejected_a_card_cannot_go_elsewhere(void **context)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        with_vif("type=user', 'type=user,model=rtl8139', 'type=user");
    struct xk_kvm_live_card live[] = {
        {.devid = 0, .has_device = true, .port = 0},
        {.devid = 1, .has_device = true, .port = -1},
        {.devid = 2, .has_device = true, .port = 1},
    };
    struct xk_kvm_live_cards cards = {.items = live, .count = 3};
    struct xk_error err;

    (void)context;
    assert_int_equal(xk_kvm_live_cards_need(&cards, config, &err), 0);
    live[2].has_device = false; /* its network is still there */
    assert_int_equal(xk_kvm_live_cards_need(&cards, config, &err), -1);
    assert_int_equal(err.kind, XK_ERR_STATE);
    assert_non_null(strstr(err.message, "ejected network card 2"));
    cards.count = 0;
    assert_int_equal(xk_kvm_live_cards_need(&cards, config, &err), -1);
    assert_non_null(strstr(err.message, "ejected network card 0"));
}

static void
a_check_runs_no_script_but_looks_for_it(void **context)
{
    XK_CLEANUP_FREE char *script = write_script();
    XK_CLEANUP_FREE char *vif = xk_asprintf("script=%s", script);
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/notes", dir);
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    xk_kvm_plan_init(&plan, false);
    plan.probe = true;
    assert_int_equal(plan_vif(&plan, vif, &err), 0);
    xk_kvm_plan_free(&plan);
    assert_int_equal(access(path, F_OK), -1);
    refused("script=/nosuch/script", XK_ERR_CONFIG, "/nosuch/script");
    refused("script=vif-route,ip=10.9", XK_ERR_CONFIG, "\"10.9\" is not");
    refused("script=vif-route,bridge=nosuch", XK_ERR_CONFIG, "needs the");
    refused("script=vif-bridge,bridge=nosuch", XK_ERR_CONFIG, "no bridge");
}

static int
setup(void **context)
{
    (void)context;
    dir = scratch_new();
    plan_write_kernel(dir, "kernel", true);
    return own_network_add_bridge("br0");
}

static int
teardown(void **context)
{
    (void)context;
    scratch_free(dir);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forwarded_port_in_use_is_refused),
        cmocka_unit_test(an_address_of_another_host_is_refused),
        cmocka_unit_test(
            a_card_is_plugged_in_by_its_script_and_out_of_what_is_left),
        cmocka_unit_test(
            a_script_that_hangs_is_killed_at_the_deadline_of_the_verb),
        cmocka_unit_test(a_plug_whose_card_never_came_is_taken_out),
        cmocka_unit_test(a_card_is_listed_with_the_bridge_that_it_is_on),
        cmocka_unit_test(a_guest_that_has_ejected_a_card_cannot_go_elsewhere),
        cmocka_unit_test(a_check_runs_no_script_but_looks_for_it),
        cmocka_unit_test(an_unknown_model_is_refused),
        cmocka_unit_test(
            shutting_off_the_hosts_loopback_is_refused_where_qemu_cannot),
        cmocka_unit_test(
            a_plug_that_is_missing_is_refused_before_anything_is_made),
        cmocka_unit_test(
            a_devid_that_has_no_room_in_the_name_of_its_tap_is_refused),
        cmocka_unit_test(a_source_address_that_qemu_would_not_check_is_refused),
        cmocka_unit_test(
            a_bridge_that_is_missing_is_refused_and_told_with_all_else),
        cmocka_unit_test(a_card_on_a_bridge_has_a_tap_there_that_is_up),
        cmocka_unit_test(looking_makes_no_tap),
        cmocka_unit_test(a_name_that_is_taken_or_no_name_is_refused),
        cmocka_unit_test(what_is_no_bridge_is_not_taken_for_one),
        cmocka_unit_test(a_tap_lives_as_long_as_its_qemu),
        cmocka_unit_test(
            a_tap_set_aside_leaves_name_and_bridge_to_another_and_only_it_is),
        cmocka_unit_test(the_default_bridge_is_used_where_it_is),
        cmocka_unit_test(
            a_bridge_without_the_right_to_it_is_refused_before_anything_is_made),
    };
    bool root;

    if (!plan_has_program("qemu-system-x86_64")) {
        fputs("qemu-system-x86_64 is not installed\n", stderr);
        return 77;
    }
    root = geteuid() == 0;
    if (!own_network_enter()) {
        fputs("no network namespace or /dev/net/tun for a test\n", stderr);
        return 77;
    }
    /* The last test needs another uid to become. */
    return _cmocka_run_group_tests("network cards", tests,
                                   sizeof(tests) / sizeof(tests[0]) - !root,
                                   setup, teardown);
}
