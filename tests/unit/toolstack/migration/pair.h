/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two hosts of a fake hypervisor and a domain "moved" that goes from one to the
 * other, with something done to the way or to a process.
 *
 * The source is a child of the test; the target is a child of the "way", which
 * is the test's program called with more arguments. Programs are linked with
 * --wrap=xk_journal_append and --wrap=clock_gettime.
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
    struct xk_error *said; /* by the last one that failed */
    struct xk_error err;
};

/* How a process is killed by itself. */
enum death {
    NO_DEATH,
    DIES_BEFORE_CALL, /* of the driver */
    DIES_AFTER_CALL,
    DIES_BEFORE_ENTRY, /* of the journal */
    DIES_AFTER_ENTRY,
    DEATHS,
    /* Not of the process. */
    STOPS_AT_CALL = DEATHS, /* its hypervisor, until pair_let_go_on() */
    LATE_AT_CALL,           /* the same, and does it then */
    FULL_AT_CALL,           /* its disks, as long as it lives */
    FULL_AT_ENTRY,
    /* Stopped itself, until pair_let_go_on(). */
    HALTS_AT_CALL,
    HALTS_AND_FAILS_AT_CALL, /* the call does, without effect, and then */
    HALTS_AT_ENTRY,
};

/* One case. */
struct fault {
    bool from_target;
    unsigned index;
    enum way_fault way;
    enum death source_death, target_death;
    unsigned death_at;
    bool only_asks;   /* whether it could be moved */
    int clock_step_s; /* of the source's wall clock, at each of its entries */
};

/* True where the program was called as a way, and was one. */
bool pair_was_way(int argc, char **argv);

int pair_setup(void **context);
int pair_teardown(void **context);

void pair_make_domain(struct pair *pair);

/* Move it: the exit status of the source, 128 and the signal where one killed
 * or stopped it. */
int pair_move(struct pair *pair, const struct fault *fault);

/* What was stopped, goes on; a source that was, is waited for: its status. */
int pair_let_go_on(struct pair *pair, int status);

/* Whether what was to happen did. */
bool pair_fault_happened(const struct pair *pair, const struct fault *fault,
                         int status);

/* As the next verb, and the monitor: recover what was left, ask where there is
 * doubt. XK_STATE_COUNT where the domain is not. */
enum xk_domain_state pair_look(struct pair *pair, int side);

/* Whether the source's journal says that the target decides. */
bool pair_is_in_doubt(struct pair *pair);

/* How often the source's journal says that it was begun. */
unsigned pair_count_entries(struct pair *pair, const char *operation);

/* Until one copy runs and nothing else is left: 0 it runs here, 1 there. Fails
 * the test where two ran at any time. */
int pair_settle(struct pair *pair, const struct fault *fault);

/* Whether a process works on a domain there. */
bool pair_target_is_at_work(struct pair *pair);

/* There is no such thing on that host, by the driver's check. */
void pair_lack(struct pair *pair, int side, const char *what);

void pair_put_away(struct pair *pair, int where);

/* Entries of a folder of a host. */
size_t pair_count(const struct pair *pair, int side, const char *below);

/* What is in memory is gone; what is below "lib" is on a disk. */
void pair_lose_power(const struct pair *pair, int side);

#endif
