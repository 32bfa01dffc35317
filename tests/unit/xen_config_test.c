/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libxl's own JSON says of a configuration; needs no hypervisor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/unit/test.h"
#include "toolstack/xen/config.h"

#define BASE "name=\"g\"\nmemory=64\n"

/* The JSON of text, or NULL with *err. A guest that is not HVM needs a kernel.
 */
static char *
json_of(const char *text, struct xk_error *err)
{
    static const char *const kernel[] = {"kernel=\"/base\""};
    bool has = strstr(text, "kernel=") != NULL || strstr(text, "hvm") != NULL;
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), kernel, has ? 0 : 1, &problems, err);
    libxl_domain_config to;
    char *json = NULL;

    assert_non_null(config);
    xk_problems_free(&problems);
    if (xk_xen_config(config, &to, err) == 0) {
        json = libxl_domain_config_to_json(NULL, &to);
        assert_non_null(json);
    }
    libxl_domain_config_dispose(&to);
    return json;
}

/* Spaces are libxl's affair. */
static void
squeeze(char *text)
{
    char *to = text;

    for (char *from = text; *from != '\0'; from++) {
        if (strchr(" \n\t", *from) == NULL)
            *to++ = *from;
    }
    *to = '\0';
}

static const struct {
    const char *text;
    const char *json; /* must be there, and not without the line */
} rows[] = {
    {"kernel=\"/k\"\n", "\"kernel\":\"/k\""},
    {"ramdisk=\"/r\"\n", "\"ramdisk\":\"/r\""},
    {"cmdline=\"quiet\"\n", "\"cmdline\":\"quiet\""},
    {"root=\"/dev/xvda\"\nextra=\"ro\"\n", "\"cmdline\":\"root=/dev/xvdaro\""},
    {"type=\"pvh\"\n", "\"type\":\"pvh\""},
    {"type=\"hvm\"\n", "\"type\":\"hvm\""},
    {"uuid=\"01234567-89ab-cdef-0123-456789abcdef\"\n",
     "\"uuid\":\"01234567-89ab-cdef-0123-456789abcdef\""},
    {"vcpus=2\nmaxvcpus=3\n", "\"max_vcpus\":3,\"avail_vcpus\":[0,1]"},
    {"maxmem=128\n", "\"max_memkb\":131072,\"target_memkb\":65536"},
    {"nomigrate=1\n", "\"disable_migrate\":\"True\""},
    {"localtime=1\n", "\"localtime\":\"True\""},
    {"tsc_mode=\"native\"\n", "\"tsc_mode\":\"native\""},
    {"max_grant_frames=99\n", "\"max_grant_frames\":99"},
    {"max_event_channels=77\n", "\"event_channels\":77"},
    {"cpu_weight=512\n", "\"weight\":512"},
    {"on_crash=\"preserve\"\n", "\"on_crash\":\"preserve\""},
    {"pool=\"p\"\n", "\"pool_name\":\"p\""},
    {"driver_domain=1\n", "\"driver_domain\":\"True\""},
    {"type=\"hvm\"\nhpet=0\n", "\"hpet\":\"False\""},
    {"type=\"hvm\"\npae=0\n", "\"pae\":\"False\""},
    {"type=\"hvm\"\nboot=\"dc\"\n", "\"boot\":\"dc\""},
    {"type=\"hvm\"\nmmio_hole=512\n", "\"mmio_hole_memkb\":524288"},
    {"disk=[\"/d,raw,xvda,w\"]\n", "\"pdev_path\":\"/d\",\"vdev\":\"xvda\""},
    {"vif=[\"mac=00:16:3e:01:02:03,bridge=b0\"]\n",
     "\"mac\":\"00:16:3e:01:02:03\",\"bridge\":\"b0\""},
};

static void
each_key_stands_where_libxl_looks_for_it(void **state)
{
    struct xk_error err = {0};
    char *without = json_of(BASE, &err);

    (void)state;
    assert_non_null(without);
    squeeze(without);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        char text[512];
        char *with;

        snprintf(text, sizeof(text), BASE "%s", rows[i].text);
        with = json_of(text, &err);
        if (with == NULL)
            fail_msg("%s: %s", rows[i].text, err.message);
        squeeze(with);
        if (strstr(with, rows[i].json) == NULL)
            fail_msg("%s gives %s", rows[i].text, with);
        if (strstr(without, rows[i].json) != NULL)
            fail_msg("%s is there without being asked for", rows[i].json);
        free(with);
    }
    free(without);
}

static void
what_has_no_place_is_refused_by_name(void **state)
{
    struct xk_error err = {0};

    (void)state;
    assert_null(json_of(BASE "xenstore_feature_mask=1\n", &err));
    assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "xenstore_feature_mask="));
}

static void
a_format_that_libxl_lacks_is_refused_with_the_cure(void **state)
{
    struct xk_error err = {0};

    (void)state;
    assert_null(
        json_of(BASE "disk=[\"format=vmdk,vdev=xvda,target=/d\"]\n", &err));
    assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "qemu-img"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_stands_where_libxl_looks_for_it),
        cmocka_unit_test(what_has_no_place_is_refused_by_name),
        cmocka_unit_test(a_format_that_libxl_lacks_is_refused_with_the_cure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
