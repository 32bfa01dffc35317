/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables and xenstore changes that xk-build prepares. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"
#include "toolstack/xen/builder/acpi.h"
#include "toolstack/xen/builder/tree.h"

/* ---- ACPI ---- */

static void
tables_are_right_for_every_number_of_cpus(void **state)
{
    (void)state;
    for (unsigned cpus = 1; cpus <= 128; cpus++) {
        struct xk_error err = {0};
        XK_CLEANUP_FREE struct xk_acpi *acpi =
            xk_acpi_make(cpus, (cpus + 1) / 2, &err);

        assert_non_null(acpi);
        assert_in_range(acpi->pages, 1, XK_ACPI_PAGES_MAX);
        assert_true(xk_acpi_is_right(acpi, cpus, (cpus + 1) / 2));
    }
}

static void
tables_of_other_cpus_are_not_taken_for_right(void **state)
{
    struct xk_error err = {0};
    XK_CLEANUP_FREE struct xk_acpi *acpi = xk_acpi_make(4, 2, &err);

    (void)state;
    assert_non_null(acpi);
    assert_false(xk_acpi_is_right(acpi, 5, 2));
    assert_false(xk_acpi_is_right(acpi, 4, 3));
}

/* The guest interprets these bytes. The rest of the last page and the FACS,
 * which has no checksum, may be anything. */
static void
a_changed_byte_of_a_table_is_seen(void **state)
{
    struct xk_error err = {0};
    XK_CLEANUP_FREE struct xk_acpi *acpi = xk_acpi_make(2, 2, &err);
    size_t seen = 0, bytes;

    (void)state;
    assert_non_null(acpi);
    bytes = acpi->pages * XK_ACPI_PAGE;
    for (size_t i = 0; i < bytes; i++) {
        acpi->tables[i] ^= 1;
        seen += !xk_acpi_is_right(acpi, 2, 2);
        acpi->tables[i] ^= 1;
    }
    assert_true(seen > 17900); /* the DSDT alone */
    for (size_t i = 0; i < 36; i++) {
        acpi->root[i] ^= 1;
        assert_false(xk_acpi_is_right(acpi, 2, 2));
        acpi->root[i] ^= 1;
    }
    assert_true(xk_acpi_is_right(acpi, 2, 2));
}

/* ---- trees ---- */

static void
build_tree(struct xk_tree *tree)
{
    static const struct xk_store_perm perms[] = {{'n', 0}, {'r', 7}};

    xk_tree_remove(tree, "/local/domain/7", NULL);
    xk_tree_make(tree, "/local/domain/7", NULL, perms, 2);
    xk_tree_write(tree, "/local/domain/7", "name", "web");
    xk_tree_printf(tree, "/local/domain/7", "store/port", "%u", 3u);
}

static void
a_tree_is_there_whole_also_when_others_are_faster(void **state)
{
    XK_CLEANUP_STORE struct xk_store *store = fake_store_new();
    XK_CLEANUP_BUF struct xk_buf value = {0};
    XK_CLEANUP_TREE struct xk_tree tree = {0};
    struct xk_error err = {0};
    uint64_t port = 0;

    (void)state;
    build_tree(&tree);
    fake_store_conflict(store, 2);
    assert_int_equal(
        xk_tree_commit(&tree, store, xk_deadline_in_ms(1000), &err), 0);
    assert_int_equal(xk_store_read(store, XK_STORE_NO_TX,
                                   "/local/domain/7/name", 10, &value,
                                   xk_deadline_in_ms(1000), &err),
                     0);
    assert_string_equal(value.data, "web");
    assert_int_equal(xk_store_read_u64(store, XK_STORE_NO_TX,
                                       "/local/domain/7/store/port", 9, &port,
                                       xk_deadline_in_ms(1000), &err),
                     0);
    assert_int_equal(port, 3);
}

static void
of_a_tree_that_fails_nothing_is_there(void **state)
{
    XK_CLEANUP_STORE struct xk_store *store = fake_store_new();
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};
    XK_CLEANUP_TREE struct xk_tree tree = {0};
    struct xk_error err = {0};

    (void)state;
    build_tree(&tree);
    fake_store_fail(store, 4, XK_ERR_FAILED);
    assert_int_equal(
        xk_tree_commit(&tree, store, xk_deadline_in_ms(1000), &err), -1);
    assert_int_equal(xk_store_list(store, XK_STORE_NO_TX, "/local/domain/7",
                                   &names, xk_deadline_in_ms(1000), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_right_for_every_number_of_cpus),
        cmocka_unit_test(tables_of_other_cpus_are_not_taken_for_right),
        cmocka_unit_test(a_changed_byte_of_a_table_is_seen),
        cmocka_unit_test(a_tree_is_there_whole_also_when_others_are_faster),
        cmocka_unit_test(of_a_tree_that_fails_nothing_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
