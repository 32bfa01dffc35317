/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rename-restart of a stopped domain of Xen, with a table of domains in place
 * of Xen. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/record.h"
#include "toolstack/record_config.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"

enum {
    OTHER, /* its name is a prefix of the guest's */
    GUEST,
    BORN, /* replaces the guest */
    COUNT,
    STEPS = 4 /* each can fail, or be the last before a kill */
};

static struct {
    struct xk_xen xen;
    struct xk_state state;
    char *scratch;
    struct xk_xen_domain domains[COUNT];
    char names[COUNT][64];
    bool vm_is_there; /* the old node of the store */
    int left;         /* steps until one fails; 0: none does */
    struct xk_domain domain;
    struct xk_uuid old;
    struct xk_error err;
} world;

/* ---- fakes of Xen, libxl and the store ---- */

static int
step(struct xk_error *err)
{
    if (world.left == 0 || --world.left > 0)
        return 0;
    return xk_fail(err, XK_ERR_FAILED, "killed");
}

struct xk_xen *
xk_xen(struct xk_hypervisor *hv)
{
    return (struct xk_xen *)hv;
}

int
xk_xen_find(struct xk_xen *xen, const struct xk_uuid *uuid,
            struct xk_xen_domain *domain, struct xk_error *err)
{
    (void)xen;
    for (size_t i = 0; i < COUNT; i++) {
        *domain = world.domains[i];
        if (domain->domid != 0 && xk_uuid_equal(&domain->uuid, uuid))
            return 0;
    }
    return xk_fail(err, XK_ERR_NOT_FOUND, "no such domain");
}

int
xk_xen_need_store(struct xk_xen *xen, struct xk_deadline deadline,
                  struct xk_error *err)
{
    (void)xen;
    (void)deadline;
    (void)err;
    return 0;
}

struct xk_deadline
xk_xen_store_deadline(struct xk_deadline deadline)
{
    return deadline;
}

int
xk_xen_devices_remove(struct xk_xen *xen, const struct xk_record *record,
                      struct xk_deadline deadline, struct xk_error *err)
{
    (void)xen;
    (void)record;
    (void)deadline;
    return step(err);
}

int
xk_hypercall_set_uuid(struct xencall_handle *xen, unsigned domid,
                      const struct xk_uuid *uuid, struct xk_error *err)
{
    (void)xen;
    world.domains[domid - 1].uuid = *uuid;
    return step(err);
}

/* Finds the domain by its handle, as libxl does. */
int
xk_xen_helper(struct xk_xen *xen, const struct xk_xen_call *call,
              struct xk_json **result, struct xk_deadline deadline,
              struct xk_error *err)
{
    size_t i = strtoul(call->argv[1], NULL, 10) - 1;
    char uuid[XK_UUID_TEXT_SIZE];

    (void)xen;
    (void)result;
    (void)deadline;
    assert_string_equal(call->argv[0], "preserve");
    xk_uuid_format(&world.domains[i].uuid, uuid);
    assert_string_equal(call->argv[2], uuid);
    strncpy(world.names[i], call->argv[3], sizeof(world.names[i]) - 1);
    return step(err);
}

int
xk_store_remove(struct xk_store *store, uint32_t tx, const char *path,
                struct xk_deadline deadline, struct xk_error *err)
{
    char uuid[XK_UUID_TEXT_SIZE];

    (void)store;
    (void)tx;
    (void)deadline;
    xk_uuid_format(&world.old, uuid);
    assert_string_equal(path + strlen("/vm/"), uuid);
    world.vm_is_there = false;
    return step(err);
}

/* ---- the world ---- */

static void
be(size_t i, const char *name, const struct xk_uuid *uuid,
   enum xk_domain_state state)
{
    world.domains[i] = (struct xk_xen_domain){
        .domid = (unsigned)i + 1, .uuid = *uuid, .state = state};
    strncpy(world.names[i], name, sizeof(world.names[i]) - 1);
}

/* The guest crashed, and its record has another UUID and name already. */
static int
set_up(void **context)
{
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *next = NULL;
    struct xk_uuid uuid;

    (void)context;
    memset(&world, 0, sizeof(world));
    world.scratch = scratch_new();
    assert_int_equal(xk_state_open(&world.state, &world.err), 0);
    next =
        read_text(&problems, "name='web-db'\nkernel='/k'\nmemory=16\n", NULL);
    assert_non_null(next);
    xk_problems_free(&problems);
    xk_uuid_random(&next->uuid);
    xk_uuid_random(&uuid);
    world.old = next->uuid;
    world.vm_is_there = true;
    be(GUEST, "web-db", &world.old, XK_STATE_CRASHED);
    be(OTHER, "web", &uuid, XK_STATE_SHUTDOWN);
    xk_uuid_random(&uuid);
    world.domain = (struct xk_domain){
        .hv = &world.xen.base,
        .uuid = uuid,
        .name = xk_strdup("web-db-20260101T000000Z"),
        .record =
            xk_record_create(&world.state, &uuid, "xen", "test", &world.err),
    };
    assert_non_null(world.domain.record);
    return xk_record_save_next(world.domain.record, next, &world.err);
}

static int
tear_down(void **context)
{
    (void)context;
    xk_record_close(world.domain.record);
    free(world.domain.name);
    xk_state_close(&world.state);
    scratch_free(world.scratch);
    return 0;
}

static int
preserve(void)
{
    return xk_xen_preserve(&world.xen.base, &world.domain,
                           xk_deadline_in_ms(1000), &world.err);
}

static void
assert_kept(void)
{
    assert_true(xk_uuid_equal(&world.domains[GUEST].uuid, &world.domain.uuid));
    assert_string_equal(world.names[GUEST], world.domain.name);
    assert_false(world.vm_is_there);
}

static void
assert_untouched(size_t i, const char *name)
{
    assert_string_equal(world.names[i], name);
    assert_false(xk_uuid_equal(&world.domains[i].uuid, &world.domain.uuid));
}

/* ---- the tests ---- */

static void
xen_and_libxl_know_the_kept_one_by_its_new_uuid_and_name(void **context)
{
    (void)context;
    assert_int_equal(preserve(), 0);
    assert_kept();
}

static void
one_whose_name_begins_the_same_is_left_alone(void **context)
{
    (void)context;
    assert_int_equal(preserve(), 0);
    assert_untouched(OTHER, "web");
}

static void
what_a_kill_interrupted_the_next_try_finishes(void **context)
{
    for (int i = 1; i <= STEPS; i++) {
        world.left = i;
        assert_int_equal(preserve(), -1);
        assert_int_equal(preserve(), 0);
        assert_kept();
        tear_down(context);
        assert_int_equal(set_up(context), 0);
    }
}

static void
what_took_its_place_is_not_touched_by_another_try(void **context)
{
    (void)context;
    assert_int_equal(preserve(), 0);
    be(BORN, "web-db", &world.old, XK_STATE_CRASHED);
    world.vm_is_there = true;
    assert_int_equal(preserve(), 0);
    assert_untouched(BORN, "web-db");
    assert_true(world.vm_is_there);
}

/* The kept domain was destroyed; the new one has crashed too. */
static void
what_took_its_place_is_not_taken_for_it(void **context)
{
    XK_CLEANUP_RECORD struct xk_record *born =
        xk_record_create(&world.state, &world.old, "xen", "test", &world.err);

    (void)context;
    assert_non_null(born);
    world.domains[GUEST].domid = 0;
    be(BORN, "web-db", &world.old, XK_STATE_CRASHED);
    assert_int_equal(preserve(), 0);
    assert_untouched(BORN, "web-db");
    assert_true(world.vm_is_there);
}

static void
one_that_is_gone_is_in_nobodys_way(void **context)
{
    (void)context;
    world.domains[GUEST].domid = 0;
    assert_int_equal(preserve(), 0);
}

static void
one_that_runs_is_left_alone(void **context)
{
    (void)context;
    world.domains[GUEST].state = XK_STATE_RUNNING;
    assert_int_equal(preserve(), -1);
    assert_int_equal(world.err.kind, XK_ERR_STATE);
    assert_untouched(GUEST, "web-db");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(xen_and_libxl_know_the_kept_one_by_its_new_uuid_and_name),
        T(one_whose_name_begins_the_same_is_left_alone),
        T(what_a_kill_interrupted_the_next_try_finishes),
        T(what_took_its_place_is_not_touched_by_another_try),
        T(what_took_its_place_is_not_taken_for_it),
        T(one_that_is_gone_is_in_nobodys_way),
        T(one_that_runs_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
