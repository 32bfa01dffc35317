/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/config/generate.h"

#include <string.h>

#include "base/util.h"

struct generator
generator_seeded(uint64_t seed)
{
    return (struct generator){.state = seed * 0x9e3779b97f4a7c15u + 1};
}

/* xorshift64*, Vigna 2016 */
static uint64_t
next(struct generator *generator)
{
    uint64_t x = generator->state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    generator->state = x;
    return x * 0x2545f4914f6cdd1du;
}

size_t
generate_below(struct generator *generator, size_t n)
{
    return (next(generator) >> 16) % n;
}

bool
generate_once_in(struct generator *generator, size_t n)
{
    return generate_below(generator, n) == 0;
}

#define PICK(generator, from)                                                  \
    ((from)[generate_below((generator), XK_ARRAY_SIZE(from))])

static void
blanks(struct generator *generator, struct xk_buf *out)
{
    static const char *const some[] = {"", "", "", " ", "\t", "  \t "};

    xk_buf_puts(out, PICK(generator, some));
}

static void
quoted(struct generator *generator, struct xk_buf *out)
{
    static const char *const parts[] = {
        "a",    "xvda", ",",   " ",   "=",    ":",   "[",    "]",
        "#",    ";",    "\\n", "\\t", "\\\\", "\\'", "\\\"", "/dev/vg/lv",
        "\xc3", "\xa4", "512", "\r",  "$(x)", "-",   "\\a",  "\t"};
    char quote = generate_once_in(generator, 2) ? '"' : '\'';

    xk_buf_append(out, &quote, 1);
    for (size_t i = generate_below(generator, 6); i > 0; i--)
        xk_buf_puts(out, PICK(generator, parts));
    xk_buf_append(out, &quote, 1);
}

static void
newlines(struct generator *generator, struct xk_buf *out)
{
    static const char *const some[] = {
        "", "", "", "\n", "\n\n", "# [ a comment ' \n", " \n\t# \n"};

    xk_buf_puts(out, PICK(generator, some));
}

static void
value(struct generator *generator, struct xk_buf *out, unsigned depth)
{
    static const char *const numbers[] = {"0",    "1",   "512", "0x1f",
                                          "0777", "1a2", "08",  "12345678901"};

    blanks(generator, out);
    if (depth > 4 || !generate_once_in(generator, 3)) {
        if (generate_once_in(generator, 3))
            xk_buf_puts(out, PICK(generator, numbers));
        else
            quoted(generator, out);
    } else {
        size_t count = generate_below(generator, 4);

        xk_buf_puts(out, "[");
        newlines(generator, out);
        for (size_t i = 0; i < count; i++) {
            value(generator, out, depth + 1);
            newlines(generator, out);
            if (i + 1 < count || generate_once_in(generator, 3)) {
                xk_buf_puts(out, ",");
                newlines(generator, out);
            }
        }
        xk_buf_puts(out, "]");
    }
    blanks(generator, out);
}

void
generate_file(struct generator *generator, struct xk_buf *out)
{
    static const char *const names[] = {"name", "memory", "disk",    "vif",
                                        "a",    "b.c",    "x_9",     "disk",
                                        "name", "cpus",   "on_crash"};
    static const char *const ends[] = {"\n",  "\n",   "\n",      ";",
                                       ";\n", "\n\n", " # why\n"};

    xk_buf_append(out, "", 0);
    for (size_t i = generate_below(generator, 7); i > 0; i--) {
        blanks(generator, out);
        xk_buf_puts(out, PICK(generator, names));
        blanks(generator, out);
        xk_buf_puts(out, generate_once_in(generator, 4) ? "+=" : "=");
        value(generator, out, 0);
        if (i > 1 || !generate_once_in(generator, 4))
            xk_buf_puts(out, PICK(generator, ends));
    }
}

void
generate_disk(struct generator *generator, struct xk_buf *out)
{
    static const char *const parts[] = {"/dev/vg/lv",
                                        "/a/b.img",
                                        "raw",
                                        "qcow2",
                                        "",
                                        "xvda",
                                        "hdc",
                                        "sda1",
                                        "rw",
                                        "w",
                                        "r",
                                        "ro",
                                        "cdrom",
                                        "hdc:cdrom",
                                        "xvdb:disk",
                                        "format=raw",
                                        "format=qcow2",
                                        "format=",
                                        "format=empty",
                                        "vdev=xvda",
                                        "vdev=",
                                        "access=ro",
                                        "access=",
                                        "devtype=cdrom",
                                        "devtype=disk",
                                        "backend=dom1",
                                        "backendtype=phy",
                                        "script=block-x",
                                        "direct-io-safe",
                                        "discard",
                                        "no-discard",
                                        "standalone",
                                        "target=/a,b",
                                        "target=",
                                        "no-colo",
                                        "raw:/x",
                                        "qcow2:/x",
                                        "vhd:y",
                                        "phy:/dev/x",
                                        "tap:aio:/x",
                                        "file:z",
                                        "iscsi:iqn.x",
                                        "drbd:app",
                                        "tapdisk:",
                                        "http:x",
                                        "nfs:/x",
                                        "foo=bar",
                                        "foo=b",
                                        "empty",
                                        "vdev=hda:cdrom",
                                        "backendtype=tap",
                                        "backendtype=none",
                                        "specification=virtio",
                                        "tap2:x",
                                        "specification=xen",
                                        "51712",
                                        "d1p2",
                                        "backendtype=qdisk",
                                        "discardx"};

    xk_buf_append(out, "", 0);
    for (size_t i = generate_below(generator, 7); i > 0; i--) {
        if (generate_once_in(generator, 4))
            xk_buf_puts(out, generate_once_in(generator, 5) ? "\n" : " ");
        xk_buf_puts(out, PICK(generator, parts));
        if (i > 1 || generate_once_in(generator, 8))
            xk_buf_puts(out, ",");
    }
}

void
generate_rate(struct generator *generator, struct xk_buf *out)
{
    static const char *const numbers[] = {
        "1", "10", "100", "4294967295", "4294967296", "0", "16", "999"};
    static const char *const units[] = {"b/s",  "B/s",  "Kb/s", "KB/s",
                                        "Mb/s", "MB/s", "Gb/s", "GB/s",
                                        "b",    "kb/s", "M/s",  "Mb/"};
    static const char *const intervals[] = {"",   "",    "@",   "@1",
                                            "@",  "@",   "@10", "@4294",
                                            "@5", "@50", "@0",  "@4294967295"};
    static const char *const interval_units[] = {"",  "s", "ms", "us",
                                                 "m", "u", "h",  "ss"};
    const char *interval = PICK(generator, intervals);

    xk_buf_puts(out, PICK(generator, numbers));
    xk_buf_puts(out, PICK(generator, units));
    xk_buf_puts(out, interval);
    if (*interval != '\0')
        xk_buf_puts(out, PICK(generator, interval_units));
}

void
generate_damage(struct generator *generator, struct xk_buf *text)
{
    static const char bytes[] = "=+,;[]'\"\\#\n\t\r :.-()azAZ09_xX/$%\x80\xff";

    for (size_t i = 1 + generate_below(generator, 3); i > 0; i--) {
        char byte = bytes[generate_below(generator, sizeof(bytes) - 1)];
        size_t at = generate_below(generator, text->length + 1);
        size_t how = generate_below(generator, 3);

        if (how == 0 && at < text->length) {
            text->data[at] = byte;
        } else if (how == 1 && at < text->length) {
            memmove(text->data + at, text->data + at + 1, text->length - at);
            text->length--;
        } else {
            xk_buf_append(text, &byte, 1);
            memmove(text->data + at + 1, text->data + at,
                    text->length - 1 - at);
            text->data[at] = byte;
        }
    }
}
