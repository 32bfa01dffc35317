/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Printing facts of a host as JSON members. */
#ifndef XK_CLI_FACTS_H
#define XK_CLI_FACTS_H

#include "base/json.h"
#include "toolstack/hypervisor.h"

/* One member: a number, or a string. */
void xk_fact_put_json(struct xk_json_writer *writer,
                      const struct xk_fact *fact);

#endif
