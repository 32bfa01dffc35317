/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks that the lines made from libxl's JSON result in the same JSON. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/from_xl/xl_config.h"

enum {
    MIB_KB = 1024
};

static int
differ(const char *path, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "its configuration has a value of \"%.100s\" that no lines "
                   "of xl.cfg(5) result in; give a configuration file before "
                   "FILE instead",
                   path);
}

/* The target of a guest that was ballooned is rounded up to whole MiB. */
static bool
same_number(const char *path, int64_t theirs, int64_t ours)
{
    if (strcmp(path, "b_info.target_memkb") == 0 ||
        strcmp(path, "b_info.max_memkb") == 0)
        return ours >= theirs && ours - theirs < MIB_KB;
    return ours == theirs;
}

static bool
same_scalar(const char *path, const struct xk_json *theirs,
            const struct xk_json *ours)
{
    const char *text = xk_json_string(theirs), *other = xk_json_string(ours);
    int64_t number, other_number;

    if (text != NULL || other != NULL)
        return text != NULL && other != NULL && strcmp(text, other) == 0;
    if (xk_json_integer(theirs, &number))
        return xk_json_integer(ours, &other_number) &&
               same_number(path, number, other_number);
    return (xk_json_is_true(theirs) && xk_json_is_true(ours)) ||
           (xk_json_is_false(theirs) && xk_json_is_false(ours)) ||
           (xk_json_is_null(theirs) && xk_json_is_null(ours));
}

static bool
is_empty(const struct xk_json *value)
{
    return value == NULL ||
           ((xk_json_is_object(value) || xk_json_is_array(value)) &&
            xk_json_length(value) == 0);
}

/* Members that one side may write and the other may leave out with the same
 * meaning: for one processor, and for a guest without a graphics card. */
static const struct {
    const char *path;
    int64_t number;
} left_out[] = {
    {"b_info.max_vcpus", 1},
    {"b_info.avail_vcpus", 0},
    {"b_info.video_memkb", 0},
};

static bool
may_be_left_out(const char *path, const struct xk_json *value)
{
    int64_t number;

    if (xk_json_is_array(value) && xk_json_length(value) == 1)
        value = xk_json_at(value, 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(left_out); i++) {
        if (strcmp(left_out[i].path, path) == 0)
            return xk_json_integer(value, &number) &&
                   number == left_out[i].number;
    }
    return false;
}

static int compare(const char *path, const struct xk_json *theirs,
                   const struct xk_json *ours, struct xk_error *err);

/* Compare both sides' values of each key in `members`. */
static int
compare_members(const char *path, const struct xk_json *members,
                const struct xk_json *theirs, const struct xk_json *ours,
                struct xk_error *err)
{
    for (size_t i = 0; i < xk_json_length(members); i++) {
        const char *key = xk_json_key_at(members, i);
        XK_CLEANUP_FREE char *member =
            xk_asprintf("%s%s%s", path, *path != '\0' ? "." : "", key);

        if (compare(member, xk_json_get(theirs, key), xk_json_get(ours, key),
                    err) == -1)
            return -1;
    }
    return 0;
}

static int
compare_items(const char *path, const struct xk_json *theirs,
              const struct xk_json *ours, struct xk_error *err)
{
    if (xk_json_length(theirs) != xk_json_length(ours))
        return differ(path, err);
    for (size_t i = 0; i < xk_json_length(theirs); i++) {
        XK_CLEANUP_FREE char *item = xk_asprintf("%s[%zu]", path, i);

        if (compare(item, xk_json_at(theirs, i), xk_json_at(ours, i), err) ==
            -1)
            return -1;
    }
    return 0;
}

/* If a file does not mention VNC, libxl opens a server and we do not. */
static bool
is_screen_left_out(const char *path, const struct xk_json *theirs,
                   const struct xk_json *ours)
{
    const char *text = xk_json_string(ours);

    return theirs == NULL && text != NULL && strcmp(text, "False") == 0 &&
           strcmp(path, "b_info.type.hvm.vnc.enable") == 0;
}

/* Disks are left to compare_disks(), because `ours` lacks the disks that
 * xk-backend serves. */
static int
compare(const char *path, const struct xk_json *theirs,
        const struct xk_json *ours, struct xk_error *err)
{
    if (xk_xl_config_fills_in(path) || strcmp(path, "disks") == 0 ||
        (is_empty(theirs) && is_empty(ours)) ||
        is_screen_left_out(path, theirs, ours) ||
        (ours == NULL && may_be_left_out(path, theirs)) ||
        (theirs == NULL && may_be_left_out(path, ours)))
        return 0;
    if ((xk_json_is_object(theirs) || theirs == NULL) &&
        (xk_json_is_object(ours) || ours == NULL)) {
        if (compare_members(path, theirs, theirs, ours, err) == -1)
            return -1;
        return compare_members(path, ours, theirs, ours, err);
    }
    if (xk_json_is_array(theirs) && xk_json_is_array(ours))
        return compare_items(path, theirs, ours, err);
    return same_scalar(path, theirs, ours) ? 0 : differ(path, err);
}

static bool
same_text(const struct xk_json *theirs, const char *ours)
{
    const char *text = xk_json_string(theirs);

    return strcmp(text != NULL ? text : "", ours != NULL ? ours : "") == 0;
}

static int
compare_disks(const struct xk_json *theirs,
              const struct xk_domain_config *config, struct xk_error *err)
{
    if (xk_json_length(theirs) != config->disk_count)
        return differ("disks", err);
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_json *disk = xk_json_at(theirs, i);
        const struct xk_disk *ours = &config->disks[i];

        if (!same_text(xk_json_get(disk, "vdev"), ours->vdev) ||
            !same_text(xk_json_get(disk, "pdev_path"), ours->target) ||
            !same_text(xk_json_get(disk, "script"), ours->script) ||
            !same_text(xk_json_get(disk, "backend_domname"),
                       ours->backend_domain))
            return differ("disks", err);
    }
    return 0;
}

int
xk_xl_config_compare(const struct xk_json *theirs, const struct xk_json *ours,
                     const struct xk_domain_config *config,
                     struct xk_error *err)
{
    if (compare_disks(xk_json_get(theirs, "disks"), config, err) == -1)
        return -1;
    return compare("", theirs, ours, err);
}
