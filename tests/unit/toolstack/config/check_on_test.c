/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of keys and options on each hypervisor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/known_drivers.h"

#define HVM "name='d'; type='hvm'; memory=64\n"
#define PVH "name='d'; type='pvh'; memory=64; kernel='/k'\n"
#define HVM_ON_KVM                                                             \
    "t:1:11: note: on kvm: type is mapped: hvm is a q35 machine with "         \
    "firmware; pv and pvh are the same machine with the kernel booted "        \
    "directly"

/* The problems of a text on a driver's hypervisor, in *problems. */
static void
check_by(const char *text, const struct xk_driver_facts *driver,
         struct xk_problems *problems)
{
    struct xk_problems ignored = {0};
    struct xk_domain_config *config = read_text(&ignored, text, NULL);

    if (config == NULL) {
        print_problems(&ignored);
        fail_msg("refused:\n%s", text);
    }
    *problems = (struct xk_problems){0};
    xk_config_check_on(config, driver, problems);
    xk_config_free(config);
    xk_problems_free(&ignored);
}

static void
check_on(const char *text, const char *hypervisor, struct xk_problems *problems)
{
    const struct xk_driver_facts *driver = xk_known_driver_find(hypervisor);

    assert_non_null(driver);
    check_by(text, driver, problems);
}

static void
a_plain_domain_is_the_same_on_xen(void **state)
{
    struct xk_problems problems;

    (void)state;
    check_on(HVM "vcpus=2\nmaxmem=128\ndisk=['/a,qcow2,xvda,w']\n"
                 "vif=['bridge=b,rate=1Mb/s']\ncpus='0-1'\npci=['01:00.0']\n"
                 "boot='cd'\nvnc=1\nserial='pty'\n",
             "xen", &problems);
    assert_int_equal(problems.count, 0);
}

static const struct {
    const char *hypervisor, *text;
    const char *problem; /* NULL: none but that of the type */
} cases[] = {
    {"kvm", HVM, HVM_ON_KVM},
    {"xen", HVM "tee='ffa'\n",
     "t:2:1: error: on xen: tee=\"ffa\" is not supported: Xen 4.17 does not "
     "have it"},
    {"xen", HVM "vfb=['vnc=1']\n",
     "t:2:1: warning: on xen: vfb does nothing for a domain of type \"hvm\": "
     "write vnc=1 and its like by themselves"},
    {"xen", HVM "disk=['vdev=xvda,specification=virtio,target=/d']\n",
     "t:2:7: error: on xen: specification=virtio is not supported: guests of "
     "Xen on x86 have PV disks"},
    {"kvm", HVM "boot='c'\n",
     "t:2:1: note: on kvm: boot is mapped: the letters become boot indexes of "
     "the devices"},
    {"kvm", HVM "xen_platform_pci=1\n",
     "t:2:1: note: on kvm: xen_platform_pci is ignored: the PV devices are "
     "virtio"},
    {"kvm", HVM "cpu_weight=512\n",
     "t:2:1: warning: on kvm: cpu_weight is not supported: there is no credit "
     "scheduler; use cgroups of the host"},
    {"kvm", HVM "pci=['01:00.0']\n",
     "t:2:1: error: on kvm: pci is not supported: PCI devices are not passed "
     "through yet"},
    {"kvm", HVM "pci=[]\n", NULL},
    {"kvm", HVM "spice=1\n",
     "t:2:1: error: on kvm: spice is not supported: "
     "SPICE is not served; use vnc=1"},
    {"kvm", HVM "spice=0\n", NULL},
    {"kvm", HVM "soundhw=''\n", NULL},
    {"kvm", HVM "ms_vm_genid='none'\n", NULL},
    {"kvm", HVM "maxmem=64\n", NULL},
    {"kvm", HVM "maxmem=65\n",
     "t:2:1: note: on kvm: maxmem is mapped: at the start a balloon "
     "reduces the memory to memory="},
    {"kvm", HVM "firmware='rombios'\n",
     "t:2:1: error: on kvm: firmware=\"rombios\" is not supported: use "
     "seabios"},
    {"kvm", HVM "on_crash='soft-reset'\n",
     "t:2:1: error: on kvm: on_crash=\"soft-reset\" is not supported: it is "
     "for guests of Xen"},
    {"kvm", HVM "disk=['/a,raw,hda,w,backend=x']\n",
     "t:2:7: error: on kvm: backend is not supported: disks are served by the "
     "host"},
    {"kvm", HVM "disk=['/a,raw,hda1,w']\n",
     "t:2:7: error: on kvm: a partition as a disk is not supported: name a "
     "whole disk, such as xvda"},
    {"kvm", HVM "disk=['/a,vmdk,hda,w']\n", NULL},
    {"kvm", HVM "disk=['/a,vmdk,xvda,w']\n",
     "t:2:7: note: on kvm: an xvd disk is mapped: it is a virtio disk, which "
     "Linux calls vda and so on"},
    {"kvm", HVM "vif=['type=user']\n", NULL},
    {"kvm", HVM "vif=['rate=1Mb/s']\n",
     "t:2:6: warning: on kvm: rate is not supported: limit the bridge's port "
     "with tc(8)"},
    {"kvm", HVM "vif=['script=x']\n", NULL},
    {"kvm", HVM "vif=['script=x,type=user']\n",
     "t:2:6: error: on kvm: script is not supported with type=user: leave one "
     "of them out"},
    {"kvm", HVM "vif=['script=vif-route,ip=10.1.2.3,gatewaydev=a']\n", NULL},
    {"kvm", HVM "vif=['script=vif-openvswitch,ip=10.1.2.3']\n",
     "t:2:6: warning: on kvm: ip is for script=vif-route or a script of your "
     "own: set the address in the guest"},
    {"kvm", HVM "vif=['gatewaydev=a']\n",
     "t:2:6: error: on kvm: gatewaydev is for script=vif-route or a script of "
     "your own: name one, a bridge, or use type=user"},
    {"kvm", HVM "vif=['backendtype=xk']\n",
     "t:2:6: note: on kvm: backendtype is ignored: QEMU serves every card"},
    {"xen", PVH "vif=['backendtype=xk']\n", NULL},
    {"xen", HVM "vif=['backendtype=linux']\n", NULL},
    {"xen", HVM "vif=['backendtype=xk']\n",
     "t:2:6: error: on xen: backendtype=xk is for domains of type pv and pvh: "
     "leave it out"},
    {"xen", HVM "vif=['type=user']\n",
     "t:2:6: error: on xen: type=user is for domains of type pv and pvh: name "
     "a "
     "bridge"},
    {"xen", HVM "vif=['vlan=10p']\n",
     "t:2:6: error: on xen: vlan is not supported: name a bridge of that VLAN, "
     "or give script=vif-openvswitch and bridge=SWITCH.VLAN"},
    {"xen", HVM "vif=['backendtype=linux,rate=1MB/s']\n", NULL},
    {"xen", PVH "vif=['backendtype=xk,rate=1MB/s']\n", NULL},
    {"xen", HVM "vif=['backendtype=linux,ip=10.1.2.3,gatewaydev=a']\n", NULL},
    {"xen", PVH "vif=['backendtype=xk,script=x,ip=10.1.2.3']\n", NULL},
    {"xen", PVH "vif=['backendtype=xk,ip=10.1.2.3']\n",
     "t:2:6: error: on xen: ip and gatewaydev are for script=vif-route or a "
     "script of your own: name one, or leave them out"},
    {"xen", PVH "vif=['backendtype=xk,script=vif-openvswitch,bridge=o.5000']\n",
     "t:2:6: error: on xen: bridge \"o.5000\": a VLAN is a number from 1 to "
     "4094"},
    {"kvm", HVM "vif=['script=vif-route,ip=10.1.2']\n",
     "t:2:6: error: on kvm: ip: \"10.1.2\" is not an IPv4 or IPv6 address"},
    {"xen", HVM "vif=['script=vif-openvswitch,bridge=o.5000']\n", NULL},
    {"xen", PVH "vif=['backendtype=xk,spoofcheck=1']\n", NULL},
    {"xen", HVM "vif=['backendtype=linux,spoofcheck=0']\n", NULL},
    {"xen", HVM "vif=['spoofcheck=1']\n",
     "t:2:6: error: on xen: spoofcheck=1 needs backendtype=xk: Linux's backend "
     "passes every source address"},
    {"xen", HVM "vif=['backendtype=linux,spoofcheck=1']\n",
     "t:2:6: error: on xen: spoofcheck=1 needs backendtype=xk: Linux's backend "
     "passes every source address"},
    {"kvm", HVM "vif=['spoofcheck=0']\n", NULL},
    {"kvm", HVM "vif=['spoofcheck=1']\n",
     "t:2:6: error: on kvm: spoofcheck=1 is not possible: QEMU passes every "
     "source address"},
    {"xen", PVH "vif=['type=user,script=x']\n",
     "t:2:6: error: on xen: type=user is not supported with script, gatewaydev "
     "or ip: leave them out"},
    {"xen", PVH "vif=['type=user,backendtype=linux']\n",
     "t:2:6: error: on xen: type=user is not supported with backendtype=linux: "
     "leave the latter out"},
    {"xen", PVH "vif=['type=user,backendtype=xk,hostloopback=0']\n", NULL},
    {"xen", PVH "vif=['type=user,vifname=a']\n",
     "t:2:6: note: on xen: vifname is ignored: a user-mode network is not a "
     "device of the host"},
    {"kvm", HVM "vif=['type=user,hostloopback=1']\n", NULL},
    {"kvm", HVM "vif=['type=user,hostloopback=0']\n",
     "t:2:6: error: on kvm: hostloopback=0 is not possible: QEMU has no switch "
     "that keeps a guest on a user-mode network from 127.0.0.1 of the host; "
     "name a bridge"},
    {"xen", PVH "vif=['type=user']\n", NULL},
    {"xen", HVM "disk=['/a,vmdk,hda,w']\n",
     "t:2:7: error: on xen: this format is not supported: convert the image to "
     "raw or qcow2"},
    {"xen", HVM "smbios=['x=y']\n",
     "t:2:1: error: on xen: smbios is not supported: Xen 4.17 does not have "
     "it; use smbios_firmware"},
};

static void
every_fate_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(cases); i++) {
        struct xk_problems problems;
        bool kvm = strcmp(cases[i].hypervisor, "kvm") == 0;
        bool only_type = cases[i].problem == NULL ||
                         strcmp(cases[i].problem, HVM_ON_KVM) == 0;

        check_on(cases[i].text, cases[i].hypervisor, &problems);
        if (problems.count != (size_t)kvm + !only_type ||
            (kvm && !has_problem(&problems, HVM_ON_KVM)) ||
            (!only_type && !has_problem(&problems, cases[i].problem))) {
            print_problems(&problems);
            fail_msg("not this, on %s: %s", cases[i].hypervisor,
                     cases[i].problem);
        }
        xk_problems_free(&problems);
    }
}

static void
a_pygrub_guest_is_refused_on_kvm_with_a_cure(void **state)
{
    struct xk_problems problems;

    (void)state;
    check_on("name='d'; memory=64; bootloader='pygrub'\n", "kvm", &problems);
    assert_int_equal(problems.errors, 1);
    assert_non_null(strstr(problems.items[0].message, "give kernel="));
    xk_problems_free(&problems);
}

static void
what_another_hypervisor_could_do_is_unsupported_and_not_wrong(void **state)
{
    struct xk_problems problems;

    (void)state;
    check_on(HVM "vif=['type=user,hostloopback=0','gatewaydev=x']\n", "kvm",
             &problems);
    assert_int_equal(problems.count, 3);
    assert_int_equal(problems.items[1].kind, XK_ERR_UNSUPPORTED);
    assert_int_equal(problems.items[2].kind, XK_ERR_CONFIG);
    xk_problems_free(&problems);
}

/* ---- a driver of which the engine has never heard ---- */

static bool
is_pv(const struct xk_domain_config *config)
{
    return config->type == XK_TYPE_PV;
}

static bool
is_cdrom(const struct xk_disk *disk)
{
    return disk->cdrom;
}

static bool
has_rate(const struct xk_vif *vif)
{
    return vif->rate_bytes_per_interval != 0;
}

static const struct xk_value_fate jail_values[] = {
    {XK_KEY_FIRMWARE, "uefi", "there is no firmware"},
    {XK_KEY_USBDEVICE, "host:", "there is no USB"},
};

static const struct xk_domain_fate jail_domains[] = {
    {is_pv,
     XK_KEY_NAME,
     {.severity = XK_PROBLEM_WARNING, .text = "pv is a container"}},
};

static const struct xk_disk_fate jail_disks[] = {
    {is_cdrom, {.severity = XK_PROBLEM_ERROR, .text = "there are no CDs"}},
};

static const struct xk_vif_fate jail_vifs[] = {
    {has_rate,
     {.severity = XK_PROBLEM_ERROR,
      .text = "rate is not possible",
      .unsupported = true}},
};

static const struct {
    const char *text, *problem; /* NULL: none */
} jail_cases[] = {
    {HVM, NULL},
    {HVM "boot='c'\n",
     "t:2:1: note: on jail: boot is ignored: there is nothing to boot"},
    {HVM "localtime=0\n",
     "t:2:1: note: on jail: localtime is mapped: a namespace of time"},
    {HVM "soundhw='all'\n",
     "t:2:1: error: on jail: soundhw is not supported: it is silent"},
    {HVM "soundhw=''\n", NULL},
    {HVM "cpu_weight=512\n",
     "t:2:1: warning: on jail: cpu_weight is not supported: not yet"},
    {HVM "firmware='uefi'\n",
     "t:2:1: error: on jail: firmware=\"uefi\" is not supported: there is no "
     "firmware"},
    {HVM "firmware='bios'\n", NULL},
    {HVM "usbdevice=['tablet','host:1.2']\n",
     "t:2:21: error: on jail: usbdevice \"host:1.2\" is not supported: there "
     "is no USB"},
    {"name='d'; type='pv'; memory=64; kernel='/k'\n",
     "t:1:1: warning: on jail: pv is a container"},
    {HVM "disk=['vdev=hdc,devtype=cdrom,target=/i']\n",
     "t:2:7: error: on jail: there are no CDs"},
    {HVM "disk=['/a,raw,hda,w']\n", NULL},
    {HVM "vif=['', 'rate=1Mb/s']\n",
     "t:2:10: error: on jail: rate is not possible"},
};

static void
a_third_driver_works_by_its_facts_alone(void **state)
{
    struct xk_key_fate keys[XK_KEY_COUNT];
    const struct xk_driver_facts jail = {
        .name = "jail",
        .title = "Jail",
        .keys = keys,
        .values = jail_values,
        .value_count = XK_ARRAY_SIZE(jail_values),
        .domains = jail_domains,
        .domain_count = XK_ARRAY_SIZE(jail_domains),
        .disks = jail_disks,
        .disk_count = XK_ARRAY_SIZE(jail_disks),
        .vifs = jail_vifs,
        .vif_count = XK_ARRAY_SIZE(jail_vifs),
    };

    (void)state;
    for (size_t i = 0; i < XK_KEY_COUNT; i++)
        keys[i] = (struct xk_key_fate){XK_FATE_SAME, ""};
    keys[XK_KEY_BOOT] =
        (struct xk_key_fate){XK_FATE_IGNORED, "there is nothing to boot"};
    keys[XK_KEY_LOCALTIME] =
        (struct xk_key_fate){XK_FATE_MAPPED, "a namespace of time"};
    keys[XK_KEY_SOUNDHW] =
        (struct xk_key_fate){XK_FATE_UNSUPPORTED, "it is silent"};
    keys[XK_KEY_CPU_WEIGHT] =
        (struct xk_key_fate){XK_FATE_UNSUPPORTED, "not yet"};
    for (size_t i = 0; i < XK_ARRAY_SIZE(jail_cases); i++) {
        const char *problem = jail_cases[i].problem;
        struct xk_problems problems;

        check_by(jail_cases[i].text, &jail, &problems);
        if (problems.count != (problem != NULL) ||
            (problem != NULL && !has_problem(&problems, problem))) {
            print_problems(&problems);
            fail_msg("not this: %s", problem);
        }
        xk_problems_free(&problems);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_domain_is_the_same_on_xen),
        cmocka_unit_test(every_fate_is_told),
        cmocka_unit_test(a_pygrub_guest_is_refused_on_kvm_with_a_cure),
        cmocka_unit_test(
            what_another_hypervisor_could_do_is_unsupported_and_not_wrong),
        cmocka_unit_test(a_third_driver_works_by_its_facts_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
