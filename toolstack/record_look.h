/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peeking into records without opening them: cheap enough to do for every
 * record of a host when a verb is about one of them.
 */
#ifndef XK_TOOLSTACK_RECORD_LOOK_H
#define XK_TOOLSTACK_RECORD_LOOK_H

#include "toolstack/record.h"

enum {
    XK_DRIVER_NAME_SIZE = 32
};

/* False if the record's configuration surely has none of the names. Cheap: it
 * searches the text and does not open the record, so it can be done for every
 * record of a host. */
bool xk_record_may_be_named(const struct xk_state *state,
                            const struct xk_uuid *uuid,
                            const char *const *names, size_t count);

/* The same for texts that JSON writes in one way only, wherever they stand. */
bool xk_record_may_hold(const struct xk_state *state,
                        const struct xk_uuid *uuid, const char *const *texts,
                        size_t count);

enum xk_record_owner {
    XK_RECORD_OWNED,   /* it names its driver */
    XK_RECORD_UNNAMED, /* it names none: an earlier version made it */
    XK_RECORD_ODD,     /* what it has is not a name, or cannot be read */
    XK_RECORD_GONE,
};

/* Read the name of the driver that owns the record, without opening the record.
 */
enum xk_record_owner xk_record_owner(const struct xk_state *state,
                                     const struct xk_uuid *uuid,
                                     char name[XK_DRIVER_NAME_SIZE]);

#endif
