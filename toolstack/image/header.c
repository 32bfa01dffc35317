/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read the header of an image.
 *
 * How it works: each format has a row with its magic bytes and, if its header
 * can name other files, a function that reads that name. The start of the file
 * is copied once, and every offset in it is checked against the copy.
 *
 * Sources: QEMU's docs/interop/qcow2.txt, qed_spec.txt; block/qcow.c, vmdk.c,
 * vpc.c, vdi.c, vhdx.h, parallels.c.
 */
#include "toolstack/image/image.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    HEAD_SIZE = 128 * 1024, /* of the file's start, for magic and extensions */
    DESCRIPTOR_MAX = 64 * 1024,

    QCOW2_V2_HEADER = 72,
    QCOW2_END = 0,
    QCOW2_DIRTY = 1 << 0,
    QCOW2_CORRUPT = 1 << 1,
    QCOW2_DATA_FILE = 1 << 2,

    QED_BACKING = 1 << 0,
    QED_BACKING_IS_RAW = 1 << 2,

    VHD_DIFFERENCING = 4,
    SECTOR = 512,
};

static const uint32_t qcow2_backing_format = 0xe2792aca;

struct head {
    int fd;
    const char *path;
    unsigned char *bytes;
    size_t length; /* bytes read, at most HEAD_SIZE */
    uint64_t file_bytes;
};

static uint32_t
be32(const struct head *head, size_t at)
{
    uint32_t value = 0;

    if (at <= head->length && sizeof(value) <= head->length - at)
        memcpy(&value, head->bytes + at, sizeof(value));
    return be32toh(value);
}

static uint64_t
be64(const struct head *head, size_t at)
{
    return (uint64_t)be32(head, at) << 32 | be32(head, at + 4);
}

static uint32_t
le32(const struct head *head, size_t at)
{
    return __builtin_bswap32(be32(head, at));
}

static uint64_t
le64(const struct head *head, size_t at)
{
    return (uint64_t)le32(head, at + 4) << 32 | le32(head, at);
}

static int
wrong(const struct head *head, const char *what, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_CONFIG, "image \"%s\" %s", head->path, what);
}

/* Read the backing file's name, which the header says is at `at`. */
static int
take_backing(const struct head *head, uint64_t at, uint32_t length,
             struct xk_image_header *header, struct xk_error *err)
{
    if (length == 0 || length >= sizeof(header->backing) || at > INT64_MAX ||
        pread(head->fd, header->backing, length, (off_t)at) != (ssize_t)length)
        return wrong(head, "has a broken name of a backing file", err);
    header->backing[length] = '\0';
    if (strlen(header->backing) != length)
        return wrong(head, "has a broken name of a backing file", err);
    return 0;
}

static void
set_backing_format(struct xk_image_header *header, const char *name)
{
    for (int f = 0; f < XK_FORMAT_COUNT; f++) {
        const char *known = xk_disk_format_qemu_name((enum xk_disk_format)f);

        if (known != NULL && strcmp(known, name) == 0) {
            header->backing_format_given = true;
            header->backing_format = (enum xk_disk_format)f;
        }
    }
}

/* Header extensions are type, length and data padded to eight bytes. They end
 * with type 0 or where the backing file's name begins. */
static void
read_qcow2_extensions(const struct head *head, uint64_t at, uint64_t end,
                      struct xk_image_header *header)
{
    while (at + 8 <= end && at + 8 <= head->length) {
        uint32_t type = be32(head, at);
        uint32_t length = be32(head, at + 4);
        char name[32] = "";

        at += 8;
        if (type == QCOW2_END || length > head->length - at)
            return;
        if (type == qcow2_backing_format && length < sizeof(name)) {
            memcpy(name, head->bytes + at, length);
            set_backing_format(header, name);
        }
        at += ((uint64_t)length + 7) & ~UINT64_C(7);
    }
}

static int
read_qcow2(const struct head *head, struct xk_image_header *header,
           struct xk_error *err)
{
    uint32_t version = be32(head, 4);
    uint64_t backing_at = be64(head, 8);
    uint32_t cluster_bits = be32(head, 20);
    uint64_t incompatible = version >= 3 ? be64(head, 72) : 0;
    uint64_t extensions = version >= 3 ? be32(head, 100) : QCOW2_V2_HEADER;

    if (version != 2 && version != 3)
        return wrong(head, "is not qcow2 version 2 or 3", err);
    if (cluster_bits < 9 || cluster_bits > 21)
        return wrong(head, "has a broken qcow2 header", err);
    if ((incompatible & QCOW2_CORRUPT) != 0)
        return wrong(head, "is marked as corrupt; see qemu-img check -r", err);
    if ((incompatible & QCOW2_DATA_FILE) != 0)
        return wrong(head,
                     "keeps its data in another file, which is not supported; "
                     "qemu-img convert makes one file of it",
                     err);
    if (be32(head, 32) != 0)
        return wrong(head,
                     "is encrypted, which is not supported; encrypt the "
                     "host's file system or the guest's disk",
                     err);
    if (backing_at == 0)
        return 0;
    read_qcow2_extensions(head, extensions, backing_at, header);
    return take_backing(head, backing_at, be32(head, 16), header, err);
}

static int
read_qcow(const struct head *head, struct xk_image_header *header,
          struct xk_error *err)
{
    if (be32(head, 4) != 1)
        return wrong(head, "is not qcow version 1; is it qcow2?", err);
    if (be32(head, 36) != 0)
        return wrong(head, "is encrypted, which is not supported", err);
    if (be64(head, 8) == 0)
        return 0;
    return take_backing(head, be64(head, 8), be32(head, 16), header, err);
}

static int
read_qed(const struct head *head, struct xk_image_header *header,
         struct xk_error *err)
{
    uint64_t features = le64(head, 16);

    if ((features & QED_BACKING) == 0)
        return 0;
    if ((features & QED_BACKING_IS_RAW) != 0)
        set_backing_format(header, "raw");
    return take_backing(head, le32(head, 56), le32(head, 60), header, err);
}

/* A VMDK may consist of several files; only a VMDK that is one complete file is
 * accepted. A capacity of 0 makes QEMU read the embedded list of files. */
static int
read_vmdk(const struct head *head,
          struct xk_image_header *header __attribute__((unused)),
          struct xk_error *err)
{
    static const char parent[] = "parentCID=";
    static const char alone[] = "parentCID=ffffffff";
    XK_CLEANUP_FREE char *text = NULL;
    uint64_t at = le64(head, 28) * SECTOR;
    uint64_t length = le64(head, 36) * SECTOR;
    const char *p;

    if (le64(head, 12) == 0)
        return wrong(head,
                     "is split over several files, which is not supported; "
                     "qemu-img convert makes one file of it",
                     err);
    if (le64(head, 28) > INT32_MAX || le64(head, 36) > INT32_MAX)
        return wrong(head, "has a broken vmdk header", err);
    if (length > DESCRIPTOR_MAX)
        length = DESCRIPTOR_MAX;
    text = xk_calloc(length + 1, 1);
    if (pread(head->fd, text, length, (off_t)at) == -1)
        return xk_fail_errno(err, "read \"%s\"", head->path);
    p = strstr(text, parent);
    if (p != NULL && strncmp(p, alone, strlen(alone)) != 0)
        return wrong(head,
                     "builds on another vmdk, which is not supported; "
                     "qemu-img convert makes one file of it",
                     err);
    return 0;
}

/* The footer is the last sector; a growing image has a copy of it at the
 * start. */
static int
read_vhd(const struct head *head,
         struct xk_image_header *header __attribute__((unused)),
         struct xk_error *err)
{
    unsigned char footer[SECTOR] = {0};
    uint32_t type;

    if (head->file_bytes < sizeof(footer) ||
        pread(head->fd, footer, sizeof(footer),
              (off_t)(head->file_bytes - sizeof(footer))) == -1)
        return wrong(head, "is not a vhd", err);
    if (memcmp(head->bytes, "conectix", 8) == 0)
        memcpy(footer, head->bytes, sizeof(footer));
    if (memcmp(footer, "conectix", 8) != 0)
        return wrong(head, "is not a vhd", err);
    memcpy(&type, footer + 60, sizeof(type));
    if (be32toh(type) == VHD_DIFFERENCING)
        return wrong(head,
                     "builds on another vhd, which is not supported; convert "
                     "it to one file",
                     err);
    return 0;
}

static const struct format_row {
    size_t magic_at;
    const char *magic; /* NULL: the function checks */
    size_t magic_length;
    int (*read)(const struct head *head, struct xk_image_header *header,
                struct xk_error *err); /* NULL: cannot name other files */
} rows[] = {
    [XK_FORMAT_RAW] = {0, NULL, 0, NULL},
    [XK_FORMAT_QCOW] = {0, "QFI\xfb", 4, read_qcow},
    [XK_FORMAT_QCOW2] = {0, "QFI\xfb", 4, read_qcow2},
    [XK_FORMAT_QED] = {0, "QED", 4, read_qed},
    [XK_FORMAT_VHD] = {0, NULL, 0, read_vhd},
    [XK_FORMAT_VMDK] = {0, "KDMV", 4, read_vmdk},
    [XK_FORMAT_VDI] = {64, "\x7f\x10\xda\xbe", 4, NULL},
    [XK_FORMAT_VHDX] = {0, "vhdxfile", 8, NULL},
    [XK_FORMAT_PARALLELS] = {0, "Withou", 6, NULL},
    [XK_FORMAT_EMPTY] = {0, NULL, 0, NULL},
};
static_assert(XK_ARRAY_SIZE(rows) == XK_FORMAT_COUNT, "one row per format");

int
xk_image_read_header(int fd, const char *path, enum xk_disk_format format,
                     struct xk_image_header *header, struct xk_error *err)
{
    const struct format_row *row = &rows[format];
    XK_CLEANUP_FREE unsigned char *bytes = NULL;
    struct head head = {.fd = fd, .path = path};
    struct stat st;
    ssize_t got;

    memset(header, 0, sizeof(*header));
    if (row->magic == NULL && row->read == NULL)
        return 0;
    bytes = xk_calloc(HEAD_SIZE, 1);
    got = pread(fd, bytes, HEAD_SIZE, 0);
    if (got == -1 || fstat(fd, &st) == -1)
        return xk_fail_errno(err, "read \"%s\"", path);
    head.bytes = bytes;
    head.length = (size_t)got;
    head.file_bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    if (row->magic != NULL &&
        memcmp(bytes + row->magic_at, row->magic, row->magic_length) != 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "image \"%s\" is not a %s image; state its format "
                       "(qemu-img info shows it)",
                       path, xk_disk_format_name(format));
    return row->read != NULL ? row->read(&head, header, err) : 0;
}
