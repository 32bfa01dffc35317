/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxlutil is the oracle: on the same text it and our parsers must agree on
 * what is accepted and on every value. Intentional differences are listed in
 * differences.h.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxl.h>
#include <libxlutil.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/toolstack/config/differences.h"
#include "tests/unit/toolstack/config/generate.h"
#include "toolstack/config/cfg_file.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/value.h"
#include "toolstack/config/vdev.h"
#include "toolstack/config/vif_syntax.h"

enum {
    TEXTS = 20000 /* generated texts of each kind */
};

/* libxlutil leaks memory on its error paths. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libxlutil\n";
}

static FILE *
nowhere(void)
{
    FILE *file = fopen("/dev/null", "w");

    assert_non_null(file);
    return file;
}

/* ---- files ---- */

static void
compare_value(const char *text, XLU_Config *config, XLU_ConfigValue *theirs,
              const struct xk_cfg_value *ours)
{
    XLU_ConfigList *list;
    char *string;

    if (ours->kind == XK_CFG_TEXT) {
        if (xlu_cfg_value_get_string(config, theirs, &string, 1) != 0)
            fail_msg("a list there, a text here, in:\n%s", text);
        if (strcmp(string, ours->text) != 0)
            fail_msg("\"%s\" there, \"%s\" here, in:\n%s", string, ours->text,
                     text);
        return;
    }
    if (xlu_cfg_value_get_list(config, theirs, &list, 1) != 0)
        fail_msg("a text there, a list here, in:\n%s", text);
    for (size_t i = 0; i < ours->count; i++) {
        XLU_ConfigValue *item = xlu_cfg_get_listitem2(list, (int)i);

        if (item == NULL)
            fail_msg("a shorter list there than here, in:\n%s", text);
        compare_value(text, config, item, &ours->items[i]);
    }
    if (xlu_cfg_get_listitem2(list, (int)ours->count) != NULL)
        fail_msg("a longer list there than here, in:\n%s", text);
}

static void
compare_number(const char *text, XLU_Config *config,
               const struct xk_cfg_setting *ours)
{
    long theirs;
    int64_t number;
    bool they = xlu_cfg_get_long(config, ours->name, &theirs, 1) == 0;
    bool we = !ours->appended && xk_number_parse(ours->value.text, &number);

    if (they != we || (we && number != theirs))
        fail_msg("the number \"%s\" differs, in:\n%s", ours->value.text, text);
}

static void
compare_setting(const char *text, XLU_Config *config,
                const struct xk_cfg_setting *ours)
{
    const char *string;
    XLU_ConfigList *list;
    int count;

    if (ours->value.kind == XK_CFG_TEXT) {
        if (xlu_cfg_get_string(config, ours->name, &string, 1) != 0 ||
            strcmp(string, ours->value.text) != 0)
            fail_msg("the text %s differs, in:\n%s", ours->name, text);
        compare_number(text, config, ours);
        return;
    }
    if (xlu_cfg_get_list(config, ours->name, &list, &count, 1) != 0 ||
        (size_t)count != ours->value.count)
        fail_msg("the list %s differs, in:\n%s", ours->name, text);
    for (int i = 0; i < count; i++)
        compare_value(text, config, xlu_cfg_get_listitem2(list, i),
                      &ours->value.items[i]);
}

/* Returns whether both accept it. */
static bool
compare_file(const char *text)
{
    FILE *report = nowhere();
    XLU_Config *config = xlu_cfg_init(report, "test");
    struct xk_cfg_file file = {0};
    struct xk_problems problems = {0};
    bool they = xlu_cfg_readdata(config, text, (int)strlen(text)) == 0;
    bool we;

    xk_cfg_file_parse(&file, "test", 1, text, strlen(text), &problems);
    we = problems.errors == 0;
    if (they != we &&
        !difference_explains(file_differences, file_difference_count, we, text))
        fail_msg("%s here, %s there:\n%s\n", we ? "accepted" : "refused",
                 they ? "accepted" : "refused", text);
    for (size_t i = 0; they && we && i < file.count; i++)
        compare_setting(text, config,
                        xk_cfg_file_find(&file, file.settings[i].name));
    xk_cfg_file_free(&file);
    xk_problems_free(&problems);
    xlu_cfg_destroy(config);
    fclose(report);
    return they && we;
}

static void
both_agree_on_files_written_by_hand(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        ";;\n",
        "a=1",
        "a=1;b=2",
        "a = 1 b = 2\n",
        "a=\n1\n",
        "a\n=1\n",
        "a=[]\n",
        "a=[,]\n",
        "a=[1,]\n",
        "a=[1,,2]\n",
        "a=[1 2]\n",
        "a=[\n\n1\n,\n2\n,\n]\n",
        "a=[1;2]\n",
        "a=[[1],[2,[3]]]\n",
        "a=[\n",
        "a=[1\nb=2\n",
        "a=]\n",
        "a+=1\n",
        "a=1\na+=2\n",
        "a=[1]\na+=[2,3]\n",
        "a=[1]\na+=2\n",
        "a=1\na+=[2]\n",
        "a=[]\na+=[[1]]\na+=[]\n",
        "a=1\na=2\n",
        "a='x'\na+='y'\na='z'\n",
        "a='x\\'y'\n",
        "a=\"x'y\"\n",
        "a='\\a\\b\\f\\n\\r\\t\\v\\\\\\\"'\n",
        "a='\\x41'\n",
        "a='\\q'\n",
        "a='x\n'\n",
        "a='x\\\n'\n",
        "a='x\n",
        "a=\"'\n",
        "A=1\n",
        "aB=1\n",
        "a=B\n",
        "a=b\n",
        "a=-1\n",
        "a='-1'\n",
        "a=1.5\n",
        "a=1k\n",
        "a=0x1F\n",
        "a=1x\n",
        "a=ffx\n",
        "1=a\n",
        "a.b_c9=1\n",
        "_a=1\n",
        ".a=1\n",
        "a:1\n",
        "a=(1)\n",
        "import os\n",
        "a=1\r\n",
        "#x\r\na=1\n",
        "a=1 # x\n",
        "#\n#\n",
        "\ta\t=\t1\t\n",
        "a=1\f\n",
        "\xef\xbb\xbf"
        "a=1\n",
        "a='\xff'\n",
        "a==1\n",
        "a+1\n",
        "a+ =1\n",
        "=1\n",
        "a\n",
        "a=1,\n",
        "a='x' 'y'\n",
        "a=08\n",
        "a=''\n",
        "a=' 7'\n",
        "a='+7'\n",
        "a='7 '\n",
        "a='9223372036854775807'\n",
        "a='9223372036854775808'\n",
        "a='-9223372036854775808'\n",
        "a='0x'\n",
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++)
        compare_file(texts[i]);
}

/* Run on every file below $srcdir/folder with this suffix ("": any). Returns
 * how many. */
static size_t
compare_files_of(const char *folder, const char *end)
{
    const char *srcdir = getenv("srcdir");
    char *path = xk_asprintf("%s/%s", srcdir != NULL ? srcdir : ".", folder);
    DIR *dir = opendir(path);
    struct dirent *entry;
    size_t count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        XK_CLEANUP_BUF struct xk_buf text = {0};

        if (entry->d_name[0] == '.' || length < strlen(end) ||
            strcmp(entry->d_name + length - strlen(end), end) != 0)
            continue;
        assert_int_equal(
            xk_read_file(dirfd(dir), entry->d_name, 1 << 20, &text, NULL), 0);
        /* libxlutil asserts that strings have no NUL. */
        if (memchr(text.data, '\0', text.length) == NULL)
            compare_file(text.data);
        count++;
    }
    if (dir != NULL)
        closedir(dir);
    free(path);
    return count;
}

static void
both_agree_on_examples_and_the_corpus_of_the_fuzzer(void **state)
{
    (void)state;
    compare_files_of("examples", ".cfg");
    assert_true(compare_files_of("tests/fuzz/corpus/config", "") > 20);
}

static void
both_agree_on_generated_files(void **state)
{
    size_t accepted = 0;

    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        struct generator generator = generator_seeded(i);
        XK_CLEANUP_BUF struct xk_buf text = {0};

        generate_file(&generator, &text);
        accepted += compare_file(text.data);
    }
    /* All are valid except those that append a list to a string. */
    assert_true(accepted > TEXTS / 2);
}

static void
both_agree_on_damaged_files(void **state)
{
    size_t accepted = 0;

    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        struct generator generator = generator_seeded(TEXTS + i);
        XK_CLEANUP_BUF struct xk_buf text = {0};

        generate_file(&generator, &text);
        generate_damage(&generator, &text);
        accepted += compare_file(text.data);
    }
    assert_true(accepted > TEXTS / 20);
    assert_true(accepted < TEXTS - TEXTS / 20);
}

/* ---- disks ---- */

static void
assert_same_text(const char *what, const char *spec, const char *theirs,
                 const char *ours)
{
    /* libxl treats an empty text as not given. */
    if (strcmp(theirs != NULL ? theirs : "", ours != NULL ? ours : "") != 0)
        fail_msg("%s is '%s' there, '%s' here, in: %s", what, theirs, ours,
                 spec);
}

static enum xk_disk_format
our_format(libxl_disk_format format)
{
    static const enum xk_disk_format formats[] = {
        [LIBXL_DISK_FORMAT_RAW] = XK_FORMAT_RAW,
        [LIBXL_DISK_FORMAT_QCOW] = XK_FORMAT_QCOW,
        [LIBXL_DISK_FORMAT_QCOW2] = XK_FORMAT_QCOW2,
        [LIBXL_DISK_FORMAT_VHD] = XK_FORMAT_VHD,
        [LIBXL_DISK_FORMAT_QED] = XK_FORMAT_QED,
        [LIBXL_DISK_FORMAT_EMPTY] = XK_FORMAT_EMPTY,
    };

    return formats[format];
}

static enum xk_disk_backend
our_backend(libxl_disk_backend backend)
{
    static const enum xk_disk_backend backends[] = {
        [LIBXL_DISK_BACKEND_UNKNOWN] = XK_DISK_BACKEND_AUTO,
        [LIBXL_DISK_BACKEND_PHY] = XK_DISK_BACKEND_PHY,
        [LIBXL_DISK_BACKEND_TAP] = XK_DISK_BACKEND_TAP,
        [LIBXL_DISK_BACKEND_QDISK] = XK_DISK_BACKEND_QDISK,
        [LIBXL_DISK_BACKEND_STANDALONE] = XK_DISK_BACKEND_STANDALONE,
    };

    return backends[backend];
}

static void
compare_disk_values(const char *spec, const libxl_device_disk *theirs,
                    const struct xk_disk *ours)
{
    assert_same_text(
        "target", spec,
        theirs->format == LIBXL_DISK_FORMAT_EMPTY ? NULL : theirs->pdev_path,
        ours->target);
    assert_same_text("vdev", spec, theirs->vdev, ours->vdev);
    assert_same_text("backend", spec, theirs->backend_domname,
                     ours->backend_domain);
    assert_same_text("script", spec, theirs->script, ours->script);
    if (our_format(theirs->format) != ours->format ||
        our_backend(theirs->backend) != ours->backend ||
        (theirs->readwrite != 0) != ours->read_write ||
        (theirs->is_cdrom != 0) != ours->cdrom ||
        (theirs->direct_io_safe != 0) != ours->direct_io_safe ||
        (theirs->specification == LIBXL_DISK_SPECIFICATION_VIRTIO) !=
            ours->virtio ||
        (libxl_defbool_is_default(theirs->discard_enable) ||
         libxl_defbool_val(theirs->discard_enable)) != ours->discard ||
        (!libxl_defbool_is_default(theirs->trusted) &&
         !libxl_defbool_val(theirs->trusted)) != ours->untrusted)
        fail_msg("an option differs in: %s", spec);
}

/* What libxl itself would refuse later. */
static bool
libxl_would_refuse(const libxl_device_disk *disk)
{
    struct xk_vdev vdev;
    bool empty = disk->format == LIBXL_DISK_FORMAT_EMPTY;
    bool target = disk->pdev_path != NULL && *disk->pdev_path != '\0';

    return !xk_vdev_parse(disk->vdev, &vdev) || (!target && !empty) ||
           (empty && (target || !disk->is_cdrom));
}

static bool
compare_disk(const char *text)
{
    FILE *report = nowhere();
    XLU_Config *config = xlu_cfg_init(report, "test");
    libxl_device_disk theirs;
    struct xk_disk ours;
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, "test", &problems);
    bool they, we;

    libxl_device_disk_init(&theirs);
    they = xlu_disk_parse(config, 1, &text, &theirs) == 0;
    we = xk_disk_parse(&spec, &ours) == 0;
    assert_int_equal(we, problems.errors == 0);
    if (they != we && !(they && libxl_would_refuse(&theirs)) &&
        !difference_explains(disk_differences, disk_difference_count, we, text))
        fail_msg("%s here, %s there: %s\n", we ? "accepted" : "refused",
                 they ? "accepted" : "refused", text);
    if (they && we)
        compare_disk_values(text, &theirs, &ours);
    xk_disk_free(&ours);
    xk_problems_free(&problems);
    libxl_device_disk_dispose(&theirs);
    xlu_cfg_destroy(config);
    fclose(report);
    return they && we;
}

static void
both_agree_on_generated_disks(void **state)
{
    size_t accepted = 0;

    (void)state;
    for (size_t i = 0; i < 4 * TEXTS; i++) {
        struct generator generator = generator_seeded(i);
        XK_CLEANUP_BUF struct xk_buf text = {0};

        generate_disk(&generator, &text);
        if (strstr(text.data, "=\n") == NULL)
            accepted += compare_disk(text.data);
    }
    assert_true(accepted > TEXTS / 50);
}

static void
both_agree_on_damaged_disks(void **state)
{
    static const char *const whole[] = {
        "/dev/vg/guest,raw,hda,rw",
        "format=qcow2, vdev=hda, access=rw, target=/dev/vg/guest",
        "raw:/srv/image.iso,hdc:cdrom,ro",
        ",hdc:cdrom,r",
        "tap:aio:/x,xvda,w",
        "vdev=xvda,backendtype=phy,script=block-x,target=a,b",
        "/a,qcow2,xvdb,w,no-discard,direct-io-safe",
    };
    size_t accepted = 0;

    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        struct generator generator = generator_seeded(i);
        XK_CLEANUP_BUF struct xk_buf text = {0};

        xk_buf_puts(&text, whole[i % XK_ARRAY_SIZE(whole)]);
        generate_damage(&generator, &text);
        /* libxlutil's lexer exits the process on this text. */
        if (strstr(text.data, "=\n") == NULL)
            accepted += compare_disk(text.data);
    }
    assert_true(accepted > TEXTS / 20);
}

/* ---- rates ---- */

static bool
compare_rate(const char *text)
{
    FILE *report = nowhere();
    XLU_Config *config = xlu_cfg_init(report, "test");
    libxl_device_nic nic;
    uint64_t bytes = 0;
    uint32_t us = 0;
    bool they, we = xk_vif_rate_parse(text, &bytes, &us) == NULL;

    libxl_device_nic_init(&nic);
    errno = 0; /* libxlutil reads what an earlier call left behind */
    they = xlu_vif_parse_rate(config, text, &nic) == 0;
    if (they != we &&
        !difference_explains(rate_differences, rate_difference_count, we, text))
        fail_msg("%s here, %s there: %s\n", we ? "accepted" : "refused",
                 they ? "accepted" : "refused", text);
    if (they && nic.rate_bytes_per_interval == 0)
        nic.rate_bytes_per_interval = 1; /* no limit there, the least here */
    if (they && we &&
        (nic.rate_bytes_per_interval != bytes || nic.rate_interval_usecs != us))
        fail_msg("another rate there: %s", text);
    libxl_device_nic_dispose(&nic);
    xlu_cfg_destroy(config);
    fclose(report);
    return they && we;
}

static void
both_agree_on_rates(void **state)
{
    size_t accepted = 0;

    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        struct generator generator = generator_seeded(i);
        XK_CLEANUP_BUF struct xk_buf text = {0};

        generate_rate(&generator, &text);
        if (generate_once_in(&generator, 3))
            generate_damage(&generator, &text);
        accepted += compare_rate(text.data);
    }
    assert_true(accepted > TEXTS / 20);
}

static void
every_difference_is_met_and_real(void **state)
{
    /* One text per difference: a difference that has disappeared must be
     * removed. */
    (void)state;
    assert_false(compare_file("a=1\n# x"));
    assert_false(compare_file("a='\\0123'\n"));
    assert_false(compare_file("a=1\n@"));
    assert_false(compare_disk("/a,raw,nvme0,w"));
#ifndef LIBXL_HAVE_DISK_GRANT_USAGE
    assert_false(compare_disk("/a,raw,xvda,w,untrusted"));
    assert_false(compare_disk("/a,raw,xvda,w,grant_usage=1"));
#endif
    assert_false(compare_disk("/a,raw,xvda,w="));
    assert_false(compare_disk("/a,vmdk,xvda,w"));
    assert_false(compare_rate("010Mb/s"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_agree_on_files_written_by_hand),
        cmocka_unit_test(both_agree_on_examples_and_the_corpus_of_the_fuzzer),
        cmocka_unit_test(both_agree_on_generated_files),
        cmocka_unit_test(both_agree_on_damaged_files),
        cmocka_unit_test(both_agree_on_generated_disks),
        cmocka_unit_test(both_agree_on_damaged_disks),
        cmocka_unit_test(both_agree_on_rates),
        cmocka_unit_test(every_difference_is_met_and_real),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
