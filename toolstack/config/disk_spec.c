/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works: a disk specification has no grammar but what libxlutil's lexer
 * makes of it (tools/libs/util/libxlu_disk_l.l of Xen 4.17): at each point the
 * rule that matches most bytes wins, and of those that match as many the first
 * one. A rule may look further than it takes, which counts for its length. So
 * the rules are a table here too, in that order.
 */
#include "toolstack/config/disk_spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/suggest.h"
#include "toolstack/config/vdev.h"

struct parse {
    const struct xk_spec *spec;
    struct xk_disk *disk;
    size_t offset; /* of the value in hand */
    size_t vdev_offset;
    size_t line_start, line_end; /* offsets; see line_length() */
    bool specification_set;
    bool format_set;
    bool access_set; /* by position */
    bool had_prefix; /* of the old syntax, which has no format by position */
    bool stop;       /* after this nothing can be made out */
    bool failed;
};

#define FORMATS "raw|qcow|qcow2|vhd|qed|vmdk|vdi|vhdx|parallels|empty"

static void
fail_near(struct parse *parse, const char *what, const char *value,
          const char *words)
{
    char suggestion[XK_SUGGEST_MAX + 1];

    parse->failed = true;
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
    parse->failed = true;
    xk_spec_error(parse->spec, parse->offset, "%s", text);
}

/* What is empty may be given again. */
static void
save(struct parse *parse, const char *what, char **to, const char *value)
{
    if (*to != NULL && **to != '\0') {
        parse->failed = true;
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
    parse->failed = true;
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
    save(parse, "backend", &parse->disk->backend_domain, value);
}

static void
set_vdev(struct parse *parse, const char *value)
{
    parse->vdev_offset = parse->offset;
    save(parse, "vdev", &parse->disk->vdev, value);
}

static void
set_script(struct parse *parse, const char *value)
{
    save(parse, "script", &parse->disk->script, value);
}

static void
set_target(struct parse *parse, const char *value)
{
    save(parse, "target", &parse->disk->target, value);
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

/* discard and no-discard, trusted and untrusted: value is the flag. */
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

/* "VDEV:cdrom" or "VDEV:disk"; false, doing nothing, without a colon. */
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

    if (parse->failed)
        return; /* the count may be off by now */
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
        fail(parse, "too many parameters without a name; a target with a comma "
                    "is written target=..., last of all");
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
    parse->failed = parse->stop = true;
    xk_spec_error(parse->spec, parse->offset, "unknown prefix '%.64s'", value);
}

static void refuse_unknown(struct parse *parse, const char *value);

enum {
    SPEC_MAX = 8192 /* bytes: a path and all options fit twice */
};

enum rule_kind {
    BLANK,      /* blanks, and what follows on the line counts */
    VALUE,      /* NAME=...[,] */
    FLAG,       /* NAME[,] */
    REST,       /* NAME=... to the end of the line */
    UNKNOWN,    /* [a-z][-a-z0-9]*=?[,] */
    PREFIX,     /* NAME: and the rest of the line counts */
    ANY_PREFIX, /* [a-z][a-z0-9]*: and what follows, unless it is [a-z0-9] */
    POSITIONAL, /* ...[,] without '=' */
    ANYTHING,   /* one byte that fits nowhere */
};

static const struct rule {
    enum rule_kind kind;
    const char *name; /* with its '=' or ':' */
    void (*set)(struct parse *parse, const char *value);
} rules[] = {
    {BLANK, "", ignore},
    {VALUE, "format=", set_format},
    {FLAG, "cdrom", set_cdrom},
    {VALUE, "devtype=", set_devtype},
    {VALUE, "access=", set_access},
    {VALUE, "backend=", set_backend},
    {VALUE, "backendtype=", set_backendtype},
    {VALUE, "specification=", set_specification},
    {VALUE, "vdev=", set_vdev},
    {VALUE, "script=", set_script},
    {VALUE, "grant_usage=", set_grant_usage},
    {FLAG, "direct-io-safe", set_direct_io_safe},
    {FLAG, "discard", set_discard},
    {FLAG, "no-discard", set_discard},
    {FLAG, "colo", refuse_colo},
    {FLAG, "no-colo", ignore},
    {VALUE, "colo-host=", refuse_colo},
    {VALUE, "colo-port=", refuse_colo},
    {VALUE, "colo-export=", refuse_colo},
    {VALUE, "active-disk=", refuse_colo},
    {VALUE, "hidden-disk=", refuse_colo},
    {FLAG, "trusted", set_trusted},
    {FLAG, "untrusted", set_trusted},
    {REST, "target=", set_target},
    {UNKNOWN, "", refuse_unknown},
    {PREFIX, "raw:", set_format_prefix},
    {PREFIX, "qcow:", set_format_prefix},
    {PREFIX, "qcow2:", set_format_prefix},
    {PREFIX, "vhd:", set_format_prefix},
    {PREFIX, "iscsi:", set_script_prefix},
    {PREFIX, "nbd:", set_script_prefix},
    {PREFIX, "enbd:", set_script_prefix},
    {PREFIX, "drbd:", set_script_prefix},
    {PREFIX, "tapdisk:", drop_prefix},
    {PREFIX, "tap:", drop_prefix},
    {PREFIX, "tap2:", drop_prefix},
    {PREFIX, "aio:", drop_prefix},
    {PREFIX, "ioemu:", drop_prefix},
    {PREFIX, "file:", drop_prefix},
    {PREFIX, "phy:", drop_prefix},
    {ANY_PREFIX, "", refuse_prefix},
    {POSITIONAL, "", set_positional},
    {ANYTHING, "", refuse_unknown},
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
    parse->failed = parse->stop = true;
    /* A name before '=' was taken for a parameter without one. */
    while (start > 0 && parse->spec->text[start - 1] != ',')
        start--;
    start += strspn(parse->spec->text + start, " \t\n");
    name = xk_asprintf("%.*s=", (int)strcspn(parse->spec->text + start, "=,"),
                       parse->spec->text + start);
    parse->offset = start;
    xk_suggest_init(&suggest, name);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rules); i++) {
        if (rules[i].kind == VALUE || rules[i].kind == REST)
            xk_suggest_offer(&suggest, rules[i].name);
    }
    best = xk_suggest_best(&suggest);
    if (best != NULL)
        xk_spec_error(parse->spec, start,
                      "unknown option '%.64s'; did you mean '%s'?", name, best);
    else
        xk_spec_error(parse->spec, start,
                      "unknown option '%.64s'; a target with '=' is written "
                      "target=..., last of all",
                      *text == '=' ? name : text);
}

/* How much a rule takes and how much it matches in all; 0: it does not. */
struct match {
    size_t taken, length;
};

/* How far it is from offset to the end of its line. The line is remembered:
 * to search it anew at each point would take a hostile text quadratic time. */
static size_t
line_length(struct parse *parse, size_t offset)
{
    if (offset < parse->line_start || offset > parse->line_end) {
        parse->line_start = offset;
        parse->line_end = offset + strcspn(parse->spec->text + offset, "\n");
    }
    return parse->line_end - offset;
}

static struct match
taking(size_t length)
{
    return (struct match){length, length};
}

/* The length with a comma, if one follows. */
static size_t
with_comma(const char *p, size_t length)
{
    return length + (p[length] == ',');
}

static bool
is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static struct match
match_unknown(const char *p)
{
    size_t i = 0;

    if (*p >= 'a' && *p <= 'z') {
        while (is_lower_alnum(p[i]) || p[i] == '-')
            i++;
    }
    if (i == 0 || p[i] != '=' || p[i + 1] == '\0' || p[i + 1] == ',')
        return (struct match){0};
    return taking(with_comma(p, i + 2));
}

static struct match
match_any_prefix(struct parse *parse, size_t offset)
{
    const char *p = parse->spec->text + offset;
    size_t i = 0;

    if (*p >= 'a' && *p <= 'z') {
        while (is_lower_alnum(p[i]))
            i++;
    }
    if (i == 0 || p[i++] != ':')
        return (struct match){0};
    if (p[i] == '\0' || is_lower_alnum(p[i]))
        return taking(i);
    return (struct match){i, i + 1 + line_length(parse, offset + i + 1)};
}

static struct match
match_named(const struct rule *rule, struct parse *parse, size_t offset)
{
    const char *p = parse->spec->text + offset;
    size_t length = strlen(rule->name);

    if (strncmp(p, rule->name, length) != 0)
        return (struct match){0};
    if (rule->kind == FLAG)
        return taking(with_comma(p, length));
    if (rule->kind == VALUE)
        return taking(with_comma(p, length + strcspn(p + length, ",")));
    if (rule->kind == REST)
        return taking(length + line_length(parse, offset + length));
    return (struct match){length, length + line_length(parse, offset + length)};
}

static struct match
match_blank(struct parse *parse, size_t offset)
{
    size_t blanks = strspn(parse->spec->text + offset, " \t\n");

    if (blanks == 0)
        return (struct match){0};
    return (struct match){blanks, blanks + line_length(parse, offset + blanks)};
}

static struct match
match(const struct rule *rule, struct parse *parse, size_t offset)
{
    const char *p = parse->spec->text + offset;

    switch (rule->kind) {
    case BLANK:
        return match_blank(parse, offset);
    case UNKNOWN:
        return match_unknown(p);
    case ANY_PREFIX:
        return match_any_prefix(parse, offset);
    case POSITIONAL:
        return taking(with_comma(p, strcspn(p, "=,")));
    case ANYTHING:
        return taking(1);
    case VALUE:
    case FLAG:
    case REST:
    case PREFIX:
        break;
    }
    return match_named(rule, parse, offset);
}

/* Take what the best rule takes from the text at this offset. */
static size_t
parse_one(struct parse *parse, size_t offset)
{
    const char *p = parse->spec->text + offset;
    struct match best = {0};
    const struct rule *rule = NULL;
    XK_CLEANUP_FREE char *value = NULL;
    size_t name_length, length;

    for (size_t i = 0; i < XK_ARRAY_SIZE(rules); i++) {
        struct match found = match(&rules[i], parse, offset);

        if (found.length > best.length) {
            best = found;
            rule = &rules[i];
        }
    }
    name_length =
        rule->kind == VALUE || rule->kind == REST ? strlen(rule->name) : 0;
    length = best.taken;
    if (rule->kind != PREFIX && rule->kind != BLANK && length > name_length &&
        p[length - 1] == ',')
        length--;
    value = xk_strndup(p + name_length, length - name_length);
    parse->offset = offset + name_length;
    rule->set(parse, value);
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
        parse->failed = true;
        xk_spec_error(parse->spec, parse->offset,
                      "'%.64s' names no disk; xvda, hda and sda do, and so on",
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
    size_t offset = 0;

    *disk = (struct xk_disk){
        .where = spec->where,
        .read_write = true,
        .discard = true,
        .grant_usage = -1,
    };
    if (strnlen(spec->text, SPEC_MAX + 1) > SPEC_MAX)
        return xk_spec_error(spec, 0, "longer than %d bytes", SPEC_MAX);
    while (!parse.stop && spec->text[offset] != '\0')
        offset += parse_one(&parse, offset);
    if (!parse.failed)
        check(&parse);
    if (parse.failed)
        return -1;
    if (disk->format == XK_FORMAT_EMPTY) {
        free(disk->target);
        disk->target = NULL;
    }
    return 0;
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
