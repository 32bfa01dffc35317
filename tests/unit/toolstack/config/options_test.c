/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lists of specifications such as p9= may hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/config/options.h"
#include "toolstack/config/ranges.h"
#include "toolstack/config/vnuma.h"

#define HVM "name='d'; type='hvm'; memory=64\n"
#define BITS "00000000000000000000000000000000"

static const struct {
    const char *text, *problem;
} wrong[] = {
    {"p9=['tag=t,path=/p']\n", "t:2:6: error: security_model= is missing"},
    {"p9=['tag=t,pth=/p,path=/p,security_model=none']\n",
     "t:2:12: error: there is no option 'pth'; did you mean 'path'?"},
    {"p9=['tag=t, word,path=/p,security_model=none']\n",
     "t:2:13: error: 'word' is not of the form OPTION=VALUE"},
    {"p9=['tag=,path=/p,security_model=none']\n",
     "t:2:10: error: tag is empty"},
    {"vtpm=['uuid=00000000-0000-0000-0000-000000000001']\n",
     "t:2:8: error: backend= is missing"},
    {"vtpm=['backend=d,uuid=7']\n", "t:2:23: error: uuid: '7' is no UUID"},
    {"pvcalls=['front=d']\n", "t:2:11: error: there is no option 'front'"},
    {"channel=['name=c']\n", "t:2:11: error: connection= is missing"},
    {"channel=['connection=tty']\n",
     "t:2:22: error: connection: unknown 'tty'; it is one of pty|socket"},
    {"channel=['connection=socket']\n",
     "t:2:11: error: path= is missing: that of the socket"},
    {"channel=['connection=pty,path=/p']\n",
     "t:2:31: warning: path is ignored: it is for connection=socket"},
    {"vfb=['type=vnc,vnc=1']\n", "t:2:12: warning: type is ignored"},
    {"vfb=['vnc=2']\n", "t:2:11: error: vnc: 2 is not from 0 to 1"},
    {"vfb=['vnc']\n", "t:2:7: error: 'vnc' is not of the form OPTION=VALUE"},
    {"vfb=['nosuch=1']\n", "t:2:7: error: there is no option 'nosuch'"},
    {"vfb=['vncdisplay=x']\n",
     "t:2:18: error: vncdisplay: 'x' is not a number"},
    {"vkb=['width=1']\n", "t:2:7: error: backend-type= is missing"},
    {"vkb=['backend-type=qemu,feature-multi-touch=1']\n",
     "t:2:45: error: feature-multi-touch needs multi-touch-width, "
     "multi-touch-height and multi-touch-num-contacts"},
    {"vdispl=['be-alloc=1']\n", "t:2:10: error: connectors= is missing"},
    {"vdispl=['connectors=a:1x']\n",
     "t:2:21: error: connectors: they are written as \"ID:WIDTHxHEIGHT;...\""},
    {"usbctrl=['version=4']\n", "t:2:19: error: version: 4 is not from 0 to 3"},
    {"usbdev=['hostbus=1']\n", "t:2:10: error: hostaddr= is missing"},
    {"usbdev=['hostbus=256,hostaddr=1']\n",
     "t:2:18: error: hostbus: 256 is not from 0 to 255"},
    {"pci=['1:0']\n", "t:2:7: error: '1:0' is no address such as 0000:01:00.0"},
    {"pci=['seize=1']\n",
     "t:2:7: error: one of an address and name= is wanted"},
    {"pci=['01:00.0,vslot=20']\n",
     "t:2:21: error: vslot: '20' is not from 0 to 1f"},
    {"pci=['01:00.0,permissive=yes']\n",
     "t:2:26: error: permissive: 'yes' is not a number"},
    {"rdm='policy=strict'\n", "t:2:6: error: strategy= is missing"},
    {"ioports=['2ff-2f8']\n",
     "t:2:11: error: '2ff-2f8' is no range of ports such as \"2f8-2ff\""},
    {"iomem=['a0000']\n",
     "t:2:9: error: 'a0000' is not PAGE,COUNT or PAGE,COUNT@GUEST_PAGE, in "
     "hexadecimal"},
    {"irqs=['3a']\n", "t:2:8: error: '3a' is no number of an interrupt"},
    {"cpuid=['1:eax=0']\n",
     "t:2:9: error: '1:eax=0' is neither \"host,FLAG=VALUE,...\" nor "
     "\"LEAF:REGISTER=\" with 32 of 0, 1, x, k and s"},
    {"vsnd=[['sound,x=1']]\n",
     "t:2:9: error: this begins with card, pcm or stream"},
    {"vsnd=[['card,channel=1']]\n",
     "t:2:14: error: there is no option 'channel'; did you mean "
     "'channels-min'?"},
    {"vsnd=[['stream,sample-rates=8000;x']]\n",
     "t:2:16: error: sample-rates: '8000;x' is no list of numbers separated by "
     "';'"},
    {"vnuma=[['pnode=0','size=64','vcpus=0,0','vdistances=10']]\n",
     "t:2:8: error: vcpus: vCPU 0 is already in a node"},
    {"vnuma=[['pnode=0','size=64','vcpus=0','vdistances=10,20']]\n",
     "t:2:8: error: vdistances: there must be 1 numbers, the distance to each "
     "node"},
    {"vnuma=[['pnode=0','size=32','vcpus=0','vdistances=10']]\n",
     "t:2:1: error: vnuma: its nodes have 32 MiB, but the domain has 64"},
    {"vcpus=2\nvnuma=[['pnode=0','size=64','vcpus=0','vdistances=10']]\n",
     "t:3:1: error: vnuma: its nodes have 1 vCPUs, but the domain has 2"},
};

static void
each_wrong_option_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong); i++) {
        char text[512];

        snprintf(text, sizeof(text), HVM "%s", wrong[i].text);
        expect_problem(text, wrong[i].problem);
    }
}

static void
each_right_option_is_taken(void **state)
{
    static const char *const right[] = {
        "p9=['tag=t, path=/p , security_model=none,backend=d']\n",
        "vfb=['vncpasswd=,vnclisten=']\n",
        "vtpm=['backend=d,uuid=00000000-0000-0000-0000-000000000001']\n",
        "channel=['name=c, connection=socket, path=/p']\n",
        "vkb=['backend-type=LINUX,feature-multi-touch=1,multi-touch-width=1']"
        "\n",
        "vdispl=['connectors=a:1x2;b:3x4']\n",
        "usbctrl=['type=auto,version=2,ports=15']\n",
        "usbdev=['hostbus=1,hostaddr=0x10,controller=0,port=1']\n",
        "pci=['01:00.0','0000:01:00.*@1f,seize=1','bdf=1:2.3,rdm_policy=strict'"
        ",'name=nic']\n",
        "rdm='strategy=host,policy=relaxed'\n",
        "ioports=['3f8','0x2f8-2ff']\n",
        "iomem=['a0,20','a0,20@c0']\n",
        "irqs=[3,'5']\n",
        "cpuid='host,tm=0'\n",
        "cpuid=['0x1:eax=" BITS ",ebx=" BITS "','4,1:ecx=" BITS "']\n",
        "vsnd=[['card, short-name=s','pcm','stream, type=P,sample-rates=1;2,"
        "sample-formats=s8;U8']]\n",
        "vnuma=[['pnode=0','size=64','vcpus=0-3','vdistances=10']]\n",
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(right); i++) {
        char text[512];

        snprintf(text, sizeof(text), HVM "%s", right[i]);
        xk_config_free(read_good(text));
    }
}

static void
a_numa_layout_decides_what_is_not_said(void **state)
{
    struct xk_domain_config *config =
        read_good("name='d'; type='hvm'\n"
                  "vnuma=[['pnode=0','size=64','vcpus=0-2','vdistances=10,20'],"
                  "['pnode=0','size=32','vcpus=3','vdistances=20,10']]\n");

    (void)state;
    assert_int_equal(config->memory_mib, 96);
    assert_int_equal(config->maxmem_mib, 96);
    assert_int_equal(config->vcpus, 1);
    assert_int_equal(config->maxvcpus, 4);
    xk_config_free(config);
}

static void
a_later_option_counts(void **state)
{
    XK_CLEANUP_GIVENS struct xk_givens givens = {0};

    (void)state;
    assert_int_equal(xk_options_again(XK_OPTIONS_PVCALLS, "backend=a,backend=b",
                                      &givens, NULL),
                     0);
    assert_int_equal(givens.count, 2);
    assert_string_equal(xk_given(&givens, XK_OPTION_PVCALLS_BACKEND)->text,
                        "b");
}

static void
addresses_and_ranges_are_read_strictly(void **state)
{
    static const char *const bad[] = {
        "",        "1",       "1:",          "1:0",      "1:0.8",
        "1:20.0",  "100:0.0", "10000:1:0.0", "1:0.0@20", "1:0.0 ",
        "0x1:0.0", "1:0.0@",  "-1:0.0",      "1::0.0",   "1:0.00"};
    struct xk_pci_address address;
    struct xk_iomem iomem;
    uint32_t first, last;

    (void)state;
    assert_true(xk_pci_parse("abcd:ef:1f.7@1f", &address));
    assert_int_equal(address.domain, 0xabcd);
    assert_int_equal(address.bus, 0xef);
    assert_int_equal(address.device, 0x1f);
    assert_int_equal(address.function, 7);
    assert_int_equal(address.slot, 0x1f);
    assert_false(address.all_functions);
    for (size_t i = 0; i < XK_ARRAY_SIZE(bad); i++) {
        if (xk_pci_parse(bad[i], &address))
            fail_msg("\"%s\" is taken", bad[i]);
    }
    assert_true(xk_ioports_parse("ffff", &first, &last));
    assert_int_equal(last, 0xffff);
    assert_false(xk_ioports_parse("10000", &first, &last));
    assert_false(xk_ioports_parse("1-", &first, &last));
    assert_true(xk_iomem_parse("ffffffffffffffe0,10", &iomem));
    assert_false(xk_iomem_parse("ffffffffffffffff,2", &iomem));
    assert_false(xk_iomem_parse("10000000000000000,1", &iomem));
    assert_false(xk_iomem_parse("1,0", &iomem));
    assert_false(xk_iomem_parse("1,1@", &iomem));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_option_is_told_with_its_place),
        cmocka_unit_test(each_right_option_is_taken),
        cmocka_unit_test(a_numa_layout_decides_what_is_not_said),
        cmocka_unit_test(a_later_option_counts),
        cmocka_unit_test(addresses_and_ranges_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
