/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images: their format, their backing files, and who holds them. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/kvm/plan_files.h"
#include "tests/unit/toolstack/kvm/plan_qemu.h"
#include "toolstack/image/image.h"
#include "toolstack/kvm/plan.h"

enum {
    MIB = 1 << 20,
    HEADER_FILE_MAX = 64 << 20,
    SOME_UID = 131072
};

static char *dir;

static int
open_as(const char *name, enum xk_disk_format format, bool write,
        struct xk_image *image, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", dir, name);

    memset(err, 0, sizeof(*err));
    return xk_image_open(path, format, write, image, err);
}

static void
refused(const char *name, enum xk_disk_format format, const char *because)
{
    struct xk_image image;
    struct xk_error err;

    assert_int_equal(open_as(name, format, true, &image, &err), -1);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    if (strstr(err.message, because) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, because);
    assert_int_equal(image.count, 0);
}

static void
opened(const char *name, enum xk_disk_format format, size_t layers)
{
    struct xk_image image;
    struct xk_error err;

    if (open_as(name, format, true, &image, &err) == -1)
        fail_msg("%s", err.message);
    assert_int_equal(image.count, layers);
    for (size_t i = 0; i < layers; i++) {
        assert_int_equal(image.layers[i].read_write, i == 0);
        assert_int_equal(fcntl(image.layers[i].fd, F_GETFL) & O_ACCMODE,
                         i == 0 ? O_RDWR : O_RDONLY);
    }
    xk_image_close(&image);
}

static void
create(const char *name, const char *format, ...)
{
    const char *options[8] = {NULL};
    size_t count = 0;
    va_list args;

    va_start(args, format);
    while (count < 7 && (options[count] = va_arg(args, const char *)) != NULL)
        count++;
    va_end(args);
    plan_create_image(dir, name, format, options);
}

static void
patch(const char *name, off_t at, const void *bytes, size_t length)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", dir, name);
    XK_CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_int_equal(pwrite(fd, bytes, length, at), length);
}

static void
what_is_no_image_is_refused(void **context)
{
    XK_CLEANUP_FREE char *fifo = xk_asprintf("%s/fifo", dir);
    XK_CLEANUP_FREE char *folder = xk_asprintf("%s/folder", dir);

    (void)context;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    plan_write_raw(dir, "odd", 1000);
    plan_write_raw(dir, "empty", 0);
    refused("missing", XK_FORMAT_RAW, "does not exist");
    refused("folder", XK_FORMAT_RAW, "is a directory");
    refused("fifo", XK_FORMAT_RAW, "neither a file nor a block device");
    refused("odd", XK_FORMAT_RAW, "not a multiple of 512");
    refused("empty", XK_FORMAT_RAW, "is empty");
    refused("/../../../../../../../../../dev/null", XK_FORMAT_RAW,
            "neither a file nor a block device");
}

static void
an_unreadable_file_is_refused(void **context)
{
    pid_t pid;
    int status;

    (void)context;
    plan_write_raw(dir, "closed", MIB);
    {
        XK_CLEANUP_FREE char *path = xk_asprintf("%s/closed", dir);

        assert_int_equal(chmod(path, 0), 0);
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct xk_image image;
        struct xk_error err;

        /* No other user may read the test's directory. */
        if (geteuid() == 0 &&
            (chmod(dir, 0755) == -1 || setuid(SOME_UID) == -1))
            _exit(3);
        if (open_as("closed", XK_FORMAT_RAW, true, &image, &err) != -1)
            _exit(1);
        _exit(strstr(err.message, "cannot be written: Permission denied") ==
              NULL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(dir, 0700), 0);
    assert_int_equal(status, 0);
}

static void
a_format_is_taken_as_stated(void **context)
{
    (void)context;
    plan_write_raw(dir, "plain", MIB);
    create("base", "raw", NULL);
    create("inside", "qcow2", "-b", "base", "-F", "raw", NULL);
    /* A header that a guest wrote to its raw disk is ignored. */
    opened("inside", XK_FORMAT_QCOW2, 2);
    {
        XK_CLEANUP_FREE char *path = xk_asprintf("%s/inside", dir);

        assert_int_equal(truncate(path, MIB), 0);
    }
    opened("inside", XK_FORMAT_RAW, 1);
    for (int f = XK_FORMAT_QCOW; f < XK_FORMAT_EMPTY; f++)
        refused("plain", (enum xk_disk_format)f, "is not a ");
}

static void
every_format_is_known_by_its_header(void **context)
{
    static const struct {
        enum xk_disk_format format;
        const char *name;
    } formats[] = {
        {XK_FORMAT_QCOW, "qcow"}, {XK_FORMAT_QCOW2, "qcow2"},
        {XK_FORMAT_QED, "qed"},   {XK_FORMAT_VHD, "vpc"},
        {XK_FORMAT_VMDK, "vmdk"}, {XK_FORMAT_VDI, "vdi"},
        {XK_FORMAT_VHDX, "vhdx"}, {XK_FORMAT_PARALLELS, "parallels"},
    };

    (void)context;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        create(formats[i].name, formats[i].name, NULL);
        opened(formats[i].name, formats[i].format, 1);
    }
    create("fixed", "vpc", "-o", "subformat=fixed", NULL);
    opened("fixed", XK_FORMAT_VHD, 1);
    create("old", "qcow2", "-o", "compat=0.10", NULL);
    opened("old", XK_FORMAT_QCOW2, 1);
    create("stream", "vmdk", "-o", "subformat=streamOptimized", NULL);
    opened("stream", XK_FORMAT_VMDK, 1);
}

static void
a_chain_is_opened_to_its_end(void **context)
{
    XK_CLEANUP_FREE char *absolute = xk_asprintf("%s/one", dir);
    XK_CLEANUP_FREE char *file = xk_asprintf("file:%s", absolute);

    (void)context;
    create("one", "raw", NULL);
    create("two", "qcow2", "-b", absolute, "-F", "raw", NULL);
    create("three", "qcow2", "-b", "two", "-F", "qcow2", "-o", "compat=0.10",
           NULL);
    create("four", "qed", "-b", "one", "-F", "raw", NULL);
    create("five", "qcow2", "-b", file, "-F", "raw", NULL);
    opened("two", XK_FORMAT_QCOW2, 2);
    opened("three", XK_FORMAT_QCOW2, 3);
    opened("four", XK_FORMAT_QED, 2);
    opened("five", XK_FORMAT_QCOW2, 2);
}

static void
a_chain_that_leads_nowhere_is_refused(void **context)
{
    (void)context;
    create("u1", "qcow2", "-u", "-b", "gone", "-F", "raw", NULL);
    refused("u1", XK_FORMAT_QCOW2, "does not exist");
    create("u2", "qcow2", "-u", "-b", "nbd://localhost/x", "-F", "raw", NULL);
    refused("u2", XK_FORMAT_QCOW2, "is not a file");
    create("u3", "qcow2", "-u", "-b",
           "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}", "-F",
           "raw", NULL);
    refused("u3", XK_FORMAT_QCOW2, "is not a file");
    create("u4", "qcow2", "-u", "-b", "u4", "-F", "qcow2", NULL);
    refused("u4", XK_FORMAT_QCOW2, "builds on itself");
    /* QEMU would search its own directory. */
    create("u6", "qcow2", "-u", "-b", "file:u6", "-F", "raw", NULL);
    refused("u6", XK_FORMAT_QCOW2, "is not a file");
    create("u5", "qcow2", "-u", "-b", "/dev/stdin", "-F", "raw", NULL);
    refused("u5", XK_FORMAT_QCOW2, "/dev/stdin");
}

static void
a_chain_is_at_most_sixteen_long(void **context)
{
    (void)context;
    create("c0", "raw", NULL);
    for (int i = 1; i <= XK_IMAGE_LAYERS_MAX; i++) {
        char name[8], below[8];

        snprintf(name, sizeof(name), "c%d", i);
        snprintf(below, sizeof(below), "c%d", i - 1);
        create(name, "qcow2", "-b", below, "-F", i == 1 ? "raw" : "qcow2",
               NULL);
    }
    opened("c15", XK_FORMAT_QCOW2, 16);
    refused("c16", XK_FORMAT_QCOW2, "more than 15 others");
}

static void
a_backing_format_that_is_not_stated_is_refused(void **context)
{
    static const unsigned char other_type[] = {0x12, 0x34, 0x56, 0x78};

    (void)context;
    create("base1", "raw", NULL);
    create("unstated", "qcow2", "-b", "base1", "-F", "raw", NULL);
    /* The first header extension of a version 3 header of 112 bytes. */
    patch("unstated", 112, other_type, sizeof(other_type));
    refused("unstated", XK_FORMAT_QCOW2, "qemu-img rebase -u -F FORMAT");
    create("qcow1", "qcow", "-b", "base1", "-F", "raw", NULL);
    refused("qcow1", XK_FORMAT_QCOW, "does not state the format");
}

static void
what_needs_another_file_or_a_key_is_refused(void **context)
{
    XK_CLEANUP_FREE char *data = xk_asprintf("data_file=%s/data", dir);
    static const unsigned char luks[] = {0, 0, 0, 2};
    static const unsigned char differencing[] = {0, 0, 0, 4};
    static const unsigned char corrupt = 2;

    (void)context;
    create("external", "qcow2", "-o", data, NULL);
    refused("external", XK_FORMAT_QCOW2, "keeps its data in another file");
    create("secret", "qcow2", NULL);
    patch("secret", 32, luks, sizeof(luks));
    refused("secret", XK_FORMAT_QCOW2, "is encrypted");
    create("broken", "qcow2", NULL);
    patch("broken", 79, &corrupt, 1);
    refused("broken", XK_FORMAT_QCOW2, "marked as corrupt");
    create("flat", "vmdk", "-o", "subformat=monolithicFlat", NULL);
    refused("flat", XK_FORMAT_VMDK, "is not a vmdk");
    create("parent", "vmdk", NULL);
    create("child", "vmdk", "-b", "parent", "-F", "vmdk", NULL);
    refused("child", XK_FORMAT_VMDK, "builds on another vmdk");
    create("diff", "vpc", NULL);
    patch("diff", 60, differencing, sizeof(differencing));
    refused("diff", XK_FORMAT_VHD, "builds on another vhd");
}

/* An image of a tenant must not make root open a file that the tenant may not
 * read. */
static void
an_image_gets_what_its_owner_may_read(void **context)
{
    XK_CLEANUP_FREE char *overlay = xk_asprintf("%s/overlay", dir);
    XK_CLEANUP_FREE char *secret = xk_asprintf("%s/roots", dir);

    (void)context;
    create("roots", "raw", NULL);
    create("overlay", "qcow2", "-b", "roots", "-F", "raw", NULL);
    assert_int_equal(chmod(secret, 0600), 0);
    opened("overlay", XK_FORMAT_QCOW2, 2);
    assert_int_equal(chown(overlay, SOME_UID, SOME_UID), 0);
    refused("overlay", XK_FORMAT_QCOW2, "may not read");
    assert_int_equal(chmod(secret, 0644), 0);
    opened("overlay", XK_FORMAT_QCOW2, 2);
}

/* ---- headers by a hostile hand ---- */

/* What the reader guarantees for any bytes: an error of the right kind, or a
 * name that ends within its buffer. */
static void
read_any(int fd, enum xk_disk_format format)
{
    struct xk_image_header header;
    struct xk_error err = {.kind = XK_ERR_COUNT};
    int r = xk_image_read_header(fd, "x", format, &header, &err);

    if (r == -1)
        assert_int_equal(err.kind, XK_ERR_CONFIG);
    else
        assert_true(memchr(header.backing, '\0', sizeof(header.backing)) !=
                    NULL);
}

static void
torn_and_scribbled_headers_are_survived(void **context)
{
    static const char *const names[XK_FORMAT_COUNT] = {
        [XK_FORMAT_QCOW] = "qcow", [XK_FORMAT_QCOW2] = "qcow2",
        [XK_FORMAT_QED] = "qed",   [XK_FORMAT_VHD] = "vpc",
        [XK_FORMAT_VMDK] = "vmdk", [XK_FORMAT_VDI] = "vdi",
        [XK_FORMAT_VHDX] = "vhdx", [XK_FORMAT_PARALLELS] = "parallels",
    };
    unsigned seed = 1;

    (void)context;
    create("under", "raw", NULL);
    for (int f = XK_FORMAT_QCOW; f < XK_FORMAT_EMPTY; f++) {
        XK_CLEANUP_BUF struct xk_buf bytes = {0};
        XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s-x", dir, names[f]);
        XK_CLEANUP_FREE char *name = xk_asprintf("%s-x", names[f]);
        XK_CLEANUP_CLOSE int fd = -1;
        size_t head;

        if (f == XK_FORMAT_QCOW2 || f == XK_FORMAT_QED || f == XK_FORMAT_QCOW)
            create(name, names[f], "-b", "under", "-F", "raw", NULL);
        else
            create(name, names[f], NULL);
        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(xk_read_fd(fd, path, HEADER_FILE_MAX, &bytes, NULL),
                         0);
        head = bytes.length < 4096 ? bytes.length : 4096;
        for (int i = 0; i < 3000; i++) {
            off_t at = rand_r(&seed) % (i % 2 ? 128 : 1200);
            unsigned char byte = (unsigned char)rand_r(&seed);

            pwrite(fd, &byte, 1, at);
            read_any(fd, (enum xk_disk_format)f);
            if (i % 8 == 7)
                pwrite(fd, bytes.data, head, 0);
        }
        pwrite(fd, bytes.data, head, 0);
        for (off_t length = 1200; length >= 0; length--) {
            assert_int_equal(ftruncate(fd, length), 0);
            read_any(fd, (enum xk_disk_format)f);
        }
    }
}

/* ---- who holds it ---- */

static void
start_on(struct plan_qemu *qemu, const char *disk)
{
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "name='holder'\ntype='hvm'\nvnc=0\nmemory=64\ndisk=['%s']\n", disk);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(text);
    struct xk_kvm_plan plan;
    struct xk_error err;

    xk_kvm_plan_init(&plan, false);
    plan.accel = XK_KVM_ACCEL_TCG;
    if (xk_kvm_plan_domain(&plan, config, &err) == -1)
        fail_msg("%s", err.message);
    plan_qemu_begin(qemu, "holder", &plan);
    xk_kvm_plan_free(&plan);
    assert_true(plan_qemu_answers(qemu));
}

static void
in_use(const char *name, enum xk_disk_format format, bool write,
       const char *holder)
{
    struct xk_image image;
    struct xk_error err;

    if (open_as(name, format, write, &image, &err) == -1)
        fail_msg("%s", err.message);
    if (holder == NULL) {
        assert_int_equal(xk_image_check_free(&image, NULL, &err), 0);
    } else {
        assert_int_equal(xk_image_check_free(&image, NULL, &err), -1);
        assert_int_equal(err.kind, XK_ERR_IN_USE);
        if (strstr(err.message, holder) == NULL)
            fail_msg("\"%s\" does not name \"%s\"", err.message, holder);
    }
    xk_image_close(&image);
}

static void
an_image_in_use_is_refused_by_any_of_its_names(void **context)
{
    XK_CLEANUP_FREE char *disk = xk_asprintf("%s/held,raw,xvda,rw", dir);
    XK_CLEANUP_FREE char *held = xk_asprintf("%s/held", dir);
    XK_CLEANUP_FREE char *hard = xk_asprintf("%s/hard", dir);
    XK_CLEANUP_FREE char *soft = xk_asprintf("%s/soft", dir);
    XK_CLEANUP_FREE char *holder = NULL;
    struct plan_qemu qemu;

    (void)context;
    plan_write_raw(dir, "held", MIB);
    create("over", "qcow2", "-b", "held", "-F", "raw", NULL);
    assert_int_equal(link(held, hard), 0);
    assert_int_equal(symlink("held", soft), 0);
    in_use("held", XK_FORMAT_RAW, true, NULL);
    start_on(&qemu, disk);
    holder = xk_asprintf("QEMU \"holder\" (process %d)", (int)qemu.pid);
    in_use("held", XK_FORMAT_RAW, true, holder);
    in_use("held", XK_FORMAT_RAW, false, holder);
    in_use("hard", XK_FORMAT_RAW, true, holder);
    in_use("soft", XK_FORMAT_RAW, true, holder);
    in_use("over", XK_FORMAT_QCOW2, true, holder);
    assert_true(plan_qemu_end(&qemu, true));
    in_use("held", XK_FORMAT_RAW, true, NULL);
}

static void
readers_share_an_image_and_keep_writers_out(void **context)
{
    XK_CLEANUP_FREE char *disk = xk_asprintf("%s/shared,raw,xvda,ro", dir);
    struct plan_qemu qemu;

    (void)context;
    plan_write_raw(dir, "shared", MIB);
    start_on(&qemu, disk);
    in_use("shared", XK_FORMAT_RAW, false, NULL);
    in_use("shared", XK_FORMAT_RAW, true, "QEMU \"holder\"");
    assert_true(plan_qemu_end(&qemu, true));
}

static void
a_holder_that_is_no_qemu_is_named_by_its_process(void **context)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/mine", dir);
    XK_CLEANUP_FREE char *holder = NULL;
    struct flock lock = {.l_type = F_RDLCK, .l_start = 201, .l_len = 1};
    int ready[2];
    pid_t pid;
    char byte;

    (void)context;
    plan_write_raw(dir, "mine", MIB);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDWR | O_CLOEXEC);

        if (fcntl(fd, F_OFD_SETLK, &lock) == -1)
            _exit(1);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    /* The program's name follows; under valgrind it is valgrind's. */
    holder = xk_asprintf("process %d (", (int)pid);
    in_use("mine", XK_FORMAT_RAW, true, holder);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

/* Lock a byte of an image until the descriptor is closed. */
static int
lock_byte(const char *name, off_t byte)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", dir, name);
    struct flock lock = {.l_type = F_RDLCK, .l_start = byte, .l_len = 1};
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    return fd;
}

/* QEMU refuses for these locks too, although nobody writes: 103 is held by a
 * process that resizes, 203 by one that forbids resizing. Raw images need
 * neither. */
static void
an_image_that_is_resized_or_must_not_be_is_in_use(void **context)
{
    XK_CLEANUP_CLOSE int resized = -1;
    XK_CLEANUP_CLOSE int kept = -1;
    XK_CLEANUP_CLOSE int kept_raw = -1;

    (void)context;
    plan_write_raw(dir, "resized", MIB);
    plan_write_raw(dir, "kept", MIB);
    create("kept.qcow2", "qcow2", NULL);
    resized = lock_byte("resized", 103);
    kept = lock_byte("kept.qcow2", 203);
    kept_raw = lock_byte("kept", 203);
    in_use("resized", XK_FORMAT_RAW, false, "in use by");
    in_use("resized", XK_FORMAT_RAW, true, "in use by");
    in_use("kept.qcow2", XK_FORMAT_QCOW2, true, "in use by");
    in_use("kept.qcow2", XK_FORMAT_QCOW2, false, NULL);
    in_use("kept", XK_FORMAT_RAW, true, NULL);
}

/* ---- disks of a configuration ---- */

static void
refused_config(const char *disks, const char *because)
{
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "name='t'\ntype='hvm'\nvnc=0\nmemory=64\ndisk=[%s]\n", disks);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(text);
    struct xk_kvm_plan plan;
    struct xk_error err;

    xk_kvm_plan_init(&plan, false);
    assert_int_equal(xk_kvm_plan_domain(&plan, config, &err), -1);
    xk_kvm_plan_free(&plan);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    if (strncmp(err.message, "t.cfg:5:", 8) != 0 ||
        strstr(err.message, because) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, because);
}

static void
an_image_given_twice_is_refused_unless_nobody_writes(void **context)
{
    XK_CLEANUP_FREE char *twice =
        xk_asprintf("'%s/t,raw,xvda,rw','%s/./t,raw,xvdb,rw'", dir, dir);
    XK_CLEANUP_FREE char *both =
        xk_asprintf("'%s/t,raw,xvda,ro','%s/t,raw,xvdb,rw'", dir, dir);
    XK_CLEANUP_FREE char *under =
        xk_asprintf("'%s/tt,qcow2,xvda,rw','%s/t,raw,xvdb,rw'", dir, dir);
    XK_CLEANUP_FREE char *readers = xk_asprintf(
        "name='t'\ntype='hvm'\nvnc=0\nmemory=64\n"
        "disk=['%s/t,raw,xvda,ro','%s/t,raw,xvdb,ro','%s/tt,qcow2,xvdc,rw']\n",
        dir, dir, dir);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(readers);
    struct xk_kvm_plan plan;
    struct xk_error err;

    (void)context;
    plan_write_raw(dir, "t", MIB);
    create("tt", "qcow2", "-b", "t", "-F", "raw", NULL);
    refused_config(twice, "part of disk xvda already");
    refused_config(both, "part of disk xvda already");
    refused_config(under, "part of disk xvda already");
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(xk_kvm_plan_domain(&plan, config, &err), 0);
    xk_kvm_plan_free(&plan);
}

static void
direct_io_is_used_where_the_file_system_can(void **context)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/direct", dir);
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "name='t'\ntype='hvm'\nvnc=0\nmemory=64\ndisk=['format=raw,vdev=xvda,"
        "access=rw,direct-io-safe,target=%s']\n",
        path);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = plan_parse(text);
    XK_CLEANUP_CLOSE int fd = -1;
    XK_CLEANUP_BUF struct xk_buf printed = {0};
    struct xk_kvm_plan plan;
    struct xk_error err;
    bool can;

    (void)context;
    plan_write_raw(dir, "direct", MIB);
    fd = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
    can = fd != -1;
    xk_kvm_plan_init(&plan, false);
    assert_int_equal(xk_kvm_plan_domain(&plan, config, &err), 0);
    plan_print(&plan, &printed);
    assert_int_equal(strstr(printed.data, "\"aio\":\"native\"") != NULL, can);
    assert_int_equal(strstr(printed.data, "\"direct\":true") != NULL, can);
    assert_int_equal((fcntl(plan.fds[0].fd, F_GETFL) & O_DIRECT) != 0, can);
    xk_kvm_plan_free(&plan);
}

static int
setup(void **context)
{
    (void)context;
    dir = scratch_new();
    return 0;
}

static int
teardown(void **context)
{
    (void)context;
    scratch_free(dir);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(an_unreadable_file_is_refused),
        cmocka_unit_test(a_format_is_taken_as_stated),
        cmocka_unit_test(every_format_is_known_by_its_header),
        cmocka_unit_test(a_chain_is_opened_to_its_end),
        cmocka_unit_test(a_chain_that_leads_nowhere_is_refused),
        cmocka_unit_test(a_chain_is_at_most_sixteen_long),
        cmocka_unit_test(a_backing_format_that_is_not_stated_is_refused),
        cmocka_unit_test(what_needs_another_file_or_a_key_is_refused),
        cmocka_unit_test(torn_and_scribbled_headers_are_survived),
        cmocka_unit_test(an_image_in_use_is_refused_by_any_of_its_names),
        cmocka_unit_test(readers_share_an_image_and_keep_writers_out),
        cmocka_unit_test(a_holder_that_is_no_qemu_is_named_by_its_process),
        cmocka_unit_test(an_image_that_is_resized_or_must_not_be_is_in_use),
        cmocka_unit_test(an_image_given_twice_is_refused_unless_nobody_writes),
        cmocka_unit_test(direct_io_is_used_where_the_file_system_can),
        cmocka_unit_test(an_image_gets_what_its_owner_may_read),
    };

    if (!plan_has_program("qemu-system-x86_64") ||
        !plan_has_program("qemu-img")) {
        fputs("qemu-system-x86_64 or qemu-img is not installed\n", stderr);
        return 77;
    }
    /* The last one needs root. */
    return _cmocka_run_group_tests(
        "images", tests, sizeof(tests) / sizeof(tests[0]) - (geteuid() != 0),
        setup, teardown);
}
