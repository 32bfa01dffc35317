/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs run whole, from the words typed to what is printed, on a hypervisor
 * without machines. It stands in for the drivers of the build, under the name
 * of "kvm".
 */
#ifndef XK_TESTS_UNIT_CLI_WORLD_H
#define XK_TESTS_UNIT_CLI_WORLD_H

#include "base/buf.h"
#include "base/json.h"
#include "cli/invocation.h"

struct world {
    char *scratch;
    struct xk_invocation invocation; /* of the last run */
    struct xk_error err;             /* where it failed */
    struct xk_buf lines;             /* what main() would say at its end */
    struct xk_json *json;            /* its result, where that is JSON */
};

int world_setup(void **state);
int world_teardown(void **state);

/* Run "list -l web", split at blanks. 0, or the exit status. */
int world_run(struct world *world, const char *line);

/* The same, with the result read as JSON. */
const struct xk_json *world_run_json(struct world *world, const char *line);

/* A configuration file of a small domain; returns the path, which lives as
 * long as the world. */
const char *world_config(struct world *world, const char *name,
                         const char *more);

/* Every call of the driver fails with this kind from now on; XK_ERR_COUNT:
 * none does. */
void world_fail_with(enum xk_error_kind kind);

/* The guest stops by itself. */
void world_stop(struct world *world, const char *name,
                enum xk_stop_reason reason);

/* The driver's domains have this domid, and that much CPU time. */
void world_domid(int domid, uint64_t cpu_time_ns);

/* What it printed as its result. */
const char *world_out(const struct world *world);

void assert_contains(const char *text, const char *part);
void assert_member(const struct xk_json *object, const char *key,
                   const char *value);
void assert_number(const struct xk_json *object, const char *key,
                   int64_t value);

#endif
