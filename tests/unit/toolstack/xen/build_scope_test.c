/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domains are built without libxl. */
#include "base/cleanup.h"
#include "base/util.h"
#include "tests/unit/test.h"
#include "tests/unit/toolstack/config/support.h"
#include "toolstack/xen/build_scope.h"

#define BASE "name=\"g\"\nmemory=64\nkernel=\"/k\"\n"
#define PVH BASE "type=\"pvh\"\n"

static bool
builder_takes(const char *text)
{
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        read_text(&problems, text, NULL);
    bool takes;

    assert_non_null(config);
    takes = xk_xen_builder_takes(config);
    xk_problems_free(&problems);
    return takes;
}

static void
the_builder_takes_what_needs_no_device_of_libxl(void **state)
{
    static const char *const texts[] = {
        PVH,
        BASE "type=\"pv\"\n",
        PVH "ramdisk=\"/r\"\nextra=\"quiet\"\nvcpus=2\nmaxvcpus=4\n",
        PVH "maxmem=128\ntsc_mode=\"native\"\non_crash=\"preserve\"\n",
        PVH "disk=[ '/d.img,raw,xvda,w', '/e.qcow2,qcow2,xvdb,r' ]\n",
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        if (!builder_takes(texts[i]))
            fail_msg("not taken: %s", texts[i]);
    }
}

static void
all_else_is_libxls(void **state)
{
    static const char *const texts[] = {
        BASE "type=\"hvm\"\n",
        PVH "vif=[ '' ]\n",
        PVH "disk=[ '/d.img,raw,xvda,w', 'backendtype=phy,vdev=xvdb,"
            "target=/dev/vg/d' ]\n",
        PVH "cpus=\"0\"\n",
        PVH "cpu_weight=512\n",
        PVH "pool=\"other\"\n",
        PVH "cpuid=\"host,htt=0\"\n",
        PVH "pci=[ '01:00.0' ]\n",
        PVH "seclabel=\"a:b:c\"\n",
        PVH "nestedhvm=1\n",
        PVH "channel=[ 'connection=pty,name=c' ]\n",
        "name=\"g\"\nmemory=64\ntype=\"pv\"\nbootloader=\"pygrub\"\n",
        PVH "tsc_mode=\"native_paravirt\"\n",
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        if (builder_takes(texts[i]))
            fail_msg("taken: %s", texts[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_builder_takes_what_needs_no_device_of_libxl),
        cmocka_unit_test(all_else_is_libxls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
