/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domain a name or UUID means, and which may be given, where there are
 * several hypervisors. */
#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/drivers_world.h"
#include "toolstack/find.h"
#include "toolstack/rename.h"

static void
a_name_is_taken_on_all_hypervisors_at_once(void **context)
{
    struct fixture *f = *context;

    create(f, "beta", "b");
    make_stranger(ALPHA, "00000000-0000-4000-8000-000000000001", "s");
    assert_int_equal(try_create(f, "alpha", "b", NULL), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_state(f, "b", "beta", XK_STATE_RUNNING);
    assert_int_equal(try_create(f, "beta", "s", NULL), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(
        try_create(f, "beta", "other", "00000000-0000-4000-8000-000000000001"),
        -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(scratch_count(driver_worlds[BETA], "."), 1);
}

static void
a_name_is_taken_by_a_record_that_is_left_alone(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *a = NULL;

    create(f, "alpha", "a");
    a = uuid_of(f, "a");
    give_record_to(f, a, "gamma");
    assert_int_equal(try_create(f, "beta", "a", NULL), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_true(is_recorded(f, a));
}

static void
a_record_that_its_own_hypervisor_has_no_more_gives_back_its_name(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *a = NULL, *path = NULL;

    create(f, "alpha", "a");
    a = uuid_of(f, "a");
    path = xk_asprintf("%s/%s", driver_worlds[ALPHA], a);
    unlink(path);
    create(f, "beta", "a");
    assert_false(is_recorded(f, a));
    assert_state(f, "a", "beta", XK_STATE_RUNNING);
}

static void
of_two_domains_of_a_name_only_a_named_hypervisor_tells_which(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    create(f, "beta", "twin");
    make_stranger(ALPHA, "00000000-0000-4000-8000-000000000001", "twin");
    reopen(f, NULL);
    assert_int_equal(find_fails(f, "twin"), XK_ERR_USAGE);
    assert_non_null(strstr(f->err.message, "alpha"));
    assert_non_null(strstr(f->err.message, "beta"));
    reopen(f, "beta");
    assert_state(f, "twin", "beta", XK_STATE_RUNNING);
    reopen(f, "alpha");
    domain = find(f, "twin");
    assert_null(domain.record);
    assert_string_equal(domain.hv->ops->name, "alpha");
    xk_domain_close(&domain);
}

#define SOME "aaaaaaaa-0000-4000-8000-000000000001"
#define OTHER "bbbbbbbb-0000-4000-8000-000000000002"

static void
a_name_in_the_form_of_a_uuid_is_found(void **context)
{
    struct fixture *f = *context;

    create(f, "beta", SOME);
    make_stranger(ALPHA, "00000000-0000-4000-8000-000000000001", OTHER);
    reopen(f, NULL);
    assert_state(f, SOME, "beta", XK_STATE_RUNNING);
    assert_state(f, OTHER, "alpha", XK_STATE_RUNNING);
}

static void
a_uuid_that_is_the_name_of_another_names_neither(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    if (try_create(f, "beta", "b", SOME) == -1)
        fail_msg("%s", f->err.message);
    make_stranger(ALPHA, "00000000-0000-4000-8000-000000000001", SOME);
    reopen(f, NULL);
    assert_int_equal(find_fails(f, SOME), XK_ERR_USAGE);
    assert_state(f, "b", "beta", XK_STATE_RUNNING);
    domain = find(f, "00000000-0000-4000-8000-000000000001");
    assert_string_equal(domain.hv->ops->name, "alpha");
    xk_domain_close(&domain);
}

static void
no_domain_is_made_or_renamed_into_such_a_pair(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    create(f, "beta", SOME);
    if (try_create(f, "beta", "b", OTHER) == -1)
        fail_msg("%s", f->err.message);
    assert_int_equal(try_create(f, "alpha", "x", SOME), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(try_create(f, "alpha", OTHER, NULL), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    reopen(f, NULL);
    domain = find(f, SOME);
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, OTHER, soon(), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    xk_domain_close(&domain);
    /* Its own is nobody else's. */
    domain = find(f, "b");
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, OTHER, soon(), &f->err), 0);
    xk_domain_close(&domain);
    assert_state(f, OTHER, "beta", XK_STATE_RUNNING);
}

static void
a_saved_domain_whose_uuid_has_become_a_name_stays_in_its_file(void **context)
{
    struct fixture *f = *context;

    if (try_create(f, "beta", "b", SOME) == -1)
        fail_msg("%s", f->err.message);
    save(f, "b");
    create(f, "alpha", SOME);
    reopen(f, NULL);
    assert_int_equal(restore(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(scratch_count(driver_worlds[BETA], "."), 0);
    assert_state(f, SOME, "alpha", XK_STATE_RUNNING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_name_is_taken_on_all_hypervisors_at_once),
        TEST(a_name_is_taken_by_a_record_that_is_left_alone),
        TEST(a_record_that_its_own_hypervisor_has_no_more_gives_back_its_name),
        TEST(of_two_domains_of_a_name_only_a_named_hypervisor_tells_which),
        TEST(a_name_in_the_form_of_a_uuid_is_found),
        TEST(a_uuid_that_is_the_name_of_another_names_neither),
        TEST(no_domain_is_made_or_renamed_into_such_a_pair),
        TEST(a_saved_domain_whose_uuid_has_become_a_name_stays_in_its_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
