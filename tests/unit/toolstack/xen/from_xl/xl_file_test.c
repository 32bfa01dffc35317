/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of "xl save": their headers and records, and a cut at every byte. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "toolstack/xen/from_xl/xl_file.h"

#define CONFIG "{\"c_info\": {\"name\": \"a\"}}"

enum {
    JSON = 1,
    STREAM_V2 = 2,
    FLAGS_AT = 36,
    OPTIONAL_FLAGS_AT = 40,
    OPTIONAL_LENGTH_AT = 44,
    CONFIG_LENGTH_AT = 48,
};

static void
put32(struct xk_buf *file, uint32_t number)
{
    xk_buf_append(file, &number, sizeof(number));
}

static void
put_be32(struct xk_buf *file, uint32_t number)
{
    put32(file, htobe32(number));
}

static void
put_record(struct xk_buf *file, uint32_t type, const char *body)
{
    size_t length = strlen(body);

    put32(file, type);
    put32(file, (uint32_t)length);
    xk_buf_append(file, body, length);
    while (length++ % 8 != 0)
        xk_buf_append(file, "", 1);
}

static void
put_head(struct xk_buf *file)
{
    static const char magic[32] = "Xen saved domain, xl format\n \0 \r";

    xk_buf_append(file, magic, sizeof(magic));
    put32(file, 0x01020304);
    put32(file, JSON | STREAM_V2);
    put32(file, 0);
    put32(file, 4 + sizeof(CONFIG));
    put32(file, sizeof(CONFIG));
    xk_buf_append(file, CONFIG, sizeof(CONFIG));
}

static void
put_streams(struct xk_buf *file)
{
    xk_buf_puts(file, "LibxlFmt");
    put_be32(file, 2);
    put_be32(file, 0);
    put_record(file, 1, "");
    put32(file, UINT32_MAX);
    put32(file, UINT32_MAX);
    put_be32(file, 0x58454e46);
    put_be32(file, 3);
    put32(file, 0);
    put32(file, 0);
    put32(file, 2);
    put32(file, 12);
    put32(file, 4);
    put32(file, 17);
    put_record(file, 1, "pages of the guest");
    put_record(file, 0, "");
    put_record(file, 2, "what the store had");
    put_record(file, 0, "");
}

static void
make(struct xk_buf *file)
{
    put_head(file);
    put_streams(file);
}

static int
fd_of(const struct xk_buf *file, size_t length)
{
    int fd = memfd_create("saved", MFD_CLOEXEC);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, file->data, length), length);
    return fd;
}

static int
read_it(const struct xk_buf *bytes, size_t length, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = fd_of(bytes, length);
    struct xk_xl_file file;
    int r = xk_xl_file_read(fd, "\"a\"", &file, err);

    xk_buf_free(&file.config);
    return r;
}

static void
a_whole_file_is_read(void **state)
{
    XK_CLEANUP_BUF struct xk_buf bytes = {0};
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_error err = {0};
    struct xk_xl_file file;

    (void)state;
    make(&bytes);
    fd = fd_of(&bytes, bytes.length);
    assert_true(xk_xl_file_is(fd));
    assert_int_equal(xk_xl_file_read(fd, "\"a\"", &file, &err), 0);
    assert_string_equal(file.config.data, CONFIG);
    assert_int_equal(file.config.length, strlen(CONFIG));
    assert_memory_equal(bytes.data + file.stream, "LibxlFmt", 8);
    assert_int_equal(file.xen_major, 4);
    assert_int_equal(file.xen_minor, 17);
    xk_buf_free(&file.config);
}

static void
a_file_cut_off_anywhere_is_refused(void **state)
{
    XK_CLEANUP_BUF struct xk_buf bytes = {0};

    (void)state;
    make(&bytes);
    for (size_t length = 0; length < bytes.length; length++) {
        struct xk_error err = {0};

        if (read_it(&bytes, length, &err) == 0)
            fail_msg("%zu bytes are enough", length);
        assert_int_equal(err.kind, XK_ERR_PROTOCOL);
        assert_non_null(strstr(err.message, "cut off"));
    }
}

static void
a_file_without_a_configuration_is_read(void **state)
{
    XK_CLEANUP_BUF struct xk_buf bytes = {0};
    struct xk_error err = {0};
    uint32_t none = 0;

    (void)state;
    put_head(&bytes);
    bytes.length = CONFIG_LENGTH_AT;
    memcpy(bytes.data + OPTIONAL_LENGTH_AT, &none, sizeof(none));
    put_streams(&bytes);
    assert_int_equal(read_it(&bytes, bytes.length, &err), 0);
}

static const struct {
    size_t at;
    uint32_t value;
    enum xk_error_kind kind;
    const char *says;
} changes[] = {
    {0, 0, XK_ERR_PROTOCOL, "not a file of"},
    {32, 0x04030201, XK_ERR_UNSUPPORTED, "byte order"},
    {FLAGS_AT, 7, XK_ERR_UNSUPPORTED, "newer xl"},
    {FLAGS_AT, JSON, XK_ERR_UNSUPPORTED, "before Xen 4.6"},
    {FLAGS_AT, STREAM_V2, XK_ERR_UNSUPPORTED, "before Xen 4.5"},
    {OPTIONAL_FLAGS_AT, 1, XK_ERR_UNSUPPORTED, "newer xl"},
    {OPTIONAL_LENGTH_AT, 3, XK_ERR_PROTOCOL, "3 bytes"},
    {OPTIONAL_LENGTH_AT, UINT32_MAX, XK_ERR_PROTOCOL, "4294967295 bytes"},
    {CONFIG_LENGTH_AT, 1000, XK_ERR_PROTOCOL, "1000 bytes"},
    {CONFIG_LENGTH_AT, UINT32_MAX, XK_ERR_PROTOCOL, "4294967295 bytes"},
    {52 + sizeof(CONFIG), 0, XK_ERR_UNSUPPORTED, "libxl"},
    {52 + sizeof(CONFIG) + 8, 0, XK_ERR_UNSUPPORTED, "libxl"},
    {52 + sizeof(CONFIG) + 20, UINT32_MAX, XK_ERR_PROTOCOL, "cut off"},
    {52 + sizeof(CONFIG) + 24, 0, XK_ERR_UNSUPPORTED, "libxc"},
};

static void
what_cannot_be_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        XK_CLEANUP_BUF struct xk_buf bytes = {0};
        struct xk_error err = {0};

        make(&bytes);
        memcpy(bytes.data + changes[i].at, &changes[i].value,
               sizeof(changes[i].value));
        if (read_it(&bytes, bytes.length, &err) == 0)
            fail_msg("change %zu is taken", i);
        if (err.kind != changes[i].kind ||
            strstr(err.message, changes[i].says) == NULL)
            fail_msg("change %zu: %s", i, err.message);
    }
}

static void
other_files_are_none(void **state)
{
    XK_CLEANUP_BUF struct xk_buf bytes = {0};
    XK_CLEANUP_CLOSE int fd = -1;
    XK_CLEANUP_CLOSE int short_fd = -1;

    (void)state;
    make(&bytes);
    short_fd = fd_of(&bytes, 31);
    assert_false(xk_xl_file_is(short_fd));
    bytes.data[29] = 'x';
    fd = fd_of(&bytes, bytes.length);
    assert_false(xk_xl_file_is(fd));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read),
        cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
        cmocka_unit_test(a_file_without_a_configuration_is_read),
        cmocka_unit_test(what_cannot_be_is_refused_with_its_reason),
        cmocka_unit_test(other_files_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
