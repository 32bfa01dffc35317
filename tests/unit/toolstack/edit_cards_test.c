/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards of a domain that is there, against a fake hypervisor. What
 * every edit of devices does is tested with disks (edit_disks_test.c). */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/unit/toolstack/edit_world.h"
#include "toolstack/create.h"
#include "toolstack/domain.h"
#include "toolstack/edit_cards.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/mac_use.h"
#include "toolstack/record_config.h"
#include "toolstack/seam/domain_ops.h"

enum {
    ROUNDS = 30,
};

#define MAC "00:16:3e:00:00:01"

static int
attach(struct fixture *f, const char *spec)
{
    struct xk_domain domain = edit_find(f);
    int r =
        xk_domain_attach_card(&f->host, &domain, spec, edit_soon(), &f->err);

    xk_domain_close(&domain);
    return r;
}

static int
detach_with(struct fixture *f, const char *name, bool force)
{
    struct xk_domain domain = edit_find(f);
    int r = xk_domain_detach_card(&f->host, &domain, name, force, edit_soon(),
                                  &f->err);

    xk_domain_close(&domain);
    return r;
}

static int
detach(struct fixture *f, const char *name)
{
    return detach_with(f, name, false);
}

static int
attach_any(struct fixture *f)
{
    return attach(f, "mac=" MAC);
}

static int
detach_any(struct fixture *f)
{
    return detach(f, MAC);
}

static void
assert_refused(struct fixture *f, int r, enum xk_error_kind kind,
               const char *because)
{
    assert_int_equal(r, -1);
    assert_int_equal(f->err.kind, kind);
    if (strstr(f->err.message, because) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->err.message, because);
}

/* Both as the record and as the hypervisor see them: "0 2 ". */
static void
assert_cards(struct fixture *f, const char *wanted)
{
    struct xk_domain domain = edit_find(f);
    XK_CLEANUP_FREE char *given =
        xk_fake_cards(f->host.preferred, &domain.uuid);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain.record, &f->err);
    XK_CLEANUP_BUF struct xk_buf kept = {0};

    assert_non_null(config);
    xk_buf_puts(&kept, "");
    for (size_t i = 0; i < config->vif_count; i++)
        xk_buf_printf(&kept, "%d ", config->vifs[i].devid);
    assert_string_equal(given, wanted);
    assert_string_equal(kept.data, wanted);
    xk_domain_close(&domain);
}

static void
a_card_gets_the_lowest_devid_that_is_free(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f, ""), 0);
    assert_int_equal(attach(f, "devid=2"), 0);
    assert_int_equal(attach(f, ""), 0);
    assert_int_equal(attach(f, ""), 0);
    assert_cards(f, "0 2 1 3 ");
    assert_int_equal(detach(f, "1"), 0);
    assert_int_equal(attach(f, ""), 0);
    assert_cards(f, "0 2 3 1 ");
}

static void
a_card_is_detached_by_its_devid_or_its_address(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f, "mac=" MAC), 0);
    assert_int_equal(attach(f, "mac=00:16:3e:00:00:0a"), 0);
    assert_int_equal(detach(f, "00:16:3E:0:0:A"), 0);
    assert_cards(f, "0 ");
    assert_int_equal(detach(f, "0"), 0);
    assert_cards(f, "");
    assert_refused(f, detach(f, "0"), XK_ERR_NOT_FOUND,
                   "no network card \"0\"");
    assert_refused(f, detach(f, "eth0"), XK_ERR_NOT_FOUND, "\"eth0\"");
}

static void
an_address_of_two_cards_is_not_enough_to_detach_one(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f, "bridge=br0,mac=" MAC), 0);
    assert_int_equal(attach(f, "bridge=br1,mac=" MAC), 0);
    assert_refused(f, detach(f, MAC), XK_ERR_USAGE,
                   "2 network cards with the address \"" MAC
                   "\": give a devid");
    assert_cards(f, "0 1 ");
    assert_int_equal(detach(f, "0"), 0);
    assert_int_equal(detach(f, MAC), 0);
    assert_cards(f, "");
}

static void
a_devid_or_address_that_the_domain_has_is_refused(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f, "bridge=br0,mac=" MAC), 0);
    assert_refused(f, attach(f, "devid=0"), XK_ERR_EXISTS, "devid 0 already");
    assert_refused(f, attach(f, "bridge=br0,mac=" MAC), XK_ERR_EXISTS,
                   MAC " already, devid 0");
    assert_int_equal(attach(f, "bridge=br1,mac=" MAC), 0);
    assert_int_equal(attach(f, "type=user,mac=" MAC), 0);
    assert_cards(f, "0 1 2 ");
}

static void
a_specification_with_an_error_changes_nothing(void **context)
{
    struct fixture *f = *context;

    assert_refused(f, attach(f, "bridgge=br0"), XK_ERR_CONFIG,
                   "did you mean 'bridge='");
    assert_refused(f, attach(f, "mac=1"), XK_ERR_CONFIG, "\"mac=1\": mac: ");
    assert_cards(f, "");
}

static void
a_card_that_its_guest_holds_on_to_keeps_its_devid(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f, ""), 0);
    xk_fake_hold_card(f->host.preferred, "0");
    assert_refused(f, detach(f, "0"), XK_ERR_IN_USE, "holds on to 0");
    assert_int_equal(attach(f, ""), 0);
    assert_cards(f, "1 ");
    assert_refused(f, attach(f, "devid=0"), XK_ERR_IN_USE,
                   "xk network-detach --force");
    assert_int_equal(detach_with(f, "0", true), 0);
    assert_int_equal(attach(f, "devid=0"), 0);
    assert_cards(f, "1 0 ");
}

static void
an_edit_of_cards_killed_at_any_call_is_finished(void **context)
{
    struct fixture *f = *context;

    for (int after = 0; after < 2; after++) {
        edit_kill_amid(f, attach_any, after == 1);
        edit_reopen(f);
        assert_cards(f, "0 ");
        edit_kill_amid(f, detach_any, after == 1);
        edit_reopen(f);
        assert_cards(f, "");
    }
}

/* ---- addresses on a bridge ---- */

static void
an_address_that_another_domain_has_on_the_bridge_is_refused(void **context)
{
    static const char taken[] = "vif = ['bridge=br0,mac=" MAC "']\n";
    struct fixture *f = *context;

    assert_int_equal(edit_create(f, "b", taken), 0);
    assert_refused(f, edit_create(f, "c", taken), XK_ERR_IN_USE,
                   "test.cfg:4:8: error: mac: domain \"b\"");
    assert_refused(f, attach(f, "bridge=br0,mac=" MAC), XK_ERR_IN_USE,
                   "domain \"b\" has a network card with the address " MAC
                   " on bridge \"br0\"");
    assert_cards(f, "");
    assert_int_equal(attach(f, "bridge=br1,mac=" MAC), 0);
    assert_int_equal(attach(f, "type=user,mac=" MAC), 0);
    assert_int_equal(attach(f, "bridge=br0,mac=00:16:3e:00:00:02"), 0);
}

static void
end(struct fixture *f, const char *name)
{
    struct xk_domain domain;

    if (xk_domain_find(&f->host, name, &domain, edit_soon(), &f->err) == -1 ||
        xk_domain_destroy(&f->host, &domain, edit_soon(), &f->err) == -1)
        fail_msg("%s", f->err.message);
    xk_domain_close(&domain);
}

static void
an_address_in_a_user_mode_network_is_nobodys(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(edit_create(f, "b", "vif = ['type=user,mac=" MAC "']\n"),
                     0);
    assert_int_equal(edit_create(f, "c", "vif = ['type=user,mac=" MAC "']\n"),
                     0);
    assert_int_equal(attach(f, "bridge=br0,mac=" MAC), 0);
}

static void
an_address_with_a_route_is_on_no_bridge(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(
        edit_create(f, "b",
                    "vif = ['script=vif-route,ip=10.9.1.2,bridge=br0,mac=" MAC
                    "']\n"),
        0);
    assert_int_equal(attach(f, "bridge=br0,mac=" MAC), 0);
}

static void
a_switch_that_is_not_named_is_the_usual_one(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(
        edit_create(f, "b", "vif = ['script=vif-openvswitch,mac=" MAC "']\n"),
        0);
    assert_refused(
        f, attach(f, "script=/etc/xen/scripts/vif-openvswitch,mac=" MAC),
        XK_ERR_IN_USE, " on bridge \"xenbr0\"");
}

static void
an_address_of_a_domain_that_has_stopped_is_free(void **context)
{
    static const char taken[] = "on_poweroff = 'preserve'\n"
                                "vif = ['bridge=br0,mac=" MAC "']\n";
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(edit_create(f, "b", taken), 0);
    assert_int_equal(
        xk_domain_find(&f->host, "b", &domain, edit_soon(), &f->err), 0);
    xk_fake_stop(f->host.preferred, &domain.uuid, XK_STOP_POWEROFF);
    xk_domain_close(&domain);
    assert_int_equal(attach(f, "bridge=br0,mac=" MAC), 0);
}

/* In a process of its own, which begins when the other end of the pipe is
 * closed. */
static pid_t
create_with_address(struct fixture *f, const char *name, const int ends[2])
{
    pid_t pid = fork();
    char none;

    assert_int_not_equal(pid, -1);
    if (pid != 0)
        return pid;
    close(ends[1]);
    if (read(ends[0], &none, 1) != 0)
        _exit(2);
    _exit(edit_create(f, name, "vif = ['bridge=br0,mac=" MAC "']\n") == 0 ? 0
          : f->err.kind == XK_ERR_IN_USE                                  ? 1
                                                                          : 2);
}

static void
of_two_creates_at_once_one_has_the_address(void **context)
{
    static const char *const names[] = {"b", "c"};
    struct fixture *f = *context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        pid_t pids[2];
        int ends[2], status[2];

        assert_int_equal(pipe(ends), 0);
        for (unsigned k = 0; k < 2; k++)
            pids[k] = create_with_address(f, names[k], ends);
        close(ends[0]);
        close(ends[1]);
        for (unsigned k = 0; k < 2; k++)
            xk_process_reap(pids[k], &status[k]);
        assert_int_equal(WEXITSTATUS(status[0]) + WEXITSTATUS(status[1]), 1);
        end(f, names[WEXITSTATUS(status[0])]);
    }
}

static void
an_address_of_a_domain_that_is_being_made_is_taken(void **context)
{
    static const char text[] = "name = 'b'\ntype = 'hvm'\nmemory = 64\n"
                               "vif = ['bridge=br0,mac=" MAC "']\n";
    struct fixture *f = *context;
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    XK_CLEANUP_RECORD struct xk_record *record = NULL;

    assert_non_null(config);
    record = xk_operation_reserve(&f->host, f->host.preferred, config,
                                  XK_OP_CREATE, NULL, edit_soon(), &f->err);
    assert_non_null(record);
    assert_refused(f, edit_create(f, "c", "vif = ['bridge=br0,mac=" MAC "']\n"),
                   XK_ERR_IN_USE, "domain \"b\"");
    xk_problems_free(&problems);
}

static void
an_address_of_a_domain_that_starts_again_is_taken(void **context)
{
    static const char taken[] = "vif = ['bridge=br0,mac=" MAC "']\n";
    static const char *const starts[] = {XK_OP_RESTART, XK_OP_REPLACE};
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(edit_create(f, "b", taken), 0);
    assert_int_equal(
        xk_domain_find(&f->host, "b", &domain, edit_soon(), &f->err), 0);
    assert_int_equal(
        xk_record_lock(domain.record, "monitor", edit_soon(), &f->err), 0);
    xk_fake_stop(f->host.preferred, &domain.uuid, XK_STOP_REBOOT);
    for (size_t i = 0; i < XK_ARRAY_SIZE(starts); i++) {
        assert_int_equal(xk_journal_append(domain.record, XK_JOURNAL_BEGIN,
                                           starts[i], NULL, &f->err),
                         0);
        assert_refused(f, attach(f, "bridge=br0,mac=" MAC), XK_ERR_IN_USE,
                       "domain \"b\"");
    }
    xk_domain_close(&domain);
}

static size_t
count_problems(struct fixture *f, const char *name)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = '%s'\ntype = 'hvm'\nmemory = 64\n"
                    "vif = ['', 'bridge=br0,mac=" MAC "']\n",
                    name);
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    size_t errors;

    assert_non_null(config);
    xk_mac_use_check(&f->host, config, 0, &problems, edit_soon());
    errors = problems.errors;
    xk_problems_free(&problems);
    return errors;
}

static void
a_domain_does_not_collide_with_its_own_file(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f, "bridge=br0,mac=" MAC), 0);
    assert_int_equal(count_problems(f, "a"), 0);
    assert_int_equal(count_problems(f, "b"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, edit_setup, edit_teardown)
        T(a_card_gets_the_lowest_devid_that_is_free),
        T(a_card_is_detached_by_its_devid_or_its_address),
        T(an_address_of_two_cards_is_not_enough_to_detach_one),
        T(a_devid_or_address_that_the_domain_has_is_refused),
        T(a_specification_with_an_error_changes_nothing),
        T(a_card_that_its_guest_holds_on_to_keeps_its_devid),
        T(an_edit_of_cards_killed_at_any_call_is_finished),
        T(an_address_that_another_domain_has_on_the_bridge_is_refused),
        T(an_address_in_a_user_mode_network_is_nobodys),
        T(an_address_with_a_route_is_on_no_bridge),
        T(a_switch_that_is_not_named_is_the_usual_one),
        T(an_address_of_a_domain_that_has_stopped_is_free),
        T(of_two_creates_at_once_one_has_the_address),
        T(an_address_of_a_domain_that_is_being_made_is_taken),
        T(an_address_of_a_domain_that_starts_again_is_taken),
        T(a_domain_does_not_collide_with_its_own_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
