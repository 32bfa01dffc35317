/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two hosts of a fake hypervisor and a domain "moved" that is moved from one to
 * the other, with a fault in the link or in a process.
 *
 * The source is a child of the test. The link's program (the "way") is the test
 * program itself, called with more arguments; the target is its child. Programs
 * are linked with --wrap=xk_journal_append and --wrap=clock_gettime.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_MIGRATION_PAIR_H
#define XK_TESTS_UNIT_TOOLSTACK_MIGRATION_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "tests/fakes/faulty_way.h"
#include "toolstack/hypervisor.h"

struct pair {
    char *scratch;
    char *folders[2]; /* source, target: each has "state" and "world" */
    char *once;
    pid_t source;          /* 0: it has ended */
    struct xk_error *said; /* by the last process that failed */
    struct xk_error err;
};

/* How a process kills or stops itself. */
enum death {
    NO_DEATH,
    DIES_BEFORE_CALL, /* of the driver */
    DIES_AFTER_CALL,
    DIES_BEFORE_ENTRY, /* of the journal */
    DIES_AFTER_ENTRY,
    DEATHS,
    /* The process itself lives on. */
    STOPS_AT_CALL = DEATHS, /* its hypervisor stops until pair_let_go_on() */
    LATE_AT_CALL,           /* the same; the call is carried out then */
    FULL_AT_CALL,           /* its disks are full as long as it lives */
    FULL_AT_ENTRY,
    /* The process stops itself until pair_let_go_on(). */
    HALTS_AT_CALL,
    HALTS_AND_FAILS_AT_CALL, /* then the call fails without effect */
    HALTS_AT_ENTRY,
};

/* One test case. */
struct fault {
    bool from_target;
    unsigned index;
    enum way_fault way;
    enum death source_death, target_death;
    unsigned death_at;
    bool only_asks;   /* a dry run */
    int clock_step_s; /* step of the source's wall clock at each entry */
};

/* Returns true if the program was called as the link's program, and ran as it.
 */
bool pair_was_way(int argc, char **argv);

int pair_setup(void **context);
int pair_teardown(void **context);

void pair_make_domain(struct pair *pair);

/* Move the domain. Returns the exit status of the source, or 128 plus the
 * signal that killed or stopped it. */
int pair_move(struct pair *pair, const struct fault *fault);

/* Continue what was stopped. If the source was stopped, wait for it. Returns
 * its status. */
int pair_let_go_on(struct pair *pair, int status);

/* Whether the fault took place. */
bool pair_fault_happened(const struct pair *pair, const struct fault *fault,
                         int status);

/* Do what the next verb and the monitor do: recover what was left, and ask if
 * the domain is in doubt. Returns XK_STATE_COUNT if there is no domain. */
enum xk_domain_state pair_look(struct pair *pair, int side);

/* Whether the source's journal says that the target decides. */
bool pair_is_in_doubt(struct pair *pair);

/* How often the operation has BEGIN in the source's journal. */
unsigned pair_count_entries(struct pair *pair, const char *operation);

/* Wait until one copy runs and nothing else is left. Returns 0 if it runs at
 * the source, 1 at the target. Fails the test if two ran at any time. */
int pair_settle(struct pair *pair, const struct fault *fault);

/* Whether a process works on a domain at the target. */
bool pair_target_is_at_work(struct pair *pair);

/* Let the driver's check on that host report that something is missing. */
void pair_lack(struct pair *pair, int side, const char *what);

void pair_put_away(struct pair *pair, int where);

/* Count the entries of a host's folder. */
size_t pair_count(const struct pair *pair, int side, const char *below);

/* Lose everything in memory; what is below "lib" is on disk. */
void pair_lose_power(const struct pair *pair, int side);

#endif
