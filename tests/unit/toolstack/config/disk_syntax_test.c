/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disk specifications and the names of virtual disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/vdev.h"

/* A whole configuration with one disk. */
#define WITH_DISK(spec) "name='d'; type='hvm'; memory=64\ndisk=[ '" spec "' ]\n"

static struct xk_disk
parse_good(const char *text)
{
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, "t", &problems);
    struct xk_disk disk;

    if (xk_disk_parse(&spec, &disk) == -1 || problems.count > 0) {
        print_problems(&problems);
        fail_msg("refused: %s", text);
    }
    return disk;
}

/* All ways to write the same disk, as in xl's own test. */
static const char *const equal_disks[][8] = {
    {"/dev/vg/guest-volume,,hda", "/dev/vg/guest-volume,raw,hda,rw",
     "format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume",
     "raw:/dev/vg/guest-volume,hda,w", "phy:/dev/vg/guest-volume,hda,w",
     "tap:aio:/dev/vg/guest-volume,hda,w", " /dev/vg/guest-volume,,hda,"},
    {"/srv/image.iso,,hdc,cdrom", "/srv/image.iso,,hdc,,cdrom",
     "/srv/image.iso,raw,hdc,devtype=cdrom",
     "format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/srv/image.iso",
     "raw:/srv/image.iso,hdc:cdrom,ro"},
    {"devtype=cdrom,,,hdc", ",,hdc:cdrom,r", ",hdc:cdrom,r",
     "vdev=hdc,access=r,devtype=cdrom,target=", ",empty,hdc:cdrom,r",
     "vdev=hdc,access=r,devtype=cdrom,format=empty",
     "vdev=hdc,access=r,devtype=cdrom"},
    {"iscsi:iqn.2001-05.com.x:0-8a09,xvda,w",
     "vdev=xvda,access=w,script=block-iscsi,target=iqn.2001-05.com.x:0-8a09"},
    {"drbd:app01,hda,w", "vdev=hda,script=block-drbd,target=app01"},
    {"backendtype=phy,vdev=xvdb,access=w,target=/dev/vg/guest-volume",
     "/dev/vg/guest-volume,raw,xvdb,backendtype=phy"},
};

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
all_ways_to_write_a_disk_mean_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(equal_disks); i++) {
        struct xk_disk first = parse_good(equal_disks[i][0]);

        for (size_t k = 1; k < 8 && equal_disks[i][k] != NULL; k++) {
            struct xk_disk disk = parse_good(equal_disks[i][k]);

            assert_true(same_text(disk.target, first.target));
            assert_true(same_text(disk.vdev, first.vdev));
            assert_true(same_text(disk.script, first.script));
            assert_int_equal(disk.format, first.format);
            assert_int_equal(disk.cdrom, first.cdrom);
            assert_int_equal(disk.read_write, first.read_write);
            assert_int_equal(disk.backend, first.backend);
            xk_disk_free(&disk);
        }
        xk_disk_free(&first);
    }
}

static void
defaults_are_raw_and_writable_with_discard(void **state)
{
    struct xk_disk disk = parse_good("/srv/a.img,,xvda");

    (void)state;
    assert_string_equal(disk.target, "/srv/a.img");
    assert_string_equal(disk.vdev, "xvda");
    assert_int_equal(disk.format, XK_FORMAT_RAW);
    assert_int_equal(disk.backend, XK_DISK_BACKEND_AUTO);
    assert_int_equal(disk.bus, XK_BUS_XVD);
    assert_int_equal(disk.index, 0);
    assert_int_equal(disk.partition, 0);
    assert_true(disk.read_write);
    assert_true(disk.discard);
    assert_false(disk.cdrom);
    assert_false(disk.untrusted);
    assert_false(disk.virtio);
    assert_false(disk.direct_io_safe);
    assert_int_equal(disk.grant_usage, -1);
    xk_disk_free(&disk);
}

static void
every_option_is_understood(void **state)
{
    struct xk_disk disk = parse_good(
        "format=qcow2,vdev=sdb3,access=ro,backend=storage,backendtype=qdisk,"
        "script=block-x,direct-io-safe,no-discard,untrusted,"
        "specification=virtio,grant_usage=0,target=/srv/a, b=c,d");

    (void)state;
    assert_int_equal(disk.format, XK_FORMAT_QCOW2);
    assert_string_equal(disk.vdev, "sdb3");
    assert_int_equal(disk.bus, XK_BUS_SD);
    assert_int_equal(disk.index, 1);
    assert_int_equal(disk.partition, 3);
    assert_false(disk.read_write);
    assert_string_equal(disk.backend_domain, "storage");
    assert_int_equal(disk.backend, XK_DISK_BACKEND_QDISK);
    assert_string_equal(disk.script, "block-x");
    assert_true(disk.direct_io_safe);
    assert_false(disk.discard);
    assert_true(disk.untrusted);
    assert_true(disk.virtio);
    assert_int_equal(disk.grant_usage, 0);
    assert_string_equal(disk.target, "/srv/a, b=c,d");
    xk_disk_free(&disk);
}

static void
an_empty_cdrom_has_no_target(void **state)
{
    struct xk_disk disk = parse_good(",hdc:cdrom,r");

    (void)state;
    assert_null(disk.target);
    assert_int_equal(disk.format, XK_FORMAT_EMPTY);
    assert_true(disk.cdrom);
    assert_false(disk.read_write);
    xk_disk_free(&disk);
}

static void
formats_of_qemu_are_known_by_name(void **state)
{
    static const char *const names[] = {"raw", "qcow", "qcow2",
                                        "qed", "vhd",  "vmdk",
                                        "vdi", "vhdx", "parallels"};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        char text[64];
        struct xk_disk disk;

        snprintf(text, sizeof(text), "/a,%s,xvda,w", names[i]);
        disk = parse_good(text);
        assert_string_equal(xk_disk_format_name(disk.format), names[i]);
        assert_non_null(xk_disk_format_qemu_name(disk.format));
        xk_disk_free(&disk);
    }
    assert_string_equal(xk_disk_format_qemu_name(XK_FORMAT_VHD), "vpc");
    assert_null(xk_disk_format_qemu_name(XK_FORMAT_EMPTY));
}

static const struct {
    const char *text, *problem;
} wrong_disks[] = {
    {WITH_DISK("foo"),
     "t:2:9: error: no vdev; say which disk of the guest it is, such as xvda"},
    {WITH_DISK(""),
     "t:2:9: error: no vdev; say which disk of the guest it is, such as xvda"},
    {WITH_DISK("/a,raw,nvme0n1,w"), "t:2:16: error: 'nvme0n1' is not a name of "
                                    "a disk; use xvda, hda, sda and so on"},
    {WITH_DISK(",raw,xvda,w"),
     "t:2:9: error: no target; say which file or device the disk is in"},
    {WITH_DISK("/a,xvda,w"),
     "t:2:12: error: expected a format before 'xvda'; write 'raw,xvda'"},
    {WITH_DISK("/a,qcow3,xvda,w"),
     "t:2:12: error: unknown format 'qcow3'; did you mean 'qcow'?"},
    {WITH_DISK("/a,raw,xvda,wr"),
     "t:2:21: error: unknown access 'wr'; did you mean 'rw'?"},
    {WITH_DISK("/a,raw,xvda,w,x"),
     "t:2:23: error: too many parameters without a name; write a target with a "
     "comma as target=..., as the last parameter"},
    {WITH_DISK("/a,raw,xvda,w,discrad"),
     "t:2:23: error: too many parameters without a name; write a target with a "
     "comma as target=..., as the last parameter"},
    {WITH_DISK("/a,raw,xvda,acess=w"),
     "t:2:21: error: unknown option 'acess='; did you mean 'access='?"},
    {WITH_DISK("/a,raw,xvda,a=w"),
     "t:2:21: error: unknown option 'a=w'; write a target with '=' as "
     "target=..., as the last parameter"},
    {WITH_DISK("/a,raw,xvda,devtype=cd"),
     "t:2:29: error: unknown devtype 'cd'; did you mean 'cdrom'?"},
    {WITH_DISK("/a,raw,xvda,backendtype=file"),
     "t:2:33: error: unknown backendtype 'file'"},
    {WITH_DISK("/a,raw,xvda,specification=nvme"),
     "t:2:35: error: unknown specification 'nvme'"},
    {WITH_DISK("/a,raw,xvda,vdev=xvdb"), "t:2:26: error: vdev is given twice"},
    {WITH_DISK("/a,raw,xvda,format=qcow2"),
     "t:2:28: error: the format is given twice"},
    {WITH_DISK("/a,raw,xvda,target=/b"),
     "t:2:28: error: target is given twice"},
    {WITH_DISK("/a,raw,xvda,grant_usage=2"),
     "t:2:33: error: grant_usage must be 0 or 1"},
    {WITH_DISK("/a,raw,xvda,colo"),
     "t:2:21: error: COLO replication is not supported"},
    {WITH_DISK("http:/a,raw,xvda"), "t:2:9: error: unknown prefix 'http:'"},
    {WITH_DISK("/a,empty,xvda,w"), "t:2:9: error: only a cdrom can be empty"},
    {WITH_DISK("/a,empty,hdc,cdrom"),
     "t:2:9: error: the format is empty, but there is a target"},
    {WITH_DISK("/a,raw,xvda,w', '/b,raw,d0p0,w"),
     "t:2:25: error: the disk 'd0p0' is already defined on line 2"},
    {WITH_DISK("/a,raw,xvda,w', '/b,raw,51712,w"),
     "t:2:25: error: the disk '51712' is already defined on line 2"},
};

static void
a_wrong_disk_is_told_with_the_place_of_the_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong_disks); i++)
        expect_problem(wrong_disks[i].text, wrong_disks[i].problem);
}

static void
an_endless_disk_is_refused_in_time(void **state)
{
    struct xk_problems problems = {0};
    struct xk_disk disk;
    struct xk_spec spec;
    char *text = calloc(1 << 20, 1);

    (void)state;
    memset(text, ' ', (1 << 20) - 1);
    spec = xk_spec_of_text(text, "t", &problems);
    assert_int_equal(xk_disk_parse(&spec, &disk), -1);
    xk_disk_free(&disk);
    xk_problems_free(&problems);
    free(text);
}

static const struct {
    const char *name;
    enum xk_disk_bus bus;
    unsigned index, partition, number;
} vdevs[] = {
    {"xvda", XK_BUS_XVD, 0, 0, 51712},
    {"xvda1", XK_BUS_XVD, 0, 1, 51713},
    {"xvdb2", XK_BUS_XVD, 1, 2, 51730},
    {"xvdp15", XK_BUS_XVD, 15, 15, 51967},
    {"xvdq", XK_BUS_XVD, 16, 0, 1 << 28 | 16 << 8},
    {"xvda16", XK_BUS_XVD, 0, 16, 1 << 28 | 16},
    {"xvdz", XK_BUS_XVD, 25, 0, 1 << 28 | 25 << 8},
    {"xvdaa", XK_BUS_XVD, 26, 0, 1 << 28 | 26 << 8},
    {"xvdtq37", XK_BUS_XVD, 536, 37, 1 << 28 | 536 << 8 | 37},
    {"d0", XK_BUS_XVD, 0, 0, 0}, /* none: refused below */
    {"d0p0", XK_BUS_XVD, 0, 0, 51712},
    {"d1p2", XK_BUS_XVD, 1, 2, 51730},
    {"d536p37", XK_BUS_XVD, 536, 37, 1 << 28 | 536 << 8 | 37},
    {"hda", XK_BUS_HD, 0, 0, 768},
    {"hdb1", XK_BUS_HD, 1, 1, 833},
    {"hdc", XK_BUS_HD, 2, 0, 5632},
    {"hdd63", XK_BUS_HD, 3, 63, 5759},
    {"sda", XK_BUS_SD, 0, 0, 2048},
    {"sdp15", XK_BUS_SD, 15, 15, 2303},
    {"51712", XK_BUS_XVD, 0, 0, 51712},
    {"0xca00", XK_BUS_XVD, 0, 0, 51712},
    {"0145000", XK_BUS_XVD, 0, 0, 51712},
    {"5632", XK_BUS_HD, 2, 0, 5632},
    {"268439552", XK_BUS_XVD, 16, 0, 268439552},
};

static void
vdevs_are_decoded_and_encoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(vdevs); i++) {
        struct xk_vdev vdev;

        if (vdevs[i].number == 0) {
            assert_false(xk_vdev_parse(vdevs[i].name, &vdev));
            continue;
        }
        assert_true(xk_vdev_parse(vdevs[i].name, &vdev));
        assert_int_equal(vdev.bus, vdevs[i].bus);
        assert_int_equal(vdev.index, vdevs[i].index);
        assert_int_equal(vdev.partition, vdevs[i].partition);
        assert_int_equal(xk_vdev_number(&vdev), vdevs[i].number);
    }
}

static void
what_names_no_disk_is_refused(void **state)
{
    static const char *const names[] = {
        "",           "xvd",        "xvd1",        "xvda0", "xvda01",
        "xvda256",    "xvdA",       "hde",         "hda64", "sdq",
        "sda16",      "d1",         "d1p",         "dp1",   "d1p256",
        "d01p1",      "d1048576p0", "vda",         "nvme0", "xvda ",
        " xvda",      "-1",         "0",           "1",     "51711x",
        "2147483648", "536870912",  "xvdbxzzzzzz", "832a",  "xvdbwbvp9"};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        struct xk_vdev vdev;

        if (xk_vdev_parse(names[i], &vdev))
            fail_msg("'%s' was taken for a disk", names[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_to_write_a_disk_mean_the_same),
        cmocka_unit_test(defaults_are_raw_and_writable_with_discard),
        cmocka_unit_test(every_option_is_understood),
        cmocka_unit_test(an_empty_cdrom_has_no_target),
        cmocka_unit_test(formats_of_qemu_are_known_by_name),
        cmocka_unit_test(a_wrong_disk_is_told_with_the_place_of_the_part),
        cmocka_unit_test(an_endless_disk_is_refused_in_time),
        cmocka_unit_test(vdevs_are_decoded_and_encoded),
        cmocka_unit_test(what_names_no_disk_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
