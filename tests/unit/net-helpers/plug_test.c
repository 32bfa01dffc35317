/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plugs in a network of the test's own, without Open vSwitch. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "net-helpers/plug.h"
#include "tests/fakes/own_network.h"
#include "tests/fakes/scratch.h"

enum {
    PATIENCE_MS = 20000,
    SHORT_MS = 300,
    TEXT_MAX = 4096,
    SKIPPED = 77,
};

/* Writes down how it was run, but not the variables that sh itself sets. */
#define NOTES "/bin/echo \"$*\" >>\"${0%/*}/notes\"\n"
#define NOTES_ALL                                                              \
    NOTES "/usr/bin/env | /bin/grep -v -e ^PWD= -e ^_= -e ^SHLVL= |"           \
          " LC_ALL=C /usr/bin/sort >\"${0%/*}/variables\"\n"

struct fixture {
    char *dir, *script, *mark;
    struct xk_plug plug;
    struct xk_plug_card card;
    int fd; /* of the TAP */
    struct xk_error err;
};

static int
set_up(void **state)
{
    struct fixture *f = XK_NEW(struct fixture);

    *state = f;
    f->dir = scratch_new();
    f->script = xk_asprintf("%s/script", f->dir);
    f->mark = xk_asprintf("%s/plugged", f->dir);
    f->fd = -1;
    f->plug = (struct xk_plug){.script = f->script, .bridge = "br0"};
    f->card = (struct xk_plug_card){
        .device = "vif9.0", .mac = "00:16:3e:00:00:01", .mark = f->mark};
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->fd != -1)
        close(f->fd);
    free(f->script);
    free(f->mark);
    scratch_free(f->dir);
    free(f);
    return 0;
}

static void
write_script(struct fixture *f, const char *body)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("#!/bin/sh\n%s", body);

    assert_int_equal(
        xk_write_file(AT_FDCWD, f->script, text, strlen(text), false, &f->err),
        0);
    assert_int_equal(chmod(f->script, 0755), 0);
}

static void
assert_file(const struct fixture *f, const char *name, const char *expected)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", f->dir, name);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    assert_int_equal(xk_read_file(AT_FDCWD, path, TEXT_MAX, &text, NULL), 0);
    assert_string_equal(text.data, expected);
}

static bool
has_mark(const struct fixture *f)
{
    return access(f->mark, F_OK) == 0;
}

static int
plug_in(struct fixture *f, int ms)
{
    return xk_plug_in(&f->plug, &f->card, &f->fd, 1, xk_deadline_in_ms(ms),
                      &f->err);
}

static void
assert_plugged_in(struct fixture *f)
{
    if (plug_in(f, PATIENCE_MS) == -1)
        fail_msg("%s", f->err.message);
    assert_int_not_equal(if_nametoindex(f->card.device), 0);
}

/* The TAP goes first, as it does when its process ends. */
static int
plug_out(struct fixture *f)
{
    close(f->fd);
    f->fd = -1;
    return xk_plug_out(&f->plug, &f->card, xk_deadline_in_ms(PATIENCE_MS),
                       &f->err);
}

static void
assert_refused(struct fixture *f, const char *word)
{
    assert_int_equal(plug_in(f, PATIENCE_MS), -1);
    if (strstr(f->err.message, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, f->err.message);
    f->fd = -1;
    assert_int_equal(if_nametoindex(f->card.device), 0);
}

/* ---- which plug it is ---- */

static void
a_script_of_xen_s_is_the_same_by_name_and_by_path(void **state)
{
    static const struct {
        const char *script;
        enum xk_plug_kind kind;
    } rows[] = {
        {NULL, XK_PLUG_BRIDGE},
        {"vif-bridge", XK_PLUG_BRIDGE},
        {"/etc/xen/scripts/vif-bridge", XK_PLUG_BRIDGE},
        {"vif-nat", XK_PLUG_SCRIPT},
        {"/usr/local/vif-bridge", XK_PLUG_SCRIPT},
        {"/etc/xen/scripts/", XK_PLUG_SCRIPT},
        {"", XK_PLUG_SCRIPT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(xk_plug_kind(rows[i].script), rows[i].kind);
}

/* ---- scripts ---- */

static void
a_script_is_run_as_libxl_runs_it(void **state)
{
    struct fixture *f = *state;
    XK_CLEANUP_FREE char *expected = xk_asprintf(
        "LANG=C\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "XENBUS_BASE_PATH=backend\n"
        "XENBUS_PATH=backend/xkvif/9/0\n"
        "XENBUS_TYPE=vif\n"
        "bridge=br0\n"
        "mac=00:16:3e:00:00:01\n"
        "netdev=\n"
        "script=%s\n"
        "vif=vif9.0\n",
        f->script);

    write_script(f, NOTES_ALL);
    f->card.store = "backend/xkvif/9/0";
    assert_plugged_in(f);
    assert_true(has_mark(f));
    assert_file(f, "notes", "online type_if=vif\n");
    assert_file(f, "variables", expected);
    assert_int_equal(plug_out(f), 0);
    assert_false(has_mark(f));
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
without_a_store_a_script_has_all_in_its_environment(void **state)
{
    struct fixture *f = *state;
    XK_CLEANUP_FREE char *expected = xk_asprintf(
        "LANG=C\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "XK_DOMAIN=00000000-0000-0000-0000-000000000001\n"
        "bridge=br0\n"
        "ip=10.1.2.3\n"
        "mac=00:16:3e:00:00:01\n"
        "mtu=1400\n"
        "netdev=eth0\n"
        "script=%s\n"
        "vif=vif9.0\n"
        "vifname=web\n",
        f->script);

    write_script(f, NOTES_ALL);
    f->plug.ip = "10.1.2.3";
    f->plug.gatewaydev = "eth0";
    f->card.vifname = "web";
    f->card.mtu = 1400;
    f->card.domain = "00000000-0000-0000-0000-000000000001";
    assert_plugged_in(f);
    assert_file(f, "variables", expected);
}

static void
a_script_may_rename_the_tap(void **state)
{
    struct fixture *f = *state;

    write_script(f, "[ $1 = offline ] || ip link set $vif name own");
    assert_int_equal(plug_in(f, PATIENCE_MS), 0);
    assert_int_not_equal(if_nametoindex("own"), 0);
    assert_int_equal(if_nametoindex("vif9.0"), 0);
    assert_int_equal(plug_out(f), 0);
}

static void
the_error_of_a_script_is_what_it_said_last(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES "[ $1 = offline ] || { echo so; echo 'no port';"
                          " exit 3; }");
    assert_refused(f, "online\" failed with exit status 3: no port");
    /* It may have done half of its work. */
    assert_true(has_mark(f));
    assert_int_equal(xk_plug_out(&f->plug, &f->card,
                                 xk_deadline_in_ms(PATIENCE_MS), &f->err),
                     0);
    assert_false(has_mark(f));
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
what_was_plugged_in_before_a_kill_is_undone_first(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES);
    assert_plugged_in(f);
    close(f->fd);
    assert_plugged_in(f);
    assert_file(f, "notes",
                "online type_if=vif\noffline type_if=vif\n"
                "online type_if=vif\n");
}

static void
a_card_that_was_never_plugged_in_is_not_taken_out(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES);
    assert_int_equal(xk_plug_out(&f->plug, &f->card,
                                 xk_deadline_in_ms(PATIENCE_MS), &f->err),
                     0);
    assert_int_equal(scratch_count(f->dir, ""), 1);
}

static void
a_script_that_does_not_end_is_killed(void **state)
{
    struct fixture *f = *state;

    write_script(f, "sleep 1000");
    assert_int_equal(plug_in(f, SHORT_MS), -1);
    f->fd = -1;
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(if_nametoindex(f->card.device), 0);
}

static void
a_script_that_fails_at_the_end_is_not_run_again(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES "[ $1 = online ]");
    assert_plugged_in(f);
    assert_int_equal(plug_out(f), -1);
    assert_false(has_mark(f));
    assert_int_equal(plug_out(f), 0);
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
a_script_that_cannot_be_trusted_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "No such file");
    write_script(f, "");
    assert_int_equal(chmod(f->script, 0644), 0);
    assert_refused(f, "not an executable file");
    assert_int_equal(chmod(f->script, 0757), 0);
    assert_refused(f, "others may not write");
    f->plug.script = "../script";
    assert_refused(f, "neither an absolute path nor a name");
    f->plug.script = "nosuch-script";
    assert_refused(f, "/etc/xen/scripts/nosuch-script");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_script_of_xen_s_is_the_same_by_name_and_by_path),
        T(a_script_is_run_as_libxl_runs_it),
        T(without_a_store_a_script_has_all_in_its_environment),
        T(a_script_may_rename_the_tap),
        T(the_error_of_a_script_is_what_it_said_last),
        T(what_was_plugged_in_before_a_kill_is_undone_first),
        T(a_card_that_was_never_plugged_in_is_not_taken_out),
        T(a_script_that_does_not_end_is_killed),
        T(a_script_that_fails_at_the_end_is_not_run_again),
        T(a_script_that_cannot_be_trusted_is_refused),
    };

    if (!own_network_enter())
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
