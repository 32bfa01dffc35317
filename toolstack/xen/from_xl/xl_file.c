/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/from_xl/xl_file.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <endian.h>

#include "base/util.h"

enum {
    MAGIC_SIZE = 32,
    BYTE_ORDER_MARK = 0x01020304,
    FLAG_JSON = 1 << 0,
    FLAG_STREAM_V2 = 1 << 1,
    CONFIG_MAX = 4 << 20,
    LIBXL_VERSION_2 = 2,
    LIBXC_VERSION_MIN = 2, /* has no record STATIC_DATA_END */
    LIBXC_VERSION_MAX = 3,
    RECORD_END = 0, /* in both streams */
    RECORD_LIBXC = 1,
    RECORDS_MAX = 1 << 24, /* with one page each, 64 GiB */
};

#define LIBXL_IDENT UINT64_C(0x4c6962786c466d74) /* "LibxlFmt" */
#define LIBXC_IDENT UINT32_C(0x58454e46)         /* "XENF" */

/* The magic includes the string's terminating NUL. */
static const char magic[MAGIC_SIZE] = "Xen saved domain, xl format\n \0 \r";

struct header {
    char magic[MAGIC_SIZE];
    uint32_t byte_order;
    uint32_t mandatory_flags;
    uint32_t optional_flags;
    uint32_t optional_length;
};

struct libxl_header {
    uint64_t ident; /* the whole header is big-endian */
    uint32_t version;
    uint32_t options;
};

struct libxc_header {
    uint64_t marker;
    uint32_t ident; /* big-endian from here on */
    uint32_t version;
    uint16_t options;
    uint16_t reserved[3];
    uint32_t type; /* the domain's own header, in the stream's byte order */
    uint16_t page_shift;
    uint16_t reserved2;
    uint32_t xen_major;
    uint32_t xen_minor;
};

struct record {
    uint32_t type;
    uint32_t length; /* of the body, before it is padded */
};

static_assert(sizeof(struct header) == 48, "xl.h");
static_assert(sizeof(struct libxl_header) == 16, "libxl's stream");
static_assert(sizeof(struct libxc_header) == 40, "libxc's stream");

struct reader {
    int fd;
    const char *what;
    off_t at, size;
};

static int
fail_cut(const struct reader *reader, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_PROTOCOL, "%s is cut off after %lld bytes",
                   reader->what, (long long)reader->size);
}

static int
take(struct reader *reader, void *to, size_t length, struct xk_error *err)
{
    size_t done = 0;

    while (done < length) {
        ssize_t got = pread(reader->fd, (char *)to + done, length - done,
                            reader->at + (off_t)done);

        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return xk_fail_errno(err, "read %s", reader->what);
        if (got == 0)
            return fail_cut(reader, err);
        done += (size_t)got;
    }
    reader->at += (off_t)length;
    return 0;
}

/* ---- xl's header ---- */

static int
check_header(const struct reader *reader, const struct header *header,
             struct xk_error *err)
{
    if (memcmp(header->magic, magic, sizeof(magic)) != 0)
        return xk_fail(err, XK_ERR_PROTOCOL, "%s is not a file of \"xl save\"",
                       reader->what);
    if (header->byte_order != BYTE_ORDER_MARK)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s comes from a host with another byte order",
                       reader->what);
    if ((header->mandatory_flags & ~(uint32_t)(FLAG_JSON | FLAG_STREAM_V2)) !=
            0 ||
        header->optional_flags != 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s was written by a newer xl: it has flags 0x%x, 0x%x",
                       reader->what, header->mandatory_flags,
                       header->optional_flags);
    if ((header->mandatory_flags & FLAG_STREAM_V2) == 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s was written before Xen 4.6 and has another stream "
                       "format: restore it with xl, and save it again",
                       reader->what);
    return 0;
}

static int
take_config(struct reader *reader, const struct header *header,
            struct xk_buf *config, struct xk_error *err)
{
    uint32_t length, room = header->optional_length;

    if (room == 0)
        return 0;
    if (room < sizeof(length) || room > CONFIG_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s says that its configuration has %u bytes",
                       reader->what, room);
    if (take(reader, &length, sizeof(length), err) == -1)
        return -1;
    room -= (uint32_t)sizeof(length);
    if (length > room)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s has a configuration of %u bytes in %u", reader->what,
                       length, room);
    if (take(reader, xk_buf_reserve(config, length + 1), length, err) == -1)
        return -1;
    reader->at += room - length;
    config->length = strnlen(config->data, length);
    config->data[config->length] = '\0';
    if (config->length > 0 && (header->mandatory_flags & FLAG_JSON) == 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s was written before Xen 4.5: restore it with xl, "
                       "and save it again",
                       reader->what);
    return 0;
}

/* ---- streams ---- */

static int
take_record(struct reader *reader, struct record *record, struct xk_error *err)
{
    if (take(reader, record, sizeof(*record), err) == -1)
        return -1;
    reader->at += ((off_t)record->length + 7) & ~(off_t)7;
    return reader->at > reader->size ? fail_cut(reader, err) : 0;
}

static int
fail_form(const struct reader *reader, const char *which, unsigned version,
          struct xk_error *err)
{
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "%s does not contain a stream of %s that this Xen supports "
                   "(version %u)",
                   reader->what, which, version);
}

static int
take_libxc(struct reader *reader, struct xk_xl_file *file, size_t *left,
           struct xk_error *err)
{
    struct libxc_header header;
    struct record record;

    if (take(reader, &header, sizeof(header), err) == -1)
        return -1;
    if (header.marker != UINT64_MAX || be32toh(header.ident) != LIBXC_IDENT ||
        be32toh(header.version) < LIBXC_VERSION_MIN ||
        be32toh(header.version) > LIBXC_VERSION_MAX || header.options != 0)
        return fail_form(reader, "libxc", be32toh(header.version), err);
    file->xen_major = header.xen_major;
    file->xen_minor = header.xen_minor;
    do {
        if (take_record(reader, &record, err) == -1)
            return -1;
    } while (record.type != RECORD_END && --*left > 0);
    return 0;
}

static int
take_stream(struct reader *reader, struct xk_xl_file *file,
            struct xk_error *err)
{
    struct libxl_header header;
    struct record record;
    size_t left = RECORDS_MAX;

    if (take(reader, &header, sizeof(header), err) == -1)
        return -1;
    if (be64toh(header.ident) != LIBXL_IDENT ||
        be32toh(header.version) != LIBXL_VERSION_2 || header.options != 0)
        return fail_form(reader, "libxl", be32toh(header.version), err);
    do {
        if (take_record(reader, &record, err) == -1 ||
            (record.type == RECORD_LIBXC &&
             take_libxc(reader, file, &left, err) == -1))
            return -1;
    } while (record.type != RECORD_END && left-- > 0);
    if (record.type != RECORD_END)
        return xk_fail(err, XK_ERR_PROTOCOL, "%s has more than %d records",
                       reader->what, RECORDS_MAX);
    return 0;
}

bool
xk_xl_file_is(int fd)
{
    char start[MAGIC_SIZE];

    return pread(fd, start, sizeof(start), 0) == (ssize_t)sizeof(start) &&
           memcmp(start, magic, sizeof(magic)) == 0;
}

int
xk_xl_file_read(int fd, const char *what, struct xk_xl_file *file,
                struct xk_error *err)
{
    struct reader reader = {
        .fd = fd, .what = what, .size = lseek(fd, 0, SEEK_END)};
    struct header header;

    *file = (struct xk_xl_file){0};
    if (reader.size == -1 || lseek(fd, 0, SEEK_SET) == -1)
        return xk_fail_errno(err, "read %s", what);
    if (take(&reader, &header, sizeof(header), err) == -1 ||
        check_header(&reader, &header, err) == -1 ||
        take_config(&reader, &header, &file->config, err) == -1)
        return -1;
    file->stream = reader.at;
    return take_stream(&reader, file, err);
}
