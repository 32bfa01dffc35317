/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "base/json.h"
#include "cli/config_key_text.h"
#include "cli/invocation.h"
#include "toolstack/config/key.h"
#include "toolstack/known_drivers.h"

static void
put_key(struct xk_json_writer *writer, enum xk_key id)
{
    const struct xk_key_info *key = xk_key_info(id);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "name", key->name);
    xk_json_put_string(writer, "type", xk_key_type_name(key->type));
    if (key->type == XK_KEY_INTEGER) {
        xk_json_put_integer(writer, "min", key->min);
        xk_json_put_integer(writer, "max", key->max);
    }
    if (key->type == XK_KEY_ENUM)
        xk_json_put_string(writer, "words", key->words);
    xk_json_put_integer(writer, "importance", key->importance);
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++)
        xk_json_put_string(writer, xk_known_drivers[i]->name,
                           xk_fate_name(xk_known_drivers[i]->keys[id].fate));
    xk_json_put_string(writer, "meaning", key->meaning);
    xk_json_close_object(writer);
}

static void
put_json(struct xk_buf *out)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(out, false);

    xk_json_open_array(writer, NULL);
    for (int i = 0; i < XK_KEY_COUNT; i++)
        put_key(writer, (enum xk_key)i);
    xk_json_close_array(writer);
}

static void
put_fates(struct xk_buf *out, enum xk_key key)
{
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++)
        xk_buf_printf(out, "\t%s",
                      xk_fate_name(xk_known_drivers[i]->keys[key].fate));
    xk_buf_puts(out, "\n");
}

static int
run_config_keys(struct xk_invocation *invocation, struct xk_error *err)
{
    (void)err;
    if (invocation->json) {
        put_json(&invocation->out);
        return 0;
    }
    for (int i = 0; i < XK_KEY_COUNT; i++) {
        const struct xk_key_info *key = xk_key_info((enum xk_key)i);

        xk_buf_printf(&invocation->out, "%s\t", key->name);
        xk_key_put_type(&invocation->out, key);
        xk_buf_printf(&invocation->out, "\t%d", key->importance);
        put_fates(&invocation->out, (enum xk_key)i);
    }
    return 0;
}

const struct xk_command xk_command_config_keys = {
    .name = "config-keys",
    .summary = "list the keys of a configuration file",
    .details =
        "Prints one key a line: its name, what value it takes, its importance "
        "(1, essential, to 4, for experts), and what becomes of it on Xen and "
        "on KVM: same, it means what xl.cfg(5) says; mapped, it is done by "
        "other means; ignored, it has no effect and none is missed; "
        "unsupported, it is refused. The columns are separated by tabs. "
        "xk.cfg(5) says more.",
    .run = run_config_keys,
};
