/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/from_xl/xl_lines.h"

#include <string.h>

#include "base/util.h"

/* Quote the value as libxlutil's grammar expects. */
static void
put_quoted(struct xk_buf *text, const char *value)
{
    xk_buf_puts(text, "\"");
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            xk_buf_puts(text, "\\n");
        else if (*value == '"' || *value == '\\')
            xk_buf_printf(text, "\\%c", *value);
        else
            xk_buf_append(text, value, 1);
    }
    xk_buf_puts(text, "\"");
}

void
xk_xl_line(struct xk_buf *text, const char *key, const char *value)
{
    xk_buf_printf(text, "%s = ", key);
    put_quoted(text, value);
    xk_buf_puts(text, "\n");
}

void
xk_xl_open_list(struct xk_buf *text, const char *key)
{
    xk_buf_printf(text, "%s = [ ", key);
}

void
xk_xl_item(struct xk_buf *text, const char *item)
{
    put_quoted(text, item);
    xk_buf_puts(text, ", ");
}

void
xk_xl_close_list(struct xk_buf *text)
{
    xk_buf_puts(text, "]\n");
}

bool
xk_xl_bool(const struct xk_json *value, bool *on)
{
    const char *text = xk_json_string(value);
    int64_t number;

    if (text != NULL) {
        *on = strcmp(text, "True") == 0;
        return *on || strcmp(text, "False") == 0;
    }
    if (xk_json_integer(value, &number)) {
        *on = number != 0;
        return number == 0 || number == 1;
    }
    *on = xk_json_is_true(value);
    return *on || xk_json_is_false(value);
}
