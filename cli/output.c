/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output.h"

#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/util.h"

void
xk_output_domain_handle(struct xk_json_writer *writer,
                        const struct xk_domain_info *info)
{
    char uuid[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&info->uuid, uuid);
    xk_json_put_string(writer, "name", info->name);
    xk_json_put_string(writer, "uuid", uuid);
    if (info->domid >= 0)
        xk_json_put_integer(writer, "domid", info->domid);
    else
        xk_json_put_null(writer, "domid");
    xk_json_put_string(writer, "hypervisor", info->hypervisor);
}

void
xk_output_domain_members(struct xk_json_writer *writer,
                         const struct xk_domain_info *info)
{
    bool stopped =
        info->state == XK_STATE_SHUTDOWN || info->state == XK_STATE_CRASHED;

    xk_output_domain_handle(writer, info);
    xk_json_put_string(writer, "type", xk_domain_type_name(info->type));
    xk_json_put_string(writer, "state", xk_domain_state_name(info->state));
    xk_json_put_string(writer, "stop_reason",
                       stopped ? xk_stop_reason_name(info->stop_reason) : NULL);
    xk_json_put_integer(writer, "memory_mib", (int64_t)info->memory_mib);
    xk_json_put_integer(writer, "maxmem_mib", (int64_t)info->maxmem_mib);
    xk_json_put_integer(writer, "vcpus", info->vcpus);
    xk_json_put_double(writer, "cpu_time_s", (double)info->cpu_time_ns / 1e9);
}

/* xl's letters for the reason of a stop (tools/xl/xl_info.c of Xen). */
static const char stop_letters[] = {
    [XK_STOP_POWEROFF] = '-', [XK_STOP_REBOOT] = 'r',
    [XK_STOP_SUSPEND] = 's',  [XK_STOP_CRASH] = 'c',
    [XK_STOP_WATCHDOG] = 'w', [XK_STOP_SOFT_RESET] = 'S',
};
static_assert(XK_ARRAY_SIZE(stop_letters) == XK_STOP_COUNT,
              "one letter per reason");

/* Which of the six columns a state fills, and with which letter. */
static const struct {
    int column;
    char letter;
} state_letters[] = {
    [XK_STATE_RUNNING] = {0, 'r'},  [XK_STATE_PAUSED] = {2, 'p'},
    [XK_STATE_SHUTDOWN] = {3, 's'}, [XK_STATE_CRASHED] = {3, 's'},
    [XK_STATE_DYING] = {5, 'd'},    [XK_STATE_IN_DOUBT] = {1, '?'},
};
static_assert(XK_ARRAY_SIZE(state_letters) == XK_STATE_COUNT,
              "one letter per state");

void
xk_output_state_letters(const struct xk_domain_info *info,
                        char letters[XK_STATE_LETTERS_SIZE])
{
    memcpy(letters, "------", XK_STATE_LETTERS_SIZE);
    letters[state_letters[info->state].column] =
        state_letters[info->state].letter;
    if (info->state == XK_STATE_SHUTDOWN)
        letters[4] = stop_letters[info->stop_reason];
    else if (info->state == XK_STATE_CRASHED)
        letters[4] = 'c';
}

static void
put_blanks(struct xk_buf *out, size_t count)
{
    xk_buf_printf(out, "%*s", (int)count, "");
}

void
xk_output_wrap(struct xk_buf *out, const char *text, size_t column,
               size_t indent, size_t width)
{
    bool at_start = true;

    for (const char *p = text; *p != '\0';) {
        size_t length = strcspn(p, " \n");

        if (length > 0 && !at_start && column + 1 + length > width) {
            xk_buf_puts(out, "\n");
            put_blanks(out, indent);
            column = indent;
            at_start = true;
        }
        if (length > 0) {
            xk_buf_printf(out, "%s%.*s", at_start ? "" : " ", (int)length, p);
            column += length + (at_start ? 0 : 1);
            at_start = false;
        }
        p += length;
        if (strncmp(p, "\n\n", 2) == 0) {
            xk_buf_puts(out, "\n\n");
            put_blanks(out, indent);
            column = indent;
            at_start = true;
        }
        p += strspn(p, " \n");
    }
}

int
xk_output_flush(int fd, const char *what, const struct xk_buf *out,
                struct xk_error *err)
{
    if (out->length == 0)
        return 0;
    if (xk_write_all(fd, out->data, out->length) == -1)
        return xk_fail_errno(err, "write to %s", what);
    return 0;
}

void
xk_output_fact(struct xk_json_writer *writer, const struct xk_fact *fact)
{
    int64_t number;

    if (fact->number &&
        xk_parse_i64(fact->value, INT64_MIN, INT64_MAX, &number))
        xk_json_put_integer(writer, fact->key, number);
    else
        xk_json_put_string(writer, fact->key, fact->value);
}
