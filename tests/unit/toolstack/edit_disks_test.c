/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of a domain that is there, against a fake hypervisor: what fails is
 * undone, what was killed is finished. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/unit/toolstack/edit_world.h"
#include "toolstack/domain.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/record_config.h"

static int
attach_as(struct fixture *f, const char *vdev)
{
    XK_CLEANUP_FREE char *spec =
        xk_asprintf("format=raw,vdev=%s,target=%s", vdev, f->image);
    struct xk_domain domain = edit_find(f);
    int r =
        xk_domain_attach_disk(&f->host, &domain, spec, edit_soon(), &f->err);

    xk_domain_close(&domain);
    return r;
}

static int
attach(struct fixture *f)
{
    return attach_as(f, "xvdb");
}

static int
detach_with(struct fixture *f, const char *vdev, bool force)
{
    struct xk_domain domain = edit_find(f);
    int r = xk_domain_detach_disk(&f->host, &domain, vdev, force, edit_soon(),
                                  &f->err);

    xk_domain_close(&domain);
    return r;
}

static int
detach(struct fixture *f)
{
    return detach_with(f, "xvdb", false);
}

/* Both as the record and as the hypervisor see it. */
static void
assert_disks(struct fixture *f, const char *wanted)
{
    struct xk_domain domain = edit_find(f);
    XK_CLEANUP_FREE char *given =
        xk_fake_disks(f->host.preferred, &domain.uuid);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain.record, &f->err);

    assert_non_null(config);
    assert_int_equal(config->disk_count, *wanted != '\0');
    assert_string_equal(given, wanted);
    xk_domain_close(&domain);
}

static void
a_disk_is_attached_once_and_detached(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f), 0);
    assert_disks(f, "xvdb ");
    assert_int_equal(attach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(detach(f), 0);
    assert_disks(f, "");
    assert_int_equal(detach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_disk_that_a_guest_holds_on_to_is_taken_by_force_afterwards(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f), 0);
    xk_fake_hold_disk(f->host.preferred, "xvdb");
    assert_int_equal(detach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_IN_USE);
    assert_int_equal(detach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
    assert_int_equal(detach_with(f, "xvdc", true), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
    assert_int_equal(detach_with(f, "xvdb", true), 0);
    assert_disks(f, "");
    assert_int_equal(detach_with(f, "xvdb", true), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
hold_on(struct fixture *f)
{
    assert_int_equal(attach(f), 0);
    xk_fake_hold_disk(f->host.preferred, "xvdb");
    assert_int_equal(detach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_IN_USE);
}

static void
assert_held(struct fixture *f)
{
    assert_int_equal(detach_with(f, "xvdb", true), 0);
    assert_int_equal(detach_with(f, "xvdb", true), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
an_attach_that_fails_takes_no_disk_that_a_guest_holds_on_to(void **context)
{
    struct fixture *f = *context;
    struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

    hold_on(f);
    faults->fail_at = faults->calls + 1;
    assert_int_equal(attach_as(f, "xvdc"), -1);
    assert_int_equal(attach_as(f, "xvdc"), 0);
    assert_held(f);
}

static void
force_is_for_the_disk_that_is_named(void **context)
{
    struct fixture *f = *context;

    hold_on(f);
    assert_int_equal(attach_as(f, "xvdc"), 0);
    assert_int_equal(detach_with(f, "xvdc", true), 0);
    assert_held(f);
}

static void
no_disk_gets_the_name_of_one_that_a_guest_holds_on_to(void **context)
{
    struct fixture *f = *context;

    hold_on(f);
    assert_int_equal(attach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_IN_USE);
    assert_held(f);
    assert_int_equal(attach(f), 0);
}

static void
an_attach_that_fails_is_undone(void **context)
{
    struct fixture *f = *context;
    struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

    faults->fail_at = faults->calls + 1;
    assert_int_equal(attach(f), -1);
    assert_disks(f, "");
    assert_int_equal(attach(f), 0);
    assert_disks(f, "xvdb ");
}

static void
an_attach_killed_at_any_call_is_finished(void **context)
{
    struct fixture *f = *context;

    for (int after = 0; after < 2; after++) {
        edit_kill_amid(f, attach, after == 1);
        edit_reopen(f);
        assert_disks(f, "xvdb ");
        assert_int_equal(detach(f), 0);
    }
}

static void
a_detach_killed_at_any_call_is_finished(void **context)
{
    struct fixture *f = *context;

    for (int after = 0; after < 2; after++) {
        assert_int_equal(attach(f), 0);
        edit_kill_amid(f, detach, after == 1);
        edit_reopen(f);
        assert_disks(f, "");
    }
}

static int
attach_another(struct fixture *f)
{
    return attach_as(f, "xvdc");
}

static int
detach_another(struct fixture *f)
{
    return detach_with(f, "xvdc", false);
}

/* Whatever the hypervisor does then: the guest held that disk before. */
static void
a_killed_edit_is_finished_beside_a_disk_that_a_guest_holds_on_to(void **context)
{
    struct fixture *f = *context;

    hold_on(f);
    for (int after = 0; after < 2; after++) {
        edit_kill_amid(f, attach_another, after == 1);
        edit_reopen(f);
        assert_disks(f, "xvdc ");
        edit_kill_amid(f, detach_another, after == 1);
        edit_reopen(f);
        assert_disks(f, "");
    }
    assert_held(f);
}

static bool
is_unfinished(struct fixture *f)
{
    struct xk_domain domain = edit_find(f);
    bool unfinished = xk_journal_is_unfinished(domain.record);

    xk_domain_close(&domain);
    return unfinished;
}

static void
an_edit_that_cannot_be_finished_does_not_hold_the_domain(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    edit_kill_amid(f, attach, false);
    assert_int_equal(unlink(f->image), 0);
    edit_reopen(f);
    assert_false(is_unfinished(f));
    assert_disks(f, "");
    domain = edit_find(f);
    assert_int_equal(xk_domain_destroy(&f->host, &domain, edit_soon(), &f->err),
                     0);
    xk_domain_close(&domain);
    assert_int_equal(xk_fake_count(f->host.preferred), 0);
}

/* ---- kills between the steps, and undos ---- */

static void
begin(struct fixture *f, const char *operation, const char *detail)
{
    struct xk_domain domain = edit_find(f);

    assert_int_equal(xk_journal_append(domain.record, XK_JOURNAL_BEGIN,
                                       operation, detail, &f->err),
                     0);
    xk_domain_close(&domain);
}

static void
an_edit_killed_before_the_configuration_is_saved_changes_nothing(void **context)
{
    struct fixture *f = *context;

    for (int has_disk = 0; has_disk < 2; has_disk++) {
        if (has_disk == 1)
            assert_int_equal(attach(f), 0);
        begin(f, XK_OP_EDIT, "disks");
        edit_reopen(f);
        assert_false(is_unfinished(f));
        assert_disks(f, has_disk == 1 ? "xvdb " : "");
    }
}

/* The verb that comes next need not open the host anew. */
static void
an_edit_that_was_killed_is_finished_by_the_next_verb(void **context)
{
    struct fixture *f = *context;

    edit_kill_amid(f, attach, false);
    assert_true(is_unfinished(f));
    assert_int_equal(attach_as(f, "xvdc"), 0);
    assert_false(is_unfinished(f));
    assert_int_equal(detach(f), 0);
    assert_disks(f, "xvdc ");
}

static int
attach_in_vain(struct fixture *f)
{
    struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

    /* The call that would be the killed one is the failing one; the undo
     * follows. */
    faults->fail_at = faults->calls + 1;
    if (faults->killed_at != 0)
        faults->killed_at++;
    if (faults->killed_after != 0)
        faults->killed_after++;
    return attach(f);
}

static void
an_undo_killed_at_any_call_is_finished(void **context)
{
    struct fixture *f = *context;

    for (int after = 0; after < 2; after++) {
        edit_kill_amid(f, attach_in_vain, after == 1);
        assert_true(is_unfinished(f));
        edit_reopen(f);
        assert_false(is_unfinished(f));
        assert_disks(f, "");
    }
}

/* Between the driver's failure and the undo, and again in recovery. */
static void
an_edit_killed_before_its_undo_is_undone(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f), 0);
    edit_kill_amid(f, detach, false);
    edit_reopen(f);
    assert_disks(f, "");
    edit_kill_amid(f, attach, false);
    assert_int_equal(unlink(f->image), 0);
    edit_reopen(f);
    assert_false(is_unfinished(f));
    assert_disks(f, "");
    /* Nothing of it is left for a later edit to go back to. */
    assert_int_equal(xk_write_file(AT_FDCWD, f->image, "", 0, false, &f->err),
                     0);
    assert_int_equal(attach(f), 0);
    edit_kill_amid(f, detach, false);
    edit_reopen(f);
    assert_disks(f, "");
}

static bool
has_file(struct fixture *f, const char *name)
{
    struct xk_domain domain = edit_find(f);
    bool has = faccessat(domain.record->dir_fd, name, F_OK, 0) == 0;

    xk_domain_close(&domain);
    return has;
}

static void
the_old_configuration_is_kept_until_an_edit_ends(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(attach(f), 0);
    assert_false(has_file(f, "before.json"));
    assert_int_equal(detach(f), 0);
    edit_kill_amid(f, attach, false);
    assert_true(has_file(f, "before.json"));
    edit_reopen(f);
    assert_false(has_file(f, "before.json"));
    assert_disks(f, "xvdb ");
    assert_int_equal(detach(f), 0);
    edit_kill_amid(f, attach_in_vain, false);
    edit_reopen(f);
    assert_false(has_file(f, "before.json"));
    assert_disks(f, "");
}

static void
an_undo_that_fails_is_done_by_the_next_verb(void **context)
{
    struct fixture *f = *context;
    struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

    faults->unheard_at = faults->calls + 1;
    faults->fail_at = faults->calls + 2;
    assert_int_equal(attach(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_PROTOCOL);
    assert_true(is_unfinished(f));
    edit_reopen(f);
    assert_false(is_unfinished(f));
    assert_disks(f, "");
}

/* ---- other versions of xk ---- */

static void
an_edit_of_disks_that_an_earlier_xk_began_is_finished(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    edit_kill_amid(f, attach, false);
    domain = edit_find(f);
    assert_int_equal(unlinkat(domain.record->dir_fd, "journal", 0), 0);
    xk_domain_close(&domain);
    begin(f, XK_OP_DISKS, NULL);
    edit_reopen(f);
    assert_false(is_unfinished(f));
    assert_disks(f, "xvdb ");
}

/* It did not write which disk its edit was about. */
static void
an_edit_that_an_earlier_xk_began_is_finished_beside_a_held_disk(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    hold_on(f);
    edit_kill_amid(f, attach_another, false);
    domain = edit_find(f);
    assert_int_equal(unlinkat(domain.record->dir_fd, "journal", 0), 0);
    xk_domain_close(&domain);
    begin(f, XK_OP_EDIT, "disks");
    edit_reopen(f);
    assert_false(is_unfinished(f));
    assert_disks(f, "xvdc ");
    assert_held(f);
}

static void
the_journal_says_which_disk_an_edit_is_about(void **context)
{
    struct fixture *f = *context;
    struct xk_journal journal;
    struct xk_domain domain;
    const struct xk_journal_entry *last;

    edit_kill_amid(f, attach, false);
    domain = edit_find(f);
    assert_int_equal(xk_journal_read(domain.record, &journal, &f->err), 0);
    last = &journal.entries[journal.count - 1];
    assert_int_equal(last->kind, XK_JOURNAL_INTENT);
    assert_string_equal(last->what, XK_EFFECT_DEVICE);
    assert_string_equal(last->detail, "51728");
    xk_journal_free(&journal);
    xk_domain_close(&domain);
}

static void
an_edit_of_what_this_xk_does_not_know_is_left_alone(void **context)
{
    static const char *const details[] = {"future", NULL};
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(details); i++) {
        begin(f, XK_OP_EDIT, details[i]);
        edit_reopen(f);
        assert_true(is_unfinished(f));
        assert_int_equal(attach(f), -1);
        assert_int_equal(f->err.kind, XK_ERR_UNSUPPORTED);
        assert_true(is_unfinished(f));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, edit_setup, edit_teardown)
        T(a_disk_is_attached_once_and_detached),
        T(a_disk_that_a_guest_holds_on_to_is_taken_by_force_afterwards),
        T(an_attach_that_fails_takes_no_disk_that_a_guest_holds_on_to),
        T(force_is_for_the_disk_that_is_named),
        T(no_disk_gets_the_name_of_one_that_a_guest_holds_on_to),
        T(an_attach_that_fails_is_undone),
        T(an_attach_killed_at_any_call_is_finished),
        T(a_detach_killed_at_any_call_is_finished),
        T(a_killed_edit_is_finished_beside_a_disk_that_a_guest_holds_on_to),
        T(an_edit_that_cannot_be_finished_does_not_hold_the_domain),
        T(an_edit_killed_before_the_configuration_is_saved_changes_nothing),
        T(an_edit_that_was_killed_is_finished_by_the_next_verb),
        T(an_undo_killed_at_any_call_is_finished),
        T(an_edit_killed_before_its_undo_is_undone),
        T(the_old_configuration_is_kept_until_an_edit_ends),
        T(an_undo_that_fails_is_done_by_the_next_verb),
        T(an_edit_of_disks_that_an_earlier_xk_began_is_finished),
        T(an_edit_that_an_earlier_xk_began_is_finished_beside_a_held_disk),
        T(the_journal_says_which_disk_an_edit_is_about),
        T(an_edit_of_what_this_xk_does_not_know_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
