/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of keys is complete and its rows make sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "toolstack/config/key.h"
#include "toolstack/config/suggest.h"

/* Every key that xl of Xen 4.17 looks up (tools/xl/xl_parse.c). */
static const char *const of_xl[] = {
    "acpi",
    "acpi_firmware",
    "acpi_laptop_slate",
    "acpi_s3",
    "acpi_s4",
    "altp2m",
    "altp2mhvm",
    "apic",
    "bios",
    "bios_path_override",
    "boot",
    "bootloader",
    "bootloader_args",
    "builder",
    "cap",
    "channel",
    "cmdline",
    "cpu_weight",
    "cpuid",
    "cpus",
    "cpus_soft",
    "device_model",
    "device_model_args",
    "device_model_args_hvm",
    "device_model_args_pv",
    "device_model_override",
    "device_model_stubdomain_override",
    "device_model_stubdomain_seclabel",
    "device_model_user",
    "device_model_version",
    "device_tree",
    "disk",
    "display",
    "dm_restrict",
    "driver_domain",
    "dtdev",
    "e820_host",
    "extra",
    "extratime",
    "firmware",
    "firmware_override",
    "gfx_passthru",
    "gic_version",
    "hap",
    "hdtype",
    "hpet",
    "init_seclabel",
    "iomem",
    "ioports",
    "irqs",
    "kernel",
    "keymap",
    "latency",
    "localtime",
    "max_event_channels",
    "max_grant_frames",
    "max_grant_version",
    "max_maptrack_frames",
    "maxmem",
    "maxvcpus",
    "mca_caps",
    "memory",
    "mmio_hole",
    "ms_vm_genid",
    "msr_relaxed",
    "name",
    "nestedhvm",
    "nographic",
    "nomigrate",
    "nx",
    "on_crash",
    "on_poweroff",
    "on_reboot",
    "on_soft_reset",
    "on_watchdog",
    "oos",
    "opengl",
    "p9",
    "pae",
    "passthrough",
    "pci",
    "pci_msitranslate",
    "pci_permissive",
    "pci_power_mgmt",
    "pci_seize",
    "period",
    "pool",
    "pvcalls",
    "pvshim",
    "pvshim_cmdline",
    "pvshim_extra",
    "pvshim_path",
    "ramdisk",
    "rdm",
    "rdm_mem_boundary",
    "root",
    "rtc_timeoffset",
    "sdl",
    "seclabel",
    "serial",
    "shadow_memory",
    "slice",
    "smbios_firmware",
    "soundhw",
    "spice",
    "spice_clipboard_sharing",
    "spice_image_compression",
    "spice_streaming_video",
    "spiceagent_mouse",
    "spicedisable_ticketing",
    "spicehost",
    "spicepasswd",
    "spiceport",
    "spicetls_port",
    "spiceusbredirection",
    "spicevdagent",
    "stdvga",
    "stubdomain_cmdline",
    "stubdomain_kernel",
    "stubdomain_memory",
    "stubdomain_ramdisk",
    "tee",
    "timer_mode",
    "tsc_mode",
    "type",
    "usb",
    "usbctrl",
    "usbdev",
    "usbdevice",
    "usbversion",
    "uuid",
    "vcpus",
    "vdispl",
    "vendor_device",
    "vfb",
    "vga",
    "videoram",
    "vif",
    "vif2",
    "viridian",
    "vkb",
    "vkb_device",
    "vmtrace_buf_kb",
    "vnc",
    "vncdisplay",
    "vnclisten",
    "vncpasswd",
    "vncunused",
    "vncviewer",
    "vnuma",
    "vpmu",
    "vpt_align",
    "vsnd",
    "vtpm",
    "vuart",
    "xauthority",
    "xen_platform_pci",
    "xend_suspend_evtchn_compat",
};

static void
every_key_of_xl_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(of_xl); i++) {
        if (xk_key_find(of_xl[i]) == XK_KEY_COUNT)
            fail_msg("%s is not in the table", of_xl[i]);
    }
}

static void
every_key_is_found_by_its_name_and_no_other(void **state)
{
    (void)state;
    for (int i = 0; i < XK_KEY_COUNT; i++)
        assert_int_equal(xk_key_find(xk_key_info((enum xk_key)i)->name), i);
    assert_int_equal(xk_key_find(""), XK_KEY_COUNT);
    assert_int_equal(xk_key_find("memor"), XK_KEY_COUNT);
    assert_int_equal(xk_key_find("Memory"), XK_KEY_COUNT);
}

static void
every_row_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < XK_KEY_COUNT; i++) {
        const struct xk_key_info *info = xk_key_info((enum xk_key)i);
        size_t length = strlen(info->meaning);

        assert_int_equal(strspn(info->name, "abcdefghijklmnopqrstuvwxyz_"
                                            "0123456789"),
                         strlen(info->name));
        assert_in_range(info->importance, 1, 4);
        assert_true(info->types != 0 && info->types <= XK_KEY_ON_ALL);
        assert_true(info->min <= info->max);
        assert_true(info->type == XK_KEY_INTEGER || info->min == 0);
        assert_true(info->type != XK_KEY_INTEGER || info->min < info->max);
        assert_true(info->type != XK_KEY_ENUM || *info->words != '\0');
        assert_true((info->flags & XK_KEY_SINGLE) == 0 ||
                    info->type == XK_KEY_LIST);
        assert_true((info->flags & XK_KEY_NUMBERED) == 0 ||
                    info->type == XK_KEY_ENUM);
        /* Whole sentences for the manual. */
        assert_true(length > 0 && info->meaning[length - 1] == '.');
        /* "same" needs no reason; every other fate needs one, without a full
         * stop. */
        assert_int_equal(info->xen.fate == XK_FATE_SAME, *info->xen.why == 0);
        assert_int_equal(info->kvm.fate == XK_FATE_SAME, *info->kvm.why == 0);
        length = strlen(info->kvm.why);
        assert_true(length == 0 || info->kvm.why[length - 1] != '.');
    }
}

static void
mistyped_keys_get_a_suggestion(void **state)
{
    static const struct {
        const char *typed, *meant;
    } keys[] = {
        {"memroy", "memory"},
        {"vpcus", "vcpus"},
        {"disks", "disk"},
        {"vifs", "vif"},
        {"on-crash", "on_crash"},
        {"onreboot", "on_reboot"},
        {"maxvpus", "maxvcpus"},
        {"vnc_listen", "vnclisten"},
        {"bootlaoder", "bootloader"},
        {"mem", "memory"},
        {"kernal", "kernel"},
    };
    static const char *const nothing[] = {"something_else", "",
                                          "zzzzzzzzzzzzzzzzzzzz"};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(keys); i++) {
        const char *found = xk_key_suggest(keys[i].typed);

        assert_non_null(found);
        assert_string_equal(found, keys[i].meant);
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(nothing); i++)
        assert_null(xk_key_suggest(nothing[i]));
}

static void
an_endless_word_is_near_to_nothing(void **state)
{
    char word[5000];

    (void)state;
    memset(word, 'm', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_null(xk_key_suggest(word));
}

static void
the_unfinished_word_is_the_likely_one(void **state)
{
    char word[16];

    (void)state;
    assert_string_equal(xk_suggest_word("hv", "pv|pvh|hvm", word, sizeof(word)),
                        "hvm");
    assert_string_equal(
        xk_suggest_word("PVH", "pv|pvh|hvm", word, sizeof(word)), "pvh");
    assert_null(xk_suggest_word("xen", "pv|pvh|hvm", word, sizeof(word)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_xl_is_known),
        cmocka_unit_test(every_key_is_found_by_its_name_and_no_other),
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(mistyped_keys_get_a_suggestion),
        cmocka_unit_test(an_endless_word_is_near_to_nothing),
        cmocka_unit_test(the_unfinished_word_is_the_likely_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
