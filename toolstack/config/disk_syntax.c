/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works: the only grammar of a disk specification is libxlutil's lexer
 * (tools/libs/util/libxlu_disk_l.l of Xen 4.17). At each point the rule that
 * matches most bytes wins; among equals the first one wins. The bytes that a
 * rule looks at without taking them count for its length. So the rules are a
 * table here too, in the same order.
 */
#include "toolstack/config/disk_syntax.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/disk_rule.h"
#include "toolstack/config/suggest.h"
#include "toolstack/config/vdev.h"

struct parse {
    const struct xk_spec *spec;
    struct xk_disk *disk;
    size_t offset; /* of the current value */
    size_t vdev_offset;
    bool specification_set;
    bool format_set;
    bool access_set; /* by a positional parameter */
    bool had_prefix; /* the old syntax, whose format is not positional */
    bool stop;       /* the rest cannot be parsed */
    unsigned failures;
};

#define FORMATS "raw|qcow|qcow2|vhd|qed|vmdk|vdi|vhdx|parallels|empty"

static void
fail_near(struct parse *parse, const char *what, const char *value,
          const char *words)
{
    char suggestion[XK_SUGGEST_MAX + 1];

    parse->failures++;
    if (xk_suggest_word(value, words, suggestion, sizeof(suggestion)) != NULL)
        xk_spec_error(parse->spec, parse->offset,
                      "unknown %s '%.64s'; did you mean '%s'?", what, value,
                      suggestion);
    else
        xk_spec_error(parse->spec, parse->offset, "unknown %s '%.64s'", what,
                      value);
}

static void
fail(struct parse *parse, const char *text)
{
    parse->failures++;
    xk_spec_error(parse->spec, parse->offset, "%s", text);
}

/* An empty value may be given again. */
static void
set_once(struct parse *parse, const char *what, char **to, const char *value)
{
    if (*to != NULL && **to != '\0') {
        parse->failures++;
        xk_spec_error(parse->spec, parse->offset, "%s is given twice", what);
        return;
    }
    free(*to);
    *to = xk_strdup(value);
}

static void
set_format(struct parse *parse, const char *value)
{
    const char *name = *value != '\0' ? value : "raw";
    struct xk_vdev vdev;

    for (int i = 0; i < XK_FORMAT_COUNT; i++) {
        enum xk_disk_format format = (enum xk_disk_format)i;

        if (strcmp(name, xk_disk_format_name(format)) != 0)
            continue;
        if (parse->format_set && parse->disk->format != format)
            fail(parse, "the format is given twice");
        parse->disk->format = format;
        parse->format_set = true;
        return;
    }
    if (!xk_vdev_parse(value, &vdev)) {
        fail_near(parse, "format", value, FORMATS);
        return;
    }
    parse->failures++;
    xk_spec_error(parse->spec, parse->offset,
                  "expected a format before '%s'; write 'raw,%s'", value,
                  value);
}

static void
set_access(struct parse *parse, const char *value)
{
    if (strcmp(value, "r") == 0 || strcmp(value, "ro") == 0)
        parse->disk->read_write = false;
    else if (strcmp(value, "w") == 0 || strcmp(value, "rw") == 0 ||
             *value == '\0')
        parse->disk->read_write = true;
    else
        fail_near(parse, "access", value, "r|ro|w|rw");
}

static void
set_devtype(struct parse *parse, const char *value)
{
    if (strcmp(value, "cdrom") == 0)
        parse->disk->cdrom = true;
    else if (strcmp(value, "disk") == 0)
        parse->disk->cdrom = false;
    else
        fail_near(parse, "devtype", value, "cdrom|disk");
}

static void
set_backendtype(struct parse *parse, const char *value)
{
    static const struct {
        const char *name;
        enum xk_disk_backend backend;
    } types[] = {
        {"phy", XK_DISK_BACKEND_PHY},
        {"qdisk", XK_DISK_BACKEND_QDISK},
        {"tap", XK_DISK_BACKEND_TAP},
        {"standalone", XK_DISK_BACKEND_STANDALONE},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(types); i++) {
        if (strcmp(value, types[i].name) != 0)
            continue;
        if (parse->disk->backend != XK_DISK_BACKEND_AUTO &&
            parse->disk->backend != types[i].backend)
            fail(parse, "backendtype is given twice");
        parse->disk->backend = types[i].backend;
        return;
    }
    fail_near(parse, "backendtype", value, "phy|qdisk|tap|standalone");
}

static void
set_specification(struct parse *parse, const char *value)
{
    bool virtio = strcmp(value, "virtio") == 0;

    if (!virtio && strcmp(value, "xen") != 0) {
        fail_near(parse, "specification", value, "xen|virtio");
        return;
    }
    if (parse->specification_set && parse->disk->virtio != virtio)
        fail(parse, "specification is given twice");
    parse->disk->virtio = virtio;
    parse->specification_set = true;
}

static void
set_grant_usage(struct parse *parse, const char *value)
{
    if (strcmp(value, "0") == 0 || strcmp(value, "1") == 0)
        parse->disk->grant_usage = *value - '0';
    else
        fail(parse, "grant_usage must be 0 or 1");
}

static void
set_backend(struct parse *parse, const char *value)
{
    set_once(parse, "backend", &parse->disk->backend_domain, value);
}

static void
set_vdev(struct parse *parse, const char *value)
{
    parse->vdev_offset = parse->offset;
    set_once(parse, "vdev", &parse->disk->vdev, value);
}

static void
set_script(struct parse *parse, const char *value)
{
    set_once(parse, "script", &parse->disk->script, value);
}

static void
set_target(struct parse *parse, const char *value)
{
    set_once(parse, "target", &parse->disk->target, value);
}

static void
set_cdrom(struct parse *parse, const char *value)
{
    (void)value;
    parse->disk->cdrom = true;
}

static void
set_direct_io_safe(struct parse *parse, const char *value)
{
    (void)value;
    parse->disk->direct_io_safe = true;
}

/* value is the flag: discard or no-discard, trusted or untrusted. */
static void
set_discard(struct parse *parse, const char *value)
{
    parse->disk->discard = *value == 'd';
}

static void
set_trusted(struct parse *parse, const char *value)
{
    parse->disk->untrusted = *value == 'u';
}

static void
refuse_colo(struct parse *parse, const char *value)
{
    (void)value;
    fail(parse, "COLO replication is not supported");
}

static void
ignore(struct parse *parse, const char *value)
{
    (void)parse;
    (void)value;
}

/* Set "VDEV:cdrom" or "VDEV:disk". Without a colon do nothing and return false.
 */
static bool
set_vdev_and_devtype(struct parse *parse, const char *value)
{
    const char *colon = strrchr(value, ':');
    XK_CLEANUP_FREE char *vdev = NULL;

    if (colon == NULL)
        return false;
    vdev = xk_strndup(value, (size_t)(colon - value));
    set_vdev(parse, vdev);
    parse->offset += (size_t)(colon + 1 - value);
    set_devtype(parse, colon + 1);
    return true;
}

static void
set_positional(struct parse *parse, const char *value)
{
    struct xk_disk *disk = parse->disk;

    if (parse->failures > 0)
        return; /* the count may be wrong after an error */
    if (disk->target == NULL) {
        set_target(parse, value);
    } else if (!parse->had_prefix && !parse->format_set) {
        if (*disk->target == '\0' && set_vdev_and_devtype(parse, value)) {
            disk->format = XK_FORMAT_EMPTY;
            parse->format_set = true;
        } else {
            set_format(parse, value);
        }
    } else if (disk->vdev == NULL) {
        if (!set_vdev_and_devtype(parse, value))
            set_vdev(parse, value);
    } else if (!parse->access_set) {
        parse->access_set = true;
        set_access(parse, value);
    } else {
        fail(parse, "too many parameters without a name; write a target with a "
                    "comma as target=..., as the last parameter");
        parse->stop = true;
    }
}

static void
set_format_prefix(struct parse *parse, const char *value)
{
    XK_CLEANUP_FREE char *format = xk_strndup(value, strlen(value) - 1);

    parse->had_prefix = true;
    set_format(parse, format);
}

static void
set_script_prefix(struct parse *parse, const char *value)
{
    XK_CLEANUP_FREE char *script =
        xk_asprintf("block-%.*s", (int)strlen(value) - 1, value);

    parse->had_prefix = true;
    set_script(parse, script);
}

static void
drop_prefix(struct parse *parse, const char *value)
{
    (void)value;
    parse->had_prefix = true;
}

static void
refuse_prefix(struct parse *parse, const char *value)
{
    parse->failures++;
    parse->stop = true;
    xk_spec_error(parse->spec, parse->offset, "unknown prefix '%.64s'", value);
}

static void refuse_unknown(struct parse *parse, const char *value);

enum {
    SPEC_MAX = 8192,   /* bytes: a path and all options fit twice */
    FAILURES_MAX = 16, /* then the rest is not parsed */
};

static const struct {
    struct xk_disk_rule rule;
    void (*set)(struct parse *parse, const char *value);
} rules[] = {
    {{XK_DISK_RULE_BLANK, ""}, ignore},
    {{XK_DISK_RULE_VALUE, "format="}, set_format},
    {{XK_DISK_RULE_FLAG, "cdrom"}, set_cdrom},
    {{XK_DISK_RULE_VALUE, "devtype="}, set_devtype},
    {{XK_DISK_RULE_VALUE, "access="}, set_access},
    {{XK_DISK_RULE_VALUE, "backend="}, set_backend},
    {{XK_DISK_RULE_VALUE, "backendtype="}, set_backendtype},
    {{XK_DISK_RULE_VALUE, "specification="}, set_specification},
    {{XK_DISK_RULE_VALUE, "vdev="}, set_vdev},
    {{XK_DISK_RULE_VALUE, "script="}, set_script},
    {{XK_DISK_RULE_VALUE, "grant_usage="}, set_grant_usage},
    {{XK_DISK_RULE_FLAG, "direct-io-safe"}, set_direct_io_safe},
    {{XK_DISK_RULE_FLAG, "discard"}, set_discard},
    {{XK_DISK_RULE_FLAG, "no-discard"}, set_discard},
    {{XK_DISK_RULE_FLAG, "colo"}, refuse_colo},
    {{XK_DISK_RULE_FLAG, "no-colo"}, ignore},
    {{XK_DISK_RULE_VALUE, "colo-host="}, refuse_colo},
    {{XK_DISK_RULE_VALUE, "colo-port="}, refuse_colo},
    {{XK_DISK_RULE_VALUE, "colo-export="}, refuse_colo},
    {{XK_DISK_RULE_VALUE, "active-disk="}, refuse_colo},
    {{XK_DISK_RULE_VALUE, "hidden-disk="}, refuse_colo},
    {{XK_DISK_RULE_FLAG, "trusted"}, set_trusted},
    {{XK_DISK_RULE_FLAG, "untrusted"}, set_trusted},
    {{XK_DISK_RULE_REST, "target="}, set_target},
    {{XK_DISK_RULE_UNKNOWN, ""}, refuse_unknown},
    {{XK_DISK_RULE_PREFIX, "raw:"}, set_format_prefix},
    {{XK_DISK_RULE_PREFIX, "qcow:"}, set_format_prefix},
    {{XK_DISK_RULE_PREFIX, "qcow2:"}, set_format_prefix},
    {{XK_DISK_RULE_PREFIX, "vhd:"}, set_format_prefix},
    {{XK_DISK_RULE_PREFIX, "iscsi:"}, set_script_prefix},
    {{XK_DISK_RULE_PREFIX, "nbd:"}, set_script_prefix},
    {{XK_DISK_RULE_PREFIX, "enbd:"}, set_script_prefix},
    {{XK_DISK_RULE_PREFIX, "drbd:"}, set_script_prefix},
    {{XK_DISK_RULE_PREFIX, "tapdisk:"}, drop_prefix},
    {{XK_DISK_RULE_PREFIX, "tap:"}, drop_prefix},
    {{XK_DISK_RULE_PREFIX, "tap2:"}, drop_prefix},
    {{XK_DISK_RULE_PREFIX, "aio:"}, drop_prefix},
    {{XK_DISK_RULE_PREFIX, "ioemu:"}, drop_prefix},
    {{XK_DISK_RULE_PREFIX, "file:"}, drop_prefix},
    {{XK_DISK_RULE_PREFIX, "phy:"}, drop_prefix},
    {{XK_DISK_RULE_ANY_PREFIX, ""}, refuse_prefix},
    {{XK_DISK_RULE_POSITIONAL, ""}, set_positional},
    {{XK_DISK_RULE_ANYTHING, ""}, refuse_unknown},
};

static void
refuse_unknown(struct parse *parse, const char *value)
{
    const char *text = parse->spec->text + parse->offset;
    XK_CLEANUP_FREE char *name = NULL;
    struct xk_suggest suggest;
    const char *best;
    size_t start = parse->offset;

    (void)value;
    parse->failures++;
    parse->stop = true;
    /* The name before '=' was taken as a positional parameter. */
    while (start > 0 && parse->spec->text[start - 1] != ',')
        start--;
    start += strspn(parse->spec->text + start, " \t\n");
    name = xk_asprintf("%.*s=", (int)strcspn(parse->spec->text + start, "=,"),
                       parse->spec->text + start);
    parse->offset = start;
    xk_suggest_init(&suggest, name);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rules); i++) {
        if (rules[i].rule.kind == XK_DISK_RULE_VALUE ||
            rules[i].rule.kind == XK_DISK_RULE_REST)
            xk_suggest_offer(&suggest, rules[i].rule.name);
    }
    best = xk_suggest_best(&suggest);
    if (best != NULL)
        xk_spec_error(parse->spec, start,
                      "unknown option '%.64s'; did you mean '%s'?", name, best);
    else
        xk_spec_error(parse->spec, start,
                      "unknown option '%.64s'; write a target with '=' as "
                      "target=..., as the last parameter",
                      *text == '=' ? name : text);
}

/* Apply the best rule at this offset. Returns how many bytes it took. */
static size_t
parse_one(struct parse *parse, struct xk_disk_text *text, size_t offset)
{
    const char *p = text->text + offset;
    struct xk_disk_match best = {0};
    XK_CLEANUP_FREE char *value = NULL;
    size_t row = 0, name_length = 0, length;

    for (size_t i = 0; i < XK_ARRAY_SIZE(rules); i++) {
        struct xk_disk_match found =
            xk_disk_rule_match(&rules[i].rule, text, offset);

        if (found.length > best.length) {
            best = found;
            row = i;
        }
    }
    if (rules[row].rule.kind == XK_DISK_RULE_VALUE ||
        rules[row].rule.kind == XK_DISK_RULE_REST)
        name_length = strlen(rules[row].rule.name);
    length = best.taken;
    if (length > name_length && p[length - 1] == ',')
        length--;
    value = xk_strndup(p + name_length, length - name_length);
    parse->offset = offset + name_length;
    rules[row].set(parse, value);
    return best.taken;
}

static void
check(struct parse *parse)
{
    struct xk_disk *disk = parse->disk;
    struct xk_vdev vdev;

    parse->offset = 0;
    if (disk->cdrom) {
        disk->read_write = false;
        if (disk->target == NULL || *disk->target == '\0')
            disk->format = XK_FORMAT_EMPTY;
    }
    if (disk->vdev == NULL || *disk->vdev == '\0') {
        fail(parse, "no vdev; say which disk of the guest it is, such as xvda");
        return;
    }
    parse->offset = parse->vdev_offset;
    if (!xk_vdev_parse(disk->vdev, &vdev)) {
        parse->failures++;
        xk_spec_error(
            parse->spec, parse->offset,
            "'%.64s' is not a name of a disk; use xvda, hda, sda and so on",
            disk->vdev);
        return;
    }
    disk->bus = vdev.bus;
    disk->index = vdev.index;
    disk->partition = vdev.partition;
    parse->offset = 0;
    if (disk->format != XK_FORMAT_EMPTY &&
        (disk->target == NULL || *disk->target == '\0'))
        fail(parse, "no target; say which file or device the disk is in");
    else if (disk->format == XK_FORMAT_EMPTY && !disk->cdrom)
        fail(parse, "only a cdrom can be empty");
    else if (disk->format == XK_FORMAT_EMPTY && disk->target != NULL &&
             *disk->target != '\0')
        fail(parse, "the format is empty, but there is a target");
}

int
xk_disk_parse(const struct xk_spec *spec, struct xk_disk *disk)
{
    struct parse parse = {.spec = spec, .disk = disk};
    struct xk_disk_text text = {.text = spec->text, .line_start = SIZE_MAX};
    size_t offset = 0;

    *disk = (struct xk_disk){
        .where = spec->where,
        .read_write = true,
        .discard = true,
        .grant_usage = -1,
    };
    if (strnlen(spec->text, SPEC_MAX + 1) > SPEC_MAX)
        return xk_spec_error(spec, 0, "the text is longer than %d bytes",
                             SPEC_MAX);
    while (!parse.stop && parse.failures < FAILURES_MAX &&
           spec->text[offset] != '\0')
        offset += parse_one(&parse, &text, offset);
    if (parse.failures == 0)
        check(&parse);
    if (parse.failures > 0)
        return -1;
    if (disk->format == XK_FORMAT_EMPTY) {
        free(disk->target);
        disk->target = NULL;
    }
    return 0;
}

int
xk_disk_resolve(struct xk_disk *disk, struct xk_error *err)
{
    return disk->script != NULL ? 0 : xk_make_absolute(&disk->target, err);
}

void
xk_disk_free(struct xk_disk *disk)
{
    free(disk->target);
    free(disk->vdev);
    free(disk->backend_domain);
    free(disk->script);
    *disk = (struct xk_disk){0};
}
