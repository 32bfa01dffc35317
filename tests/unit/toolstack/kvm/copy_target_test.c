/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks to be copied here: what a peer may claim, what prevents a copy, and the
 * images that are created. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "toolstack/image/image.h"
#include "toolstack/journal.h"
#include "toolstack/kvm/copy_target.h"

enum {
    MIB = 1 << 20
};

struct fixture {
    char *scratch;
    struct xk_domain_config *config;
    struct xk_state state;
    struct xk_problems problems;
    struct xk_error err;
};

/* Disks to copy, a raw and a qcow2 one, and two that are not: a read-only one
 * and a CD-ROM drive. */
static struct xk_domain_config *
read_config(const char *scratch)
{
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "name = 'a'\ntype = 'hvm'\nmemory = 64\ndisk = [\n"
        "'format=raw,vdev=xvda,access=rw,target=%s/images/a.img',\n"
        "'format=raw,vdev=xvdb,access=ro,target=%s/images/b.img',\n"
        "'format=qcow2,vdev=xvdc,access=rw,target=%s/images/c.qcow2',\n"
        "'format=raw,vdev=hdd,devtype=cdrom,access=ro,target=%s/cd.iso' ]\n",
        scratch, scratch, scratch, scratch);
    struct xk_problems problems = {0};
    struct xk_error err = {0};
    struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &err);

    xk_problems_free(&problems);
    if (config == NULL)
        fail_msg("%s", err.message);
    return config;
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);
    XK_CLEANUP_FREE char *images = NULL;

    f->scratch = scratch_new();
    images = xk_asprintf("%s/images", f->scratch);
    mkdir(images, 0700);
    f->config = read_config(f->scratch);
    *context = f;
    return xk_state_open(&f->state, &f->err);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_state_close(&f->state);
    xk_problems_free(&f->problems);
    xk_config_free(f->config);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static struct xk_json *
list(const char *text)
{
    struct xk_error err = {0};
    struct xk_json *json = xk_json_parse(text, strlen(text), "test", &err);

    if (json == NULL)
        fail_msg("%s", err.message);
    return json;
}

#define COPY(vdev, bytes, allocated)                                           \
    "{\"vdev\":\"" vdev "\",\"bytes\":" bytes ",\"allocated\":" allocated "}"
#define BOTH                                                                   \
    "[" COPY("xvda", "1048576", "4096") "," COPY("xvdc", "2097152", "4096") "]"

/* ---- what a peer claims ---- */

static void
only_a_list_of_the_disks_that_the_guest_writes_is_taken(void **context)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {BOTH, 0},
        {"[]", -1},
        {"{}", -1},
        {"[1,2]", -1},
        {"[" COPY("xvda", "1048576", "0") "]", -1},
        {"[" COPY("xvda", "1", "0") "," COPY("xvda", "1", "0") "]", -1},
        {"[" COPY("xvda", "1", "0") "," COPY("xvdb", "1", "0") "]", -1},
        {"[" COPY("xvda", "1", "0") "," COPY("hdd", "1", "0") "]", -1},
        {"[" COPY("xvda", "1", "0") "," COPY("../x", "1", "0") "]", -1},
        {"[" COPY("xvda", "0", "0") "," COPY("xvdc", "1", "0") "]", -1},
        {"[" COPY("xvda", "-1", "0") "," COPY("xvdc", "1", "0") "]", -1},
        {"[" COPY("xvda", "1", "-1") "," COPY("xvdc", "1", "0") "]", -1},
        {"[" COPY("xvda", "9223372036854775807", "0") "," COPY("xvdc", "1",
                                                               "0") "]",
         -1},
        {"[" COPY("xvda", "\"1\"", "0") "," COPY("xvdc", "1", "0") "]", -1},
    };
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(cases); i++) {
        XK_CLEANUP_JSON struct xk_json *copies = list(cases[i].text);
        int r = xk_kvm_copies_read(copies, f->config, &f->err);

        if (r != cases[i].result)
            fail_msg("%s gives %d", cases[i].text, r);
        if (r == -1)
            assert_int_equal(f->err.kind, XK_ERR_PROTOCOL);
    }
}

/* ---- what prevents a copy ---- */

static void
check(struct fixture *f)
{
    XK_CLEANUP_JSON struct xk_json *copies = list(BOTH);

    xk_problems_free(&f->problems);
    memset(&f->problems, 0, sizeof(f->problems));
    assert_int_equal(xk_kvm_copies_read(copies, f->config, &f->err), 0);
    xk_kvm_copies_check(copies, f->config, &f->state, &f->problems);
}

static bool
complains(const struct fixture *f, const char *text)
{
    for (size_t i = 0; i < f->problems.count; i++) {
        if (strstr(f->problems.items[i].message, text) != NULL)
            return true;
    }
    return false;
}

static void
make_file(struct fixture *f, const char *name, off_t bytes)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/images/%s", f->scratch, name);
    XK_CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(ftruncate(fd, bytes), 0);
}

static void
images_that_are_missing_are_fine(void **context)
{
    struct fixture *f = *context;

    check(f);
    assert_int_equal(f->problems.count, 0);
}

static void
an_image_of_the_same_size_is_fine_and_of_another_is_not(void **context)
{
    struct fixture *f = *context;

    make_file(f, "a.img", MIB);
    check(f);
    assert_int_equal(f->problems.count, 0);
    make_file(f, "a.img", 2 * MIB);
    check(f);
    assert_int_equal(f->problems.errors, 1);
    assert_true(complains(f, "2097152 bytes, not 1048576"));
}

static void
an_image_of_another_format_is_not_written_over(void **context)
{
    struct fixture *f = *context;

    make_file(f, "c.qcow2", 2 * MIB);
    check(f);
    assert_int_equal(f->problems.errors, 1);
    assert_true(complains(f, "c.qcow2"));
}

static void
a_folder_that_is_missing_is_told_for_each_disk(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *images = xk_asprintf("%s/images", f->scratch);

    rmdir(images);
    check(f);
    assert_int_equal(f->problems.errors, 2);
    assert_true(complains(f, "No such file or directory"));
}

/* Count the problems if the disks need these fractions of the free room. */
static size_t
complaints_for(struct fixture *f, double first, double second)
{
    XK_CLEANUP_JSON struct xk_json *copies = NULL;
    XK_CLEANUP_FREE char *text = NULL;
    struct statvfs fs;
    double room;

    assert_int_equal(statvfs(f->scratch, &fs), 0);
    room = (double)fs.f_bavail * (double)fs.f_frsize;
    text = xk_asprintf("[" COPY("xvda", "1048576",
                                "%.0f") "," COPY("xvdc", "2097152", "%.0f") "]",
                       room * first, room * second);
    copies = list(text);
    xk_problems_free(&f->problems);
    memset(&f->problems, 0, sizeof(f->problems));
    xk_kvm_copies_check(copies, f->config, &f->state, &f->problems);
    return f->problems.errors;
}

static void
disks_that_together_need_more_room_than_there_is_are_refused(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(complaints_for(f, 0.6, 0.1), 0);
    assert_int_equal(complaints_for(f, 0.6, 0.6), 1);
    assert_true(complains(f, "xvdc"));
    assert_true(complains(f, "are free"));
    assert_int_equal(complaints_for(f, 2, 0.1), 2);
}

/* ---- images ---- */

static void
missing_images_are_made_and_those_there_stay(void **context)
{
    XK_CLEANUP_JSON struct xk_json *copies = list(BOTH);
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *made = xk_asprintf("%s/images/c.qcow2", f->scratch);
    XK_CLEANUP_FREE char *kept = xk_asprintf("%s/images/a.img", f->scratch);
    struct xk_image image;
    struct xk_record *record;
    struct stat before, after;

    make_file(f, "a.img", MIB);
    assert_int_equal(stat(kept, &before), 0);
    record =
        xk_record_create(&f->state, &f->config->uuid, "kvm", "test", &f->err);
    assert_non_null(record);
    xk_journal_append(record, XK_JOURNAL_BEGIN, "receive", NULL, &f->err);
    if (xk_kvm_copies_make(record, copies, f->config, &f->err) == -1)
        fail_msg("%s", f->err.message);
    assert_int_equal(stat(kept, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(
        xk_image_open(made, XK_FORMAT_QCOW2, true, &image, &f->err), 0);
    xk_image_close(&image);
    assert_int_equal(scratch_count(f->scratch, "images"), 2);
    check(f);
    assert_int_equal(f->problems.count, 0);
    xk_record_close(record);
}

/* The program that makes a qcow2 image. */
static bool
has_qemu_img(void)
{
    static const char *const argv[] = {"qemu-img", "--version", NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf err_out = {0};
    int status;

    return xk_process_run(argv, 1000, &out, &err_out, xk_deadline_in_ms(10000),
                          &status, NULL) == 0;
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(only_a_list_of_the_disks_that_the_guest_writes_is_taken),
        T(images_that_are_missing_are_fine),
        T(an_image_of_the_same_size_is_fine_and_of_another_is_not),
        T(an_image_of_another_format_is_not_written_over),
        T(a_folder_that_is_missing_is_told_for_each_disk),
        T(disks_that_together_need_more_room_than_there_is_are_refused),
        T(missing_images_are_made_and_those_there_stay),
    };

    if (!has_qemu_img())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
