/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From libxl's JSON back to lines of xl.cfg(5), for every row of
 * tests/unit/data/xen; needs no hypervisor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/xen/golden.h"
#include "toolstack/xen/from_xl/xl_config.h"

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

/* Translate there and back. Returns 0, or -1 with the reason. */
static int
come_back(const struct xk_json *theirs, struct xk_buf *lines,
          struct xk_error *err)
{
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    XK_CLEANUP_JSON struct xk_json *ours = NULL;

    if (xk_xl_config_lines(theirs, lines, err) == -1)
        return -1;
    config = xk_config_parse("g", lines->data, lines->length, NULL, 0,
                             &problems, err);
    xk_problems_free(&problems);
    if (config == NULL)
        return -1;
    ours = golden_json(NULL, lines->data, err);
    if (ours == NULL)
        return -1;
    return xk_xl_config_compare(theirs, ours, config, err);
}

/* Rows that cannot be translated back, and the member that the refusal names.
 */
static const struct {
    const char *row, *says;
} refused[] = {
    {"cpuid-flags", "\"b_info.cpuid.cpuid\""},
    {"cpuid-leaves", "\"b_info.cpuid.cpuid\""},
    {"viridian-groups", "\"b_info.type.hvm.viridian_enable\""},
    {"mca_caps", "\"b_info.type.hvm.mca_caps\""},
    {"vnuma", "\"b_info.vnuma_nodes\""},
    {"vnuma-decides", "\"b_info.vnuma_nodes\""},
    {"vtpm", "\"vtpms\""},
    {"p9", "\"p9s\""},
    {"pvcalls", "\"pvcallsifs\""},
    {"channel", "\"channels\""},
    {"pci", "\"pcidevs\""},
    {"pci-name", "\"pcidevs\""},
    {"pci_permissive", "\"pcidevs\""},
    {"pci_msitranslate", "\"pcidevs\""},
    {"pci_seize", "\"pcidevs\""},
    {"pci_power_mgmt", "\"pcidevs\""},
    {"rdm", "\"b_info.type.hvm.rdm.strategy\""},
    {"rdm-policy", "\"b_info.type.hvm.rdm.strategy\""},
    {"ioports", "\"b_info.ioports\""},
    {"iomem", "\"b_info.iomem\""},
    {"irqs", "\"b_info.irqs\""},
    {"dtdev", "\"dtdevs\""},
    {"vkb", "\"vkbs\""},
    {"vkb-touch", "\"vkbs\""},
    {"vkb-behind-vfb", "\"vkbs\""},
    {"vdispl", "\"vdispls\""},
    {"gfx_passthru", "\"b_info.type.hvm.gfx_passthru\""},
    {"gfx_passthru-igd", "\"b_info.type.hvm.gfx_passthru\""},
    {"usbctrl", "\"usbctrls\""},
    {"usbdev", "\"usbdevs\""},
    {"vsnd", "\"vsnds\""},
};

static const char *
refusal_of(const char *row)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(refused); i++) {
        if (strcmp(refused[i].row, row) == 0)
            return refused[i].says;
    }
    return NULL;
}

static bool
is_right(const struct golden *row)
{
    struct xk_error err = {0};
    XK_CLEANUP_JSON struct xk_json *theirs =
        golden_json(NULL, row->config, &err);
    XK_CLEANUP_BUF struct xk_buf lines = {0};
    const char *says = refusal_of(row->name);

    if (theirs == NULL)
        return true; /* to_libxl/config_test reports it */
    if (come_back(theirs, &lines, &err) == 0) {
        if (says == NULL)
            return true;
        print_error("[%s] is taken\n", row->name);
        return false;
    }
    if (says != NULL && strstr(err.message, says) != NULL)
        return true;
    print_error("[%s] gives\n%s%s\n", row->name,
                lines.data != NULL ? lines.data : "", err.message);
    return false;
}

static void
each_row_comes_back_or_is_refused_by_name(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < goldens.count; i++)
        wrong += !is_right(&goldens.rows[i]);
    assert_int_equal(wrong, 0);
}

/* Changes to libxl's JSON of PV, as jq would write them. */
static const struct {
    const char *json, *says;
} hostile[] = {
    {"[]", "not a JSON object"},
    {"{\"c_info\": {\"name\": 1}}", "\"c_info.name\""},
    {"{\"frobs\": [1]}", "\"frobs\""},
    {"{\"b_info\": {\"max_memkb\": -1}}", "\"b_info.max_memkb\""},
    {"{\"b_info\": {\"max_memkb\": 1e400}}", ""},
    {"{\"b_info\": {\"vcpu_hard_affinity\": [[-1]]}}", "hard_affinity"},
    {"{\"b_info\": {\"bootloader_args\": [1]}}", "bootloader_args"},
    {"{\"disks\": 1}", "\"disks\""},
    {"{\"disks\": [1]}", ""},
    {"{\"disks\": [{\"vdev\": \"xvda,script=/x\"}]}", "\"disks\""},
    {"{\"disks\": [{\"backend_domid\": 3}]}", "\"disks\""},
    {"{\"disks\": [{\"colo_host\": \"x\"}]}", "\"disks\""},
    {"{\"nics\": [{\"bridge\": \"b,script=/x\"}]}", "\"nics\""},
    {"{\"nics\": [{\"rate_bytes_per_interval\": 9, \"rate_interval_usecs\": "
     "0}]}",
     "\"nics\""},
    {"{\"b_info\": {\"type.pv\": {\"slack_memkb\": 1}}}", "slack_memkb"},
};

static void
what_no_line_stands_for_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(hostile); i++) {
        struct xk_error err = {0};
        XK_CLEANUP_BUF struct xk_buf lines = {0};
        XK_CLEANUP_JSON struct xk_json *json = xk_json_parse(
            hostile[i].json, strlen(hostile[i].json), "a file", &err);

        if (json != NULL && come_back(json, &lines, &err) == 0)
            fail_msg("taken: %s", hostile[i].json);
        if (strstr(err.message, hostile[i].says) == NULL)
            fail_msg("%s: %s", hostile[i].json, err.message);
    }
}

static void
lines_that_come_to_another_are_refused(void **state)
{
    static const char *const lines = "name=\"a\"\nmemory=64\nkernel=\"/k\"\n"
                                     "vif=[\"mac=00:16:3e:01:02:03\"]\n";
    static const char *const other = "name=\"a\"\nmemory=64\nkernel=\"/k\"\n"
                                     "vif=[\"mac=00:16:3e:01:02:04\"]\n";
    struct xk_error err = {0};
    XK_CLEANUP_JSON struct xk_json *theirs = golden_json(NULL, lines, &err);
    XK_CLEANUP_JSON struct xk_json *ours = golden_json(NULL, other, &err);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        golden_config(lines, &err);

    (void)state;
    assert_int_equal(xk_xl_config_compare(theirs, ours, config, &err), -1);
    assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
}

/* As xl 4.17 writes it to a file: with the members that libxl fills in. */
static const char saved[] =
    "{\"c_info\": {\"type\": \"pvh\", \"name\": \"theirs\", \"uuid\": "
    "\"c7e62235-5955-4c52-ad6c-e25a6c4cc462\", \"run_hotplug_scripts\": "
    "\"True\"}, \"b_info\": {\"tsc_mode\": \"native\", \"max_memkb\": 196608, "
    "\"target_memkb\": 196608, \"video_memkb\": 0, \"sched_params\": "
    "{\"sched\": "
    "\"credit2\", \"weight\": 256, \"cap\": 90}, \"claim_mode\": \"True\", "
    "\"kernel\": \"/k\", \"cmdline\": \"console=hvc0 quiet ticks\", "
    "\"ramdisk\": "
    "\"/i\", \"type.pvh\": {}, \"arch_arm\": {}, \"arch_x86\": "
    "{\"msr_relaxed\": \"False\"}}, \"disks\": [{\"pdev_path\": \"/d\", "
    "\"vdev\": \"xvdb\", \"format\": \"raw\", \"readwrite\": 1, "
    "\"colo_restore_enable\": \"False\"}], \"nics\": [{\"devid\": 0, \"mac\": "
    "\"00:16:3e:00:00:01\", \"bridge\": \"xenbr0\", \"nictype\": \"vif\", "
    "\"rate_bytes_per_interval\": 50000, \"rate_interval_usecs\": 50000}], "
    "\"on_soft_reset\": \"soft_reset\"}";

static void
what_xl_saves_is_taken(void **state)
{
    struct xk_error err = {0};
    XK_CLEANUP_BUF struct xk_buf lines = {0};
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(saved, strlen(saved), "a file", &err);

    (void)state;
    if (json == NULL || come_back(json, &lines, &err) == -1)
        fail_msg("%s", err.message);
    assert_non_null(strstr(lines.data, "rate=1000000B/s@50000us"));
    assert_non_null(strstr(lines.data, "target=/d"));
}

static void
a_screen_that_a_saved_file_says_nothing_of_is_not_opened(void **state)
{
    static const char hvm[] =
        "{\"c_info\": {\"type\": \"hvm\", \"name\": \"theirs\", \"uuid\": "
        "\"c7e62235-5955-4c52-ad6c-e25a6c4cc462\"}, \"b_info\": "
        "{\"max_memkb\": 196608, \"target_memkb\": 196608, \"max_vcpus\": 1, "
        "\"avail_vcpus\": [0], \"type.hvm\": {}}}";
    struct xk_error err = {0};
    XK_CLEANUP_BUF struct xk_buf lines = {0};
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(hvm, strlen(hvm), "a file", &err);

    (void)state;
    if (json == NULL || come_back(json, &lines, &err) == -1)
        fail_msg("%s", err.message);
    assert_null(strstr(lines.data, "vnc"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_comes_back_or_is_refused_by_name),
        cmocka_unit_test(what_xl_saves_is_taken),
        cmocka_unit_test(
            a_screen_that_a_saved_file_says_nothing_of_is_not_opened),
        cmocka_unit_test(what_no_line_stands_for_is_refused),
        cmocka_unit_test(lines_that_come_to_another_are_refused),
    };

    return cmocka_run_group_tests(tests, read_goldens, free_goldens);
}
