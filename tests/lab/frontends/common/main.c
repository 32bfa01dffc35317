/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *   PROGRAM LIST [NAME...]
 *
 * Runs the cases of a list, or those of it that are named, in a Xen dom0 with
 * xk-backend on the path. Throughout, a second device is in use: no case may
 * disturb it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "tests/lab/frontends/common/cases.h"

static struct loop_device *witness, *shared;
static unsigned passed, failed;

static void
drop_shared(void)
{
    if (shared != NULL)
        loop_abandon(shared);
    shared = NULL;
}

static void
run_shared(const struct loop_case *one)
{
    if (shared == NULL) {
        shared = loop_open(NULL);
        loop_connect(shared);
    }
    one->run(shared);
    loop_must_serve(shared);
}

static struct loop_device *volatile current;

static void
run_alone(const struct loop_case *one)
{
    current = loop_open(one->options);
    one->run(current);
    if (!one->ends) {
        MUST(loop_is_alive(current), "the backend died");
        loop_close(current);
    }
    current = NULL;
}

const struct loop_case *loop_case_now;

static bool
run_case(const struct loop_case *one)
{
    if (sigsetjmp(loop_failed, 1) != 0) {
        if (one->shares)
            drop_shared();
        else if (current != NULL)
            loop_abandon(current);
        current = NULL;
        return false;
    }
    loop_case_now = one;
    if (one->shares)
        run_shared(one);
    else
        run_alone(one);
    loop_must_serve(witness);
    return true;
}

static void
tell(const struct loop_case *one)
{
    int64_t begin = xk_now_ns();
    bool good = run_case(one);

    printf("%s - %s: %s (%lld ms)\n", good ? "ok" : "not ok", one->name,
           one->verdict, (long long)(xk_now_ns() - begin) / 1000000);
    fflush(stdout);
    if (good)
        passed++;
    else
        failed++;
}

static bool
is_named(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc == 2;
}

static void
open_witness(void)
{
    if (sigsetjmp(loop_failed, 1) != 0)
        exit(99);
    witness = loop_open(NULL);
    loop_connect(witness);
    loop_must_serve(witness);
}

static void
close_all(void)
{
    if (sigsetjmp(loop_failed, 1) != 0) {
        printf("not ok - the witness closes\n");
        failed++;
        return;
    }
    if (shared != NULL)
        loop_close(shared);
    loop_close(witness);
}

static void
run_list(const struct loop_case *cases, size_t count, int argc, char **argv)
{
    for (size_t i = 0; i < count; i++) {
        if (is_named(cases[i].name, argc, argv))
            tell(&cases[i]);
    }
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc >= 2)
        open_witness();
    for (size_t i = 0; argc >= 2 && loop_lists[i].name != NULL; i++) {
        if (strcmp(argv[1], loop_lists[i].name) == 0)
            run_list(loop_lists[i].cases, *loop_lists[i].count, argc, argv);
    }
    if (passed + failed == 0) {
        fprintf(stderr, "usage: %s LIST [NAME...]\n", argv[0]);
        return 2;
    }
    close_all();
    printf("%s: %u passed, %u failed\n", argv[1], passed, failed);
    return failed == 0 ? 0 : 1;
}
