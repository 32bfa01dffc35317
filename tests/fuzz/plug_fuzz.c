/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bridge= and ip= of a card say: a switch that is accepted is written as
 * its parts say, and addresses are accepted or refused with an error.
 */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "net-helpers/name.h"
#include "net-helpers/plug.h"
#include "net-helpers/vswitch.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void
try_switch(const char *text)
{
    XK_CLEANUP_FREE char *again = NULL;
    struct xk_vswitch_port port;

    if (xk_vswitch_parse(text, &port) != NULL)
        return;
    must(xk_net_name_check(port.bridge) == NULL, "a switch is a device");
    for (char *c = port.trunks; *c != '\0'; c++) {
        if (*c == ',')
            *c = ':';
    }
    again =
        xk_asprintf("%s%s%s%s%s", port.bridge, port.tag[0] != '\0' ? "." : "",
                    port.tag, port.trunks[0] != '\0' ? ":" : "", port.trunks);
    must(strcmp(again, text) == 0, "the parts are the whole");
}

static void
try_addresses(const char *text)
{
    const struct xk_plug plug = {.script = "vif-route", .ip = text};
    struct xk_error err = {0};

    must(xk_plug_check(&plug, &err) == 0 || err.kind == XK_ERR_CONFIG,
         "addresses are right or wrong");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    XK_CLEANUP_FREE char *text = xk_strndup((const char *)data, length);

    try_switch(text);
    try_addresses(text);
    return 0;
}
