/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drivers that xk knows, whether or not this build has them. Names of
 * drivers in the command line, in messages and in JSON come from this list.
 */
#ifndef XK_TOOLSTACK_KNOWN_DRIVERS_H
#define XK_TOOLSTACK_KNOWN_DRIVERS_H

#include "base/error.h"
#include "toolstack/config/driver_facts.h"

/* The facts of all drivers, the best driver first, ended by NULL. */
extern const struct xk_driver_facts *const xk_known_drivers[];

/* Returns the facts of the driver called `name`, or NULL if none is. */
const struct xk_driver_facts *xk_known_driver_find(const char *name);

/* The same; NULL comes with XK_ERR_USAGE, which names the choices. */
const struct xk_driver_facts *xk_known_driver_get(const char *name,
                                                  struct xk_error *err);

/* Returns the first driver that is at home on this host. This build may lack
 * it. */
const struct xk_driver_facts *xk_known_driver_at_home(void);

/* The names as a message lists them: "xen" or "kvm", in quotes. The caller
 * frees the text. */
char *xk_known_driver_choices(void);

/* The names as the command line writes a choice of words: xen|kvm. The caller
 * frees the text. */
char *xk_known_driver_words(void);

#endif
