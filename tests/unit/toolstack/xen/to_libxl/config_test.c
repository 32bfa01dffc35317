/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares libxl's JSON of a configuration; needs no hypervisor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/xen/golden.h"
#include "toolstack/xen/to_libxl/config.h"
#include "toolstack/xen/to_libxl/config_options.h"

#define BASE "name=\"g\"\nmemory=64\n"
#define PV BASE "kernel=\"/base\"\n"

static struct goldens goldens;

static int
read_goldens(void **state)
{
    const char *top = getenv("srcdir");
    char folder[4096];

    (void)state;
    snprintf(folder, sizeof(folder), "%s/tests/unit/data/xen",
             top != NULL ? top : ".");
    goldens_read(folder, &goldens);
    return 0;
}

static int
free_goldens(void **state)
{
    (void)state;
    goldens_free(&goldens);
    return 0;
}

static char *
text_of(const struct xk_json *json)
{
    struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, true);

    xk_json_put_value(writer, NULL, json);
    return xk_buf_take(&text);
}

static bool
is_right(const struct golden *row)
{
    struct xk_error err = {0};
    XK_CLEANUP_JSON struct xk_json *with = golden_json(NULL, row->config, &err);
    XK_CLEANUP_JSON struct xk_json *without =
        golden_json(NULL, row->without, &err);
    XK_CLEANUP_FREE char *text = NULL;

    if (with == NULL || without == NULL) {
        print_error("[%s]: %s\n", row->name, err.message);
        return false;
    }
    text = text_of(with);
    if (!golden_contains(with, row->expected)) {
        print_error("[%s] gives %s\n", row->name, text);
        return false;
    }
    if (!golden_contains(without, row->expected))
        return true;
    print_error("[%s] is there without being asked for\n", row->name);
    return false;
}

static void
each_key_stands_where_libxl_looks_for_it(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < goldens.count; i++)
        wrong += !is_right(&goldens.rows[i]);
    assert_int_equal(wrong, 0);
}

static void
each_row_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < goldens.count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(goldens.rows[i].name, goldens.rows[k].name);
    }
}

/* A key of keys.def that is neither mapped nor declared unsupported would be
 * refused only once somebody uses it. */
static void
each_key_has_a_field_or_is_declared_unsupported(void **state)
{
    (void)state;
    for (int i = 0; i < XK_KEY_COUNT; i++) {
        enum xk_key key = (enum xk_key)i;
        const struct xk_key_info *info = xk_key_info(key);
        bool unsupported = info->xen.fate == XK_FATE_UNSUPPORTED;

        if (xk_xen_config_takes(key) == unsupported)
            fail_msg(
                "%s: keys.def and toolstack/xen/to_libxl/config.c disagree",
                info->name);
    }
}

static void
each_option_has_a_field(void **state)
{
    (void)state;
    for (int i = 0; i < XK_OPTION_COUNT; i++) {
        if (!xk_xen_takes_option((enum xk_option_id)i))
            fail_msg("option %s of set %d",
                     xk_device_option((enum xk_option_id)i)->name,
                     xk_device_option((enum xk_option_id)i)->set);
    }
}

static bool
has_line_of(const char *lines, const char *key)
{
    size_t length = strlen(key);

    for (const char *line = lines; *line != '\0';
         line = strchr(line, '\n') + 1) {
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return true;
    }
    return false;
}

static void
each_key_with_a_field_has_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < XK_KEY_COUNT; i++) {
        const char *key = xk_key_info((enum xk_key)i)->name;
        bool covered = false;

        for (size_t k = 0; k < goldens.count && !covered; k++)
            covered = has_line_of(goldens.rows[k].lines, key);
        if (xk_xen_config_takes((enum xk_key)i) != covered)
            fail_msg("%s has %s row", key, covered ? "a" : "no");
    }
}

static void
each_generation_id_is_another(void **state)
{
    static const char text[] = BASE "type=\"hvm\"\nms_vm_genid=\"generate\"\n";
    struct xk_error err = {0};
    XK_CLEANUP_JSON struct xk_json *one = golden_json(NULL, text, &err);
    XK_CLEANUP_JSON struct xk_json *other = golden_json(NULL, text, &err);
    const struct xk_json *id = xk_json_get(
        xk_json_get(xk_json_get(one, "b_info"), "type.hvm"), "ms_vm_genid");

    (void)state;
    assert_int_equal(xk_json_length(id), 16);
    assert_false(golden_contains(
        xk_json_get(xk_json_get(xk_json_get(other, "b_info"), "type.hvm"),
                    "ms_vm_genid"),
        id));
}

static const struct {
    const char *text;
    enum xk_error_kind kind;
    const char *says;
} refusals[] = {
    {PV "xenstore_feature_mask=1\n", XK_ERR_UNSUPPORTED,
     "xenstore_feature_mask="},
    {PV "disk=[\"format=vmdk,vdev=xvda,backendtype=qdisk,target=/d\"]\n",
     XK_ERR_UNSUPPORTED, "qemu-img"},
    {PV "cpus=\"nodes:0\"\n", XK_ERR_UNSUPPORTED, "NUMA"},
    {PV "cpus=\"4096\"\n", XK_ERR_CONFIG, "none above 4095"},
    {PV "cpuid=\"host,frobnicate=1\"\n", XK_ERR_CONFIG, "frobnicate"},
    {PV "tee=\"ffa\"\n", XK_ERR_UNSUPPORTED, "ffa"},
    {PV "boot=\"c\"\n", XK_ERR_CONFIG, "type \"pv\""},
    {PV "vtpm=[\"uuid=1\"]\n", XK_ERR_CONFIG, "no UUID"},
};

static void
what_libxl_cannot_take_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(refusals); i++) {
        struct xk_error err = {0};

#ifdef LIBXL_HAVE_BUILDINFO_ARCH_ARM_TEE_FFA
        if (strcmp(refusals[i].says, "ffa") == 0)
            continue;
#endif
        if (golden_json(NULL, refusals[i].text, &err) != NULL)
            fail_msg("taken: %s", refusals[i].text);
        if (err.kind != refusals[i].kind ||
            strstr(err.message, refusals[i].says) == NULL)
            fail_msg("%s gives %s", refusals[i].text, err.message);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_stands_where_libxl_looks_for_it),
        cmocka_unit_test(each_row_has_a_name_of_its_own),
        cmocka_unit_test(each_key_has_a_field_or_is_declared_unsupported),
        cmocka_unit_test(each_option_has_a_field),
        cmocka_unit_test(each_key_with_a_field_has_a_row),
        cmocka_unit_test(each_generation_id_is_another),
        cmocka_unit_test(what_libxl_cannot_take_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, read_goldens, free_goldens);
}
