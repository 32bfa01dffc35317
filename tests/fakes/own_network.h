/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, with bridges that nobody else sees. */
#ifndef XK_TESTS_FAKES_OWN_NETWORK_H
#define XK_TESTS_FAKES_OWN_NETWORK_H

#include <stdbool.h>

/* Become root in a namespace without any network but the test's own. False if
 * that cannot be, or if no TAP can be made there. */
bool own_network_enter(void);

/* Make a bridge: 0, or -1 with errno. */
int own_network_add_bridge(const char *name);

/* Bring it up with that IPv4 address, /24. */
void own_network_set_address(const char *device, const char *address);

#endif
