/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/config/differences.h"

#include <string.h>

#include <libxl.h>

#include "base/util.h"

static const char *
last_line(const char *text)
{
    const char *newline = strrchr(text, '\n');

    return newline != NULL ? newline + 1 : text;
}

static bool
ends_in_comment(const char *text)
{
    return strchr(last_line(text), '#') != NULL;
}

static bool
has_octal_escape(const char *text)
{
    for (const char *p = text; (p = strchr(p, '\\')) != NULL; p++) {
        if (p[1] >= '0' && p[1] <= '7')
            return true;
        p += p[1] == '\\';
    }
    return false;
}

static bool
ends_in_bad_byte(const char *text)
{
    size_t length = strlen(text);
    char last = length > 0 ? text[length - 1] : 'a';

    return strchr("abcdefghijklmnopqrstuvwxyz0123456789 \t\n,[]=;", last) ==
           NULL;
}

const struct difference file_differences[] = {
    {"a comment on the last line without a line feed",
     "libxlutil's rule for comments wants the line feed; the text is clear, "
     "and we warn",
     true, ends_in_comment},
    {"a character by its octal number in a string",
     "libxlutil drops the character; we say so instead", false,
     has_octal_escape},
    {"a byte that begins no word at the very end",
     "libxlutil's lexer forgets about it at the end of the text", false,
     ends_in_bad_byte},
};
const size_t file_difference_count = XK_ARRAY_SIZE(file_differences);

static bool
ends_in_equals(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && text[length - 1] == '=';
}

#ifndef LIBXL_HAVE_DISK_GRANT_USAGE
static bool
has_trusted(const char *text)
{
    return strstr(text, "trusted") != NULL;
}

static bool
has_grant_usage(const char *text)
{
    return strstr(text, "grant_usage=") != NULL;
}
#endif

static bool
has_format_of_qemu(const char *text)
{
    static const char *const formats[] = {"vmdk", "vdi", "vhdx", "parallels"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(formats); i++) {
        if (strstr(text, formats[i]) != NULL)
            return true;
    }
    return false;
}

/* xlu_disk_parse() leaves three errors for libxl to find: a vdev that is not a
 * disk, a missing target, and an empty disk that is not a cdrom. The test
 * therefore looks at the parsed result. */
const struct difference disk_differences[] = {
#ifndef LIBXL_HAVE_DISK_GRANT_USAGE /* Xen 4.17 and before */
    {"trusted and untrusted",
     "xl-disk-configuration(5) has them, but Debian's libxlutil is built from "
     "a generated lexer that is older than its source",
     true, has_trusted},
    {"grant_usage", "newer Xen has it", true, has_grant_usage},
#endif
    {"an '=' that fits nowhere at the very end",
     "libxlutil's lexer forgets about it at the end of the text", false,
     ends_in_equals},
    {"formats that only QEMU has", "KVM guests can use them", true,
     has_format_of_qemu},
};
const size_t disk_difference_count = XK_ARRAY_SIZE(disk_differences);

/* A number with a leading zero. */
static bool
has_leading_zero(const char *text)
{
    const char *interval = strchr(text, '@');

    return (*text == '0' && text[1] >= '0' && text[1] <= '9') ||
           (interval != NULL && interval[1] == '0' && interval[2] >= '0' &&
            interval[2] <= '9');
}

const struct difference rate_differences[] = {
    {"a leading zero",
     "libxlutil takes the number for octal, or for what stands before an 8 or "
     "a 9",
     false, has_leading_zero},
};
const size_t rate_difference_count = XK_ARRAY_SIZE(rate_differences);

bool
difference_explains(const struct difference *differences, size_t count,
                    bool we_accept, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (differences[i].we_accept == we_accept &&
            differences[i].applies(text))
            return true;
    }
    return false;
}
