/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From keys to a domain: values, defaults and rules between keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/util.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/config/resolve.h"

/* Enough for a domain, on one line. */
#define HVM "name='d'; type='hvm'; memory=64\n"
#define PV "name='d'; memory=64; kernel='/k'\n"

static void
a_small_domain_has_the_defaults_of_xl(void **state)
{
    struct xk_domain_config *config = read_good(PV);

    (void)state;
    assert_string_equal(config->name, "d");
    assert_string_equal(config->source, "t");
    assert_false(config->uuid_given);
    assert_int_equal(config->uuid.bytes[6] >> 4, 4);
    assert_int_equal(config->type, XK_TYPE_PV);
    assert_int_equal(config->memory_mib, 64);
    assert_int_equal(config->maxmem_mib, 64);
    assert_int_equal(config->vcpus, 1);
    assert_int_equal(config->maxvcpus, 1);
    assert_int_equal(config->on[XK_STOP_POWEROFF], XK_ACTION_DESTROY);
    assert_int_equal(config->on[XK_STOP_REBOOT], XK_ACTION_RESTART);
    assert_int_equal(config->on[XK_STOP_CRASH], XK_ACTION_DESTROY);
    assert_int_equal(config->on[XK_STOP_WATCHDOG], XK_ACTION_DESTROY);
    assert_int_equal(config->on[XK_STOP_SOFT_RESET], XK_ACTION_SOFT_RESET);
    assert_int_equal(config->disk_count, 0);
    assert_int_equal(config->vif_count, 0);
    assert_string_equal(xk_config_string(config, XK_KEY_KERNEL), "/k");
    assert_null(xk_config_string(config, XK_KEY_RAMDISK));
    assert_int_equal(xk_config_integer(config, XK_KEY_MEMORY, 0), 64);
    assert_int_equal(xk_config_integer(config, XK_KEY_MAXMEM, 7), 7);
    assert_true(xk_config_bool(config, XK_KEY_ACPI, true));
    assert_false(xk_config_is_set(config, XK_KEY_ACPI));
    xk_config_free(config);
}

static void
what_is_given_is_what_the_domain_gets(void **state)
{
    struct xk_domain_config *config = read_good(
        "name = 'web'\ntype = 'pvh'\nkernel = '/k'\n"
        "uuid = 'C0DE0000-1111-2222-3333-444455556666'\n"
        "memory = 0x100\nmaxmem = 512\nvcpus = 2\nmaxvcpus = 4\n"
        "on_poweroff = 'preserve'\non_reboot = 'rename-restart'\n"
        "on_crash = 'coredump-restart'\non_watchdog = 'coredump-destroy'\n"
        "on_soft_reset = 'destroy'\nacpi = 0\n"
        "cpus = ['0-3,^1', 'all', 'nodes:0,^node:1']\n"
        "vif = ['', 'devid=5', '']\n");

    (void)state;
    assert_int_equal(config->type, XK_TYPE_PVH);
    assert_true(config->uuid_given);
    assert_int_equal(config->uuid.bytes[0], 0xc0);
    assert_int_equal(config->memory_mib, 256);
    assert_int_equal(config->maxmem_mib, 512);
    assert_int_equal(config->vcpus, 2);
    assert_int_equal(config->maxvcpus, 4);
    assert_int_equal(config->on[XK_STOP_POWEROFF], XK_ACTION_PRESERVE);
    assert_int_equal(config->on[XK_STOP_REBOOT], XK_ACTION_RENAME_RESTART);
    assert_int_equal(config->on[XK_STOP_CRASH], XK_ACTION_COREDUMP_RESTART);
    assert_int_equal(config->on[XK_STOP_WATCHDOG], XK_ACTION_COREDUMP_DESTROY);
    assert_int_equal(config->on[XK_STOP_SOFT_RESET], XK_ACTION_DESTROY);
    assert_true(xk_config_is_set(config, XK_KEY_ACPI));
    assert_false(xk_config_bool(config, XK_KEY_ACPI, true));
    assert_int_equal(config->values[XK_KEY_CPUS].item_count, 3);
    assert_int_equal(config->values[XK_KEY_CPUS].item_where[1].column, 19);
    assert_int_equal(config->vifs[0].devid, 0);
    assert_int_equal(config->vifs[1].devid, 5);
    assert_int_equal(config->vifs[2].devid, 2);
    xk_config_free(config);
}

static void
maxmem_alone_is_the_memory_too(void **state)
{
    struct xk_domain_config *config =
        read_good("name='d'; type='hvm'; maxmem=128\n");

    (void)state;
    assert_int_equal(config->memory_mib, 128);
    assert_int_equal(config->maxmem_mib, 128);
    xk_config_free(config);
}

static void
maxvcpus_alone_leaves_one_vcpu_online(void **state)
{
    struct xk_domain_config *config = read_good(HVM "maxvcpus=4\n");

    (void)state;
    assert_int_equal(config->vcpus, 1);
    assert_int_equal(config->maxvcpus, 4);
    xk_config_free(config);
}

/* Each of these texts causes exactly this problem. */
static const struct {
    const char *text, *problem;
} wrong[] = {
    /* required keys */
    {"type='hvm'; memory=64\n",
     "t: error: the domain has no name; write name = \"...\""},
    {"name=['d']; type='hvm'; memory=64\n",
     "t:1:6: error: name: expected a single value, not a list"},
    {"name=''; type='hvm'; memory=64\n",
     "t:1:1: error: the name of a domain is empty"},
    {"name='12'; type='hvm'; memory=64\n",
     "t:1:1: error: \"12\" is not a valid name: it would be taken for a domid"},
    {"name='a/b'; type='hvm'; memory=64\n",
     "t:1:1: error: \"a/b\" is not a valid name: it has a '/'"},
    {"name='a\\nb'; type='hvm'; memory=64\n",
     "t:1:1: error: the name of a domain has a control character"},
    {"name='d'; type='hvm'\n",
     "t: warning: memory is not given; the domain gets 32 MiB, as with xl"},
    {"name='d'; memory=64\n",
     "t: error: a domain of type \"pv\" needs kernel= or bootloader=; to boot "
     "its disk write type = \"hvm\""},
    {"name='d'; memory=64; type='pvh'\n",
     "t: error: a domain of type \"pvh\" needs kernel= or bootloader=; to boot "
     "its disk write type = \"hvm\""},
    /* values */
    {HVM "vcpus='two'\n", "t:2:7: error: vcpus: 'two' is not a number"},
    {HVM "vcpus=0\n", "t:2:7: error: vcpus: 0 is not from 1 to 8192"},
    {HVM "vcpus='-1'\n", "t:2:7: error: vcpus: -1 is not from 1 to 8192"},
    {HVM "vcpus=99999999999999999999\n",
     "t:2:7: error: vcpus: '99999999999999999999' is not a number"},
    {HVM "vcpus=[1]\n",
     "t:2:7: error: vcpus: expected a single value, not a list"},
    {HVM "vcpus+=2\n", "t:2:8: error: vcpus: '+=' cannot be used with numbers"},
    {HVM "acpi='yes'\n", "t:2:6: error: acpi: 'yes' is not a number"},
    {HVM "vcpus=010\n", "t:2:7: warning: vcpus: '010' is octal because of its "
                        "leading zero; its value is 8"},
    {HVM "on_crash='reboot'\n",
     "t:2:10: error: on_crash: unknown 'reboot'; expected destroy, restart, "
     "rename-restart, preserve, coredump-destroy, coredump-restart or "
     "soft-reset"},
    {HVM "on_crash='restrat'\n",
     "t:2:10: error: on_crash: unknown 'restrat'; did you mean 'restart'?"},
    {HVM "vga='STDVGA'\n",
     "t:2:5: error: vga: unknown 'STDVGA'; did you mean 'stdvga'?"},
    {HVM "disk='/a,raw,xvda,w'\n",
     "t:2:6: error: disk: expected a list: [ \"...\" ]"},
    {HVM "disk=[['/a,raw,xvda,w']]\n",
     "t:2:7: error: disk: expected a string here, not a list"},
    {HVM "vnuma=['pnode=0']\n",
     "t:2:8: error: vnuma: expected a list here: [ \"...\" ]"},
    {HVM "kernel='/\xff'\n", "t:2:10: error: kernel: byte 0xff is not UTF-8"},
    {HVM "viridian=['base','frequency']\n",
     "t:2:18: error: viridian: unknown 'frequency'; expected base, freq, "
     "time_ref_count, reference_tsc, hcall_remote_tlb_flush, apic_assist, "
     "crash_ctl, synic, stimer, hcall_ipi, ex_processor_masks, no_vp_limit, "
     "cpu_hotplug, defaults or all"},
    {HVM "tsc_mode=1\n", "t:2:10: warning: tsc_mode: a number is deprecated; "
                         "write \"always_emulate\""},
    {HVM "tsc_mode=4\n", "t:2:10: error: tsc_mode: unknown '4'; expected "
                         "default, always_emulate, native or native_paravirt"},
    {HVM "uuid='1-2'\n", "t:2:1: error: uuid: '1-2' is not a UUID"},
    {HVM "uuid='00000000-0000-0000-0000-000000000000'\n",
     "t:2:1: error: uuid: the all-zero UUID belongs to dom0"},
    {HVM "cpus='0-3,'\ncpus_soft='3-1'\n",
     "t:3:11: error: cpus_soft: a range must not end below its start"},
    {HVM "cpus=['all','^all']\n",
     "t:2:13: error: cpus: '^' and 'all' cannot be combined"},
    {HVM "cpus='0;1'\n",
     "t:2:6: error: cpus: CPUs are written as \"0-3,^1,nodes:1\" or \"all\""},
    /* keys that cannot be combined */
    {HVM "maxmem=63\n", "t:2:1: error: maxmem: 63 MiB is less than memory, 64"},
    {HVM "vcpus=2\nmaxvcpus=1\n",
     "t:3:1: error: maxvcpus: 1 is less than vcpus, 2"},
    {PV "firmware='pvgrub64'\n",
     "t:2:1: error: firmware and kernel are both set"},
    {PV "firmware='ovmf'\n",
     "t:2:1: error: firmware: a domain of type \"pv\" can have pvgrub32 or "
     "pvgrub64 only, not 'ovmf'"},
    {HVM "firmware='pvgrub64'\n",
     "t:2:1: error: firmware: pvgrub64 is for type=\"pv\""},
    {PV "cmdline='a'\nextra='b'\n",
     "t:3:1: warning: extra is ignored, because cmdline is set"},
    {HVM "bios_path_override='/b'\n",
     "t:2:1: warning: bios_path_override without bios; say which kind of "
     "firmware it is"},
    {HVM "vnclisten='0.0.0.0:1'\nvncdisplay=2\n",
     "t:3:1: error: the display is set in both vnclisten and vncdisplay"},
    {HVM "vga='qxl'\nvideoram=64\n",
     "t:3:1: error: videoram: qxl needs 128 MiB"},
    {HVM "usb=1\nusbversion=3\n",
     "t:3:1: error: usbversion cannot be combined with usb or usbdevice"},
    {HVM "boot='hd'\n", "t:2:1: error: boot: 'hd' has letters other than c "
                        "(hard disk), d (CD-ROM) and n (network)"},
    {HVM "kernel='/usr/lib/xen/boot/hvmloader'\n",
     "t:2:1: warning: kernel: hvmloader is not a kernel and is ignored; to "
     "replace it set firmware_override"},
    /* keys of one type of domain only */
    {PV "boot='c'\n", "t:2:1: error: boot does nothing for a domain of type "
                      "\"pv\"; leave it out, or change the type"},
    {PV "usb=0\n", "t:2:1: warning: usb does nothing for a domain of type "
                   "\"pv\""},
    {PV "serial='pty'\n",
     "t:2:1: warning: serial does nothing for a domain of type \"pv\""},
    {PV "timer_mode='no_missed_ticks_pending'\n",
     "t:2:1: error: timer_mode does nothing for a domain of type \"pv\"; leave "
     "it out, or change the type"},
    {HVM "bootloader='pygrub'\n",
     "t:2:1: error: bootloader does nothing for a domain of type \"hvm\"; "
     "leave it out, or change the type"},
    /* deprecated, unknown and repeated */
    {"name='d'; memory=64; builder='hvm'\n",
     "t:1:22: warning: builder is deprecated. The old way to choose the type: "
     "generic is type=\"pv\", hvm is type=\"hvm\". Deprecated; use type."},
    {HVM "device_model='/q'\n",
     "t:2:1: warning: device_model is deprecated. Once the path of the device "
     "model. Ignored; use device_model_override."},
    {HVM "vif2=[]\n",
     "t:2:1: warning: vif2 is deprecated. Network cards of a protocol that is "
     "gone. Ignored; use vif."},
    {HVM "memroy=1\n",
     "t:2:1: warning: unknown key 'memroy'; did you mean 'memory'?"},
    {HVM "  frobnicate=[1,[2]]\n", "t:2:3: warning: unknown key 'frobnicate'"},
    {HVM "vcpus=1\n vcpus=2\n",
     "t:2:1: warning: 'vcpus' is set again on line 3, and that value counts"},
};

static void
what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong); i++)
        expect_problem(wrong[i].text, wrong[i].problem);
}

static void
builder_and_type_must_agree(void **state)
{
    struct xk_problems problems = {0};

    (void)state;
    assert_null(
        read_text(&problems, PV "type='pvh'\nbuilder='generic'\n", NULL));
    assert_true(has_problem(
        &problems, "t:3:1: error: builder and type contradict each other"));
    xk_problems_free(&problems);
}

static void
a_type_is_not_guessed_from_its_beginning(void **state)
{
    struct xk_problems problems = {0};

    (void)state;
    assert_null(read_text(&problems, "name='d'\nmemory=1\ntype='h'\n", NULL));
    assert_int_equal(problems.items[0].line, 3);
    assert_non_null(strstr(problems.items[0].message, "unknown 'h'"));
    xk_problems_free(&problems);
}

static void
every_problem_is_told_at_once(void **state)
{
    struct xk_problems problems = {0};

    (void)state;
    assert_null(read_text(&problems,
                          "name = 'd'\ntype = 'hvm'\nmemory = 'x'\nvcpus = 0\n"
                          "disk = [ '/a,raw,xvda,q', '/b,rwa,xvdb,w' ]\n"
                          "vif = [ 'bridge=a b' ]\nnic = 1\n",
                          NULL));
    assert_int_equal(problems.errors, 5);
    assert_int_equal(problems.warnings, 1);
    xk_problems_free(&problems);
}

static void
overrides_win_over_the_file_and_earlier_ones(void **state)
{
    struct xk_problems problems = {0};
    struct xk_domain_config *config =
        read_text(&problems, HVM "vcpus=1\nextra='a'\n", "vcpus=2", "vcpus=3",
                  "name=\"x\"", "extra+='b'", "disk+=['/a,raw,xvda,w']", NULL);

    (void)state;
    assert_non_null(config);
    assert_int_equal(problems.count, 0);
    assert_string_equal(config->name, "x");
    assert_int_equal(config->vcpus, 3);
    assert_string_equal(xk_config_string(config, XK_KEY_EXTRA), "ab");
    assert_int_equal(config->disk_count, 1);
    assert_string_equal(config->disks[0].where.file, "command line");
    xk_config_free(config);
}

static void
a_wrong_override_is_told_with_its_number(void **state)
{
    struct xk_problems problems = {0};

    (void)state;
    assert_null(read_text(&problems, HVM, "vcpus=2", "name=web", NULL));
    assert_int_equal(problems.errors, 1);
    assert_string_equal(problems.items[0].file, "command line");
    assert_int_equal(problems.items[0].line, 2);
    assert_int_equal(problems.items[0].column, 6);
    xk_problems_free(&problems);
}

static void
forms_of_xl_become_one_form(void **state)
{
    struct xk_problems problems = {0};
    struct xk_domain_config *config =
        read_text(&problems,
                  HVM "viridian=1\nserial='pty'\nusbdevice='tablet'\n"
                      "timer_mode=2\nhdtype='AHCI'\ngfx_passthru=1\nacpi=7\n"
                      "vnuma=[['pnode=0','size=64','vcpus=0','vdistances=9']]"
                      "\n",
                  "bios='OVMF'", NULL);

    (void)state;
    assert_non_null(config);
    assert_string_equal(config->values[XK_KEY_VIRIDIAN].items[0], "defaults");
    assert_string_equal(config->values[XK_KEY_SERIAL].items[0], "pty");
    assert_string_equal(config->values[XK_KEY_USBDEVICE].items[0], "tablet");
    assert_string_equal(xk_config_string(config, XK_KEY_TIMER_MODE),
                        "no_missed_ticks_pending");
    assert_string_equal(xk_config_string(config, XK_KEY_HDTYPE), "ahci");
    assert_string_equal(xk_config_string(config, XK_KEY_BIOS), "ovmf");
    assert_string_equal(xk_config_string(config, XK_KEY_GFX_PASSTHRU), "1");
    assert_int_equal(xk_config_integer(config, XK_KEY_ACPI, 0), 1);
    assert_string_equal(config->values[XK_KEY_VNUMA].items[0],
                        "pnode=0\nsize=64\nvcpus=0\nvdistances=9");
    assert_int_equal(config->values[XK_KEY_VNUMA].item_count, 1);
    xk_config_free(config);
    xk_problems_free(&problems);
}

static void
bootloader_args_are_split_at_blanks(void **state)
{
    struct xk_problems problems = {0};
    struct xk_domain_config *config =
        read_text(&problems,
                  "name='d'; memory=64; bootloader='pygrub'\n"
                  "bootloader_args=' --kernel  /vmlinuz '\n",
                  NULL);

    (void)state;
    assert_non_null(config);
    assert_int_equal(problems.warnings, 1);
    assert_int_equal(config->values[XK_KEY_BOOTLOADER_ARGS].item_count, 2);
    assert_string_equal(config->values[XK_KEY_BOOTLOADER_ARGS].items[1],
                        "/vmlinuz");
    xk_config_free(config);
    xk_problems_free(&problems);
}

static void
names_of_128_bytes_are_the_longest(void **state)
{
    char name[130];
    struct xk_error err;

    (void)state;
    memset(name, 'x', sizeof(name));
    name[128] = '\0';
    assert_int_equal(xk_domain_name_check(name, &err), 0);
    name[128] = 'x';
    name[129] = '\0';
    assert_int_equal(xk_domain_name_check(name, &err), -1);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_int_equal(xk_domain_name_check("-web 1,$(x)", &err), 0);
}

static void
thousands_of_keys_are_read_in_time(void **state)
{
    struct xk_problems problems = {0};
    struct xk_buf text = {0};
    struct xk_domain_config *config;

    (void)state;
    xk_buf_puts(&text, HVM);
    for (int i = 0; i < 40000; i++)
        xk_buf_printf(&text, "key%d=1;vcpus=2\n", i);
    config = read_text(&problems, text.data, NULL);
    assert_non_null(config);
    assert_int_equal(problems.warnings, 40000 + 39999);
    xk_config_free(config);
    xk_problems_free(&problems);
    xk_buf_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_domain_has_the_defaults_of_xl),
        cmocka_unit_test(what_is_given_is_what_the_domain_gets),
        cmocka_unit_test(maxmem_alone_is_the_memory_too),
        cmocka_unit_test(maxvcpus_alone_leaves_one_vcpu_online),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(builder_and_type_must_agree),
        cmocka_unit_test(a_type_is_not_guessed_from_its_beginning),
        cmocka_unit_test(every_problem_is_told_at_once),
        cmocka_unit_test(overrides_win_over_the_file_and_earlier_ones),
        cmocka_unit_test(a_wrong_override_is_told_with_its_number),
        cmocka_unit_test(forms_of_xl_become_one_form),
        cmocka_unit_test(bootloader_args_are_split_at_blanks),
        cmocka_unit_test(names_of_128_bytes_are_the_longest),
        cmocka_unit_test(thousands_of_keys_are_read_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
