/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of all drivers: that they are whole, and what their names are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/hypervisor.h"
#include "toolstack/known_drivers.h"

/* No reason for "same"; one for all else, without a stop. */
static void
check_fate(const struct xk_driver_facts *driver, enum xk_key key)
{
    const struct xk_key_fate *fate = &driver->keys[key];
    size_t length;

    if (fate->why == NULL)
        fail_msg("%s: %s has no row", driver->name, xk_key_info(key)->name);
    length = strlen(fate->why);
    if ((fate->fate == XK_FATE_SAME) != (length == 0) ||
        (length > 0 && fate->why[length - 1] == '.'))
        fail_msg("%s: %s: \"%s\"", driver->name, xk_key_info(key)->name,
                 fate->why);
}

static void
every_driver_has_a_fate_for_every_key(void **state)
{
    (void)state;
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++) {
        for (int key = 0; key < XK_KEY_COUNT; key++)
            check_fate(xk_known_drivers[i], (enum xk_key)key);
    }
}

static void
values_that_stand_out_are_words_of_their_key(void **state)
{
    (void)state;
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++) {
        const struct xk_driver_facts *driver = xk_known_drivers[i];

        for (size_t k = 0; k < driver->value_count; k++) {
            const struct xk_key_info *key = xk_key_info(driver->values[k].key);

            if (key->type == XK_KEY_ENUM &&
                strstr(key->words, driver->values[k].text) == NULL)
                fail_msg("%s: %s is never \"%s\"", driver->name, key->name,
                         driver->values[k].text);
        }
    }
}

static void
each_driver_is_found_by_its_name_alone(void **state)
{
    (void)state;
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++) {
        struct xk_error err = {0};

        assert_ptr_equal(xk_known_driver_find(xk_known_drivers[i]->name),
                         xk_known_drivers[i]);
        assert_ptr_equal(xk_known_driver_get(xk_known_drivers[i]->name, &err),
                         xk_known_drivers[i]);
    }
}

static void
an_unknown_name_is_refused_with_the_known_ones(void **state)
{
    static const char *const names[] = {"vmware", "", "Xen", "xen|kvm", "kv"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct xk_error err = {0};

        assert_null(xk_known_driver_find(names[i]));
        assert_null(xk_known_driver_get(names[i], &err));
        assert_int_equal(err.kind, XK_ERR_USAGE);
        assert_non_null(strstr(err.message, "\"xen\" or \"kvm\""));
        assert_null(xk_driver_find(names[i], &err));
        assert_int_equal(err.kind, XK_ERR_USAGE);
    }
}

static void
the_command_line_offers_the_names_of_the_drivers(void **state)
{
    XK_CLEANUP_FREE char *words = xk_known_driver_words();
    XK_CLEANUP_FREE char *choices = xk_known_driver_choices();

    (void)state;
    assert_string_equal(words, "xen|kvm");
    assert_string_equal(choices, "\"xen\" or \"kvm\"");
}

static void
every_driver_of_this_build_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; xk_drivers[i] != NULL; i++)
        assert_non_null(xk_known_driver_find(xk_drivers[i]->name));
}

static void
some_driver_is_at_home_on_any_host(void **state)
{
    size_t last = 0;

    (void)state;
    while (xk_known_drivers[last + 1] != NULL)
        last++;
    assert_null(xk_known_drivers[last]->is_at_home);
    assert_non_null(xk_known_driver_at_home());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_driver_has_a_fate_for_every_key),
        cmocka_unit_test(values_that_stand_out_are_words_of_their_key),
        cmocka_unit_test(each_driver_is_found_by_its_name_alone),
        cmocka_unit_test(an_unknown_name_is_refused_with_the_known_ones),
        cmocka_unit_test(the_command_line_offers_the_names_of_the_drivers),
        cmocka_unit_test(every_driver_of_this_build_is_known),
        cmocka_unit_test(some_driver_is_at_home_on_any_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
