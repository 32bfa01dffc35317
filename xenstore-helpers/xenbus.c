/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xenstore-helpers/xenbus.h"

#include <stddef.h>

#include "base/number.h"
#include "base/util.h"

static const char *const names[XK_XENBUS_COUNT] = {
    [XK_XENBUS_UNKNOWN] = "Unknown",
    [XK_XENBUS_INITIALISING] = "Initialising",
    [XK_XENBUS_INIT_WAIT] = "InitWait",
    [XK_XENBUS_INITIALISED] = "Initialised",
    [XK_XENBUS_CONNECTED] = "Connected",
    [XK_XENBUS_CLOSING] = "Closing",
    [XK_XENBUS_CLOSED] = "Closed",
    [XK_XENBUS_RECONFIGURING] = "Reconfiguring",
    [XK_XENBUS_RECONFIGURED] = "Reconfigured",
};

#define S(state) (1u << XK_XENBUS_##state)
#define OFFERING (S(INITIALISING) | S(INIT_WAIT))
#define USED (S(CONNECTED) | S(CLOSING) | S(CLOSED))
#define ANY ((1u << XK_XENBUS_COUNT) - 1)

/* The first row that matches both ends counts; without a match there is nothing
 * to do. Rows look only at the present states and not at how they were reached,
 * because frontends skip states: netfront is never Initialised, iPXE closes
 * without Closing, and a guest resumed in place goes from Connected back to
 * Initialised with new rings. */
static const struct {
    unsigned frontend;
    unsigned backend;
    enum xk_xenbus_action action;
} reactions[] = {
    {S(UNKNOWN), ANY, XK_XENBUS_REMOVE},
    {S(INITIALISING), USED, XK_XENBUS_ADVERTISE},
    {S(INITIALISED) | S(CONNECTED), OFFERING, XK_XENBUS_CONNECT},
    {S(INITIALISED) | S(CONNECTED), S(CONNECTED), XK_XENBUS_RECHECK},
    {S(CLOSING), ANY & ~(S(CLOSING) | S(CLOSED)), XK_XENBUS_STOP},
    {S(CLOSED), ANY & ~S(CLOSED), XK_XENBUS_CLOSE},
    {S(RECONFIGURING), ANY & ~(S(CLOSING) | S(CLOSED)), XK_XENBUS_RECONFIGURE},
    {S(INIT_WAIT) | S(RECONFIGURED), ANY, XK_XENBUS_REFUSE},
};

static bool
is_state(int state)
{
    return state >= 0 && state < XK_XENBUS_COUNT;
}

const char *
xk_xenbus_state_name(int state)
{
    return is_state(state) ? names[state] : "?";
}

bool
xk_xenbus_state_parse(const char *text, enum xk_xenbus_state *state)
{
    uint64_t number;

    *state = XK_XENBUS_UNKNOWN;
    if (text == NULL || !xk_parse_u64(text, XK_XENBUS_COUNT - 1, &number))
        return false;
    *state = (enum xk_xenbus_state)number;
    return true;
}

enum xk_xenbus_action
xk_xenbus_backend_reaction(int frontend, int backend)
{
    if (!is_state(frontend) || !is_state(backend))
        return XK_XENBUS_REFUSE;
    for (size_t i = 0; i < XK_ARRAY_SIZE(reactions); i++) {
        if ((reactions[i].frontend & 1u << frontend) != 0 &&
            (reactions[i].backend & 1u << backend) != 0)
            return reactions[i].action;
    }
    return XK_XENBUS_NOTHING;
}
