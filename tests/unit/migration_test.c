/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain of a fake hypervisor is moved between two hosts, with a fault at
 * every frame of both directions, and with each side killed at each call of its
 * driver and each entry of its journal. However it ends: one copy runs, at no
 * time two, and nothing else is left.
 *
 * The source is a child of the test; the target is a child of the "way", which
 * is this program called with more arguments.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/faulty_way.h"
#include "tests/fakes/scratch.h"
#include "toolstack/domain.h"
#include "toolstack/journal.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/migration/save.h"

enum {
    SILENCE_MS = 100, /* of a swallowing way; else nothing is waited for */
    LONG_MS = 5000,
    SETTLE_MS = 8000,
    CALLS_MAX = 30,
};

/* How a process is killed by itself. */
enum death {
    NO_DEATH,
    DIES_BEFORE_CALL, /* of the driver */
    DIES_AFTER_CALL,
    DIES_BEFORE_ENTRY, /* of the journal */
    DIES_AFTER_ENTRY,
    DEATHS,
};

static enum death death;
static unsigned death_at;

/* ---- the journal, seen from outside ---- */

int __real_xk_journal_append(const struct xk_record *record,
                             enum xk_journal_kind kind, const char *what,
                             const char *detail, struct xk_error *err);
int __wrap_xk_journal_append(const struct xk_record *record,
                             enum xk_journal_kind kind, const char *what,
                             const char *detail, struct xk_error *err);

static unsigned entries;

int
__wrap_xk_journal_append(const struct xk_record *record,
                         enum xk_journal_kind kind, const char *what,
                         const char *detail, struct xk_error *err)
{
    int r;

    entries++;
    if (death == DIES_BEFORE_ENTRY && entries == death_at)
        _exit(9);
    r = __real_xk_journal_append(record, kind, what, detail, err);
    if (death == DIES_AFTER_ENTRY && entries == death_at)
        _exit(9);
    return r;
}

static void
prepare_to_die(struct xk_host *host)
{
    struct xk_fake_faults *faults = xk_fake_faults(host->hv);

    *faults = (struct xk_fake_faults){0};
    entries = 0;
    if (death == DIES_BEFORE_CALL)
        faults->killed_at = death_at;
    if (death == DIES_AFTER_CALL)
        faults->killed_after = death_at;
}

/* ---- hosts ---- */

/* A folder with "state" and "world". */
static int
open_host(struct xk_host *host, const char *folder, const char *rival,
          struct xk_error *err)
{
    static char worlds[2][256];
    XK_CLEANUP_FREE char *state = xk_asprintf("%s/state", folder);
    struct xk_hypervisor *hv;

    *host = (struct xk_host){0};
    snprintf(worlds[0], sizeof(worlds[0]), "%s/world", folder);
    snprintf(worlds[1], sizeof(worlds[1]), "%s/world", rival);
    setenv("XK_STATE_DIR", state, 1);
    if (xk_state_open(&host->state, err) == -1)
        return -1;
    hv = xk_fake_open(&host->state, xk_strdup(worlds[0]));
    xk_fake_set_rival(hv, xk_strdup(worlds[1]));
    return xk_host_adopt(host, hv, "migrate", xk_deadline_in_ms(LONG_MS), err);
}

/* ---- the way, and the target behind it ---- */

static int
be_target(int in_fd, int out_fd, void *context)
{
    const char *const *folders = context; /* source, target */
    struct xk_error err = {0};
    struct xk_host host;
    int r;

    if (open_host(&host, folders[1], folders[0], &err) == -1)
        return -1;
    prepare_to_die(&host);
    r = xk_migrate_receive(&host, in_fd, out_fd, NULL, &err);
    xk_host_close(&host);
    return r;
}

enum way_argument {
    ARG_ROLE = 1,
    ARG_SOURCE,
    ARG_TARGET,
    ARG_ONCE,
    ARG_FROM_TARGET,
    ARG_INDEX,
    ARG_FAULT,
    ARG_DEATH, /* of the target */
    ARG_DEATH_AT,
    ARG_COUNT,
};

static int
be_way(char **argv)
{
    const char *folders[] = {argv[ARG_SOURCE], argv[ARG_TARGET]};
    const struct faulty_way way = {
        .from_target = atoi(argv[ARG_FROM_TARGET]) != 0,
        .index = (unsigned)atoi(argv[ARG_INDEX]),
        .fault = (enum way_fault)atoi(argv[ARG_FAULT]),
        .once = argv[ARG_ONCE],
        .source = getppid(),
    };

    /* Who asks later, asks one that lives. */
    if (access(argv[ARG_ONCE], F_OK) == -1) {
        death = (enum death)atoi(argv[ARG_DEATH]);
        death_at = (unsigned)atoi(argv[ARG_DEATH_AT]);
    }
    if (death != NO_DEATH)
        close(open(argv[ARG_ONCE], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    faulty_way_run(&way, be_target, folders);
    return 0;
}

/* ---- the source ---- */

struct fixture {
    char *scratch;
    char *folders[2]; /* source, target */
    char *once;
    struct xk_error err;
};

/* One case. */
struct fault {
    bool from_target;
    unsigned index;
    enum way_fault way;
    enum death source_death, target_death;
    unsigned death_at;
};

static int
setup(void **context)
{
    static const char *const names[] = {"here", "there"};
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    for (int i = 0; i < 2; i++) {
        XK_CLEANUP_FREE char *world = NULL;

        f->folders[i] = xk_asprintf("%s/%s", f->scratch, names[i]);
        world = xk_asprintf("%s/world", f->folders[i]);
        mkdir(f->folders[i], 0700);
        mkdir(world, 0700);
    }
    f->once = xk_asprintf("%s/once", f->scratch);
    *context = f;
    return 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    scratch_free(f->scratch);
    free(f->folders[0]);
    free(f->folders[1]);
    free(f->once);
    free(f);
    return 0;
}

static void
open_side(struct fixture *f, int side, struct xk_host *host)
{
    if (open_host(host, f->folders[side], f->folders[!side], &f->err) == -1)
        fail_msg("%s", f->err.message);
}

static void
make_domain(struct fixture *f)
{
    static const char text[] = "name = 'moved'\ntype = 'hvm'\nmemory = 64\n";
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    struct xk_domain domain;
    struct xk_host host;

    assert_non_null(config);
    open_side(f, 0, &host);
    if (xk_domain_create(&host, config, false, &domain,
                         xk_deadline_in_ms(LONG_MS), &f->err) == -1)
        fail_msg("%s", f->err.message);
    xk_domain_close(&domain);
    xk_host_close(&host);
    xk_problems_free(&problems);
    unlink(f->once);
}

static void
make_link(const struct fixture *f, const struct fault *fault,
          struct xk_link *link)
{
    char numbers[5][16];
    const char *argv[ARG_COUNT + 1] = {
        "/proc/self/exe", "way",      f->folders[0], f->folders[1],
        f->once,          numbers[0], numbers[1],    numbers[2],
        numbers[3],       numbers[4], NULL};

    snprintf(numbers[0], 16, "%d", fault->from_target);
    snprintf(numbers[1], 16, "%u", fault->index);
    snprintf(numbers[2], 16, "%d", (int)fault->way);
    snprintf(numbers[3], 16, "%d", (int)fault->target_death);
    snprintf(numbers[4], 16, "%u", fault->death_at);
    xk_link_by_words(link, "there", argv);
}

/* In a process that may be killed. */
static void
be_source(struct fixture *f, const struct fault *fault)
{
    struct xk_migrate_options options = {
        .silence_ms = fault->way == WAY_SWALLOW ? SILENCE_MS : LONG_MS};
    struct xk_migrate_result result;
    struct xk_domain domain;
    struct xk_host host;
    struct xk_link link;
    bool doubt;
    int r;

    if (open_host(&host, f->folders[0], f->folders[1], &f->err) == -1 ||
        xk_domain_find(&host, "moved", &domain, xk_deadline_in_ms(LONG_MS),
                       &f->err) == -1)
        _exit(2);
    death = fault->source_death;
    death_at = fault->death_at;
    prepare_to_die(&host);
    make_link(f, fault, &link);
    r = xk_domain_migrate(&host, &domain, &link, &options, &result, &doubt,
                          xk_deadline_in_ms(LONG_MS), &f->err);
    if (getenv("XK_TEST_SHOW") != NULL)
        fprintf(stderr, "migrate: %d%s %s\n", r, doubt ? " doubt" : "",
                r == -1 ? f->err.message : "");
    _exit(r == 0 ? 0 : 1);
}

/* The exit status; 128 and the signal where one killed it. */
static int
run_source(struct fixture *f, const struct fault *fault)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        be_source(f, fault);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    assert_int_not_equal(WEXITSTATUS(status), 2);
    return WEXITSTATUS(status);
}

/* ---- what came of it ---- */

/* XK_STATE_COUNT where there is none; opening the host recovers, and a domain
 * in doubt is asked for, as the monitor does. */
static enum xk_domain_state
look(struct fixture *f, int side)
{
    enum xk_domain_state state = XK_STATE_COUNT;
    struct xk_domain_info info;
    struct xk_domain domain;
    enum xk_handover fate;
    struct xk_host host;

    open_side(f, side, &host);
    if (xk_domain_find(&host, "moved", &domain, xk_deadline_in_ms(LONG_MS),
                       &f->err) == 0) {
        if (domain.record != NULL && xk_migrate_in_doubt(domain.record))
            xk_migrate_resolve(&host, &domain, XK_RESOLVE_ASK, &fate,
                               xk_deadline_in_ms(LONG_MS), &f->err);
        if (xk_domain_get(&host, &domain, &info, xk_deadline_in_ms(LONG_MS),
                          &f->err) == 0) {
            state = info.state;
            xk_domain_info_free(&info);
        }
        xk_domain_close(&domain);
    }
    xk_host_close(&host);
    return state;
}

static size_t
count(const char *folder, const char *below)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", folder, below);

    return access(path, F_OK) == -1 ? 0 : scratch_count(folder, below);
}

static void
never_two(const struct fixture *f)
{
    for (int side = 0; side < 2; side++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/world/both-run", f->folders[side]);

        if (access(path, F_OK) == 0)
            fail_msg("two copies ran");
    }
}

/* One runs, and there is no more than it: a record and a being. */
static bool
is_settled(struct fixture *f, int *where)
{
    enum xk_domain_state here = look(f, 0), there = look(f, 1);

    *where = there == XK_STATE_RUNNING;
    if (!(here == XK_STATE_RUNNING && there == XK_STATE_COUNT) &&
        !(there == XK_STATE_RUNNING && here == XK_STATE_COUNT))
        return false;
    for (int side = 0; side < 2; side++) {
        size_t wanted = side == *where;

        if (count(f->folders[side], "state/domains") != wanted ||
            count(f->folders[side], "world") != wanted)
            return false;
    }
    return true;
}

/* Returns where it runs: 0 here, 1 there. */
static int
settle(struct fixture *f, const struct fault *fault)
{
    struct xk_deadline deadline = xk_deadline_in_ms(SETTLE_MS);
    const struct timespec tick = {.tv_nsec = 2000000};
    int where = 0;

    while (!is_settled(f, &where)) {
        never_two(f);
        if (xk_deadline_left_ms(deadline) == 0)
            fail_msg("%s frame %u, fault %d, deaths %d %d at %u: %d here, %d "
                     "there, records %zu %zu, beings %zu %zu: %s",
                     fault->from_target ? "from" : "to", fault->index,
                     (int)fault->way, (int)fault->source_death,
                     (int)fault->target_death, fault->death_at, (int)look(f, 0),
                     (int)look(f, 1), count(f->folders[0], "state/domains"),
                     count(f->folders[1], "state/domains"),
                     count(f->folders[0], "world"),
                     count(f->folders[1], "world"), f->err.message);
        nanosleep(&tick, NULL);
    }
    return where;
}

static void
put_away(struct fixture *f, int where)
{
    struct xk_domain domain;
    struct xk_host host;

    open_side(f, where, &host);
    assert_int_equal(xk_domain_find(&host, "moved", &domain,
                                    xk_deadline_in_ms(LONG_MS), &f->err),
                     0);
    assert_int_equal(
        xk_domain_destroy(&host, &domain, xk_deadline_in_ms(LONG_MS), &f->err),
        0);
    xk_domain_close(&domain);
    xk_host_close(&host);
}

/* Returns whether the fault happened. */
static bool
run_case(struct fixture *f, const struct fault *fault)
{
    bool happened;
    int status, where;

    make_domain(f);
    status = run_source(f, fault);
    where = settle(f, fault);
    happened = fault->source_death != NO_DEATH ? status == 9
                                               : access(f->once, F_OK) == 0;
    /* What was told must be so. */
    if (status == 0)
        assert_int_equal(where, 1);
    if (!happened)
        assert_int_equal(status, 0);
    put_away(f, where);
    return happened;
}

/* ---- tests ---- */

static void
a_domain_is_moved(void **context)
{
    const struct fault none = {0};
    struct fixture *f = *context;

    make_domain(f);
    assert_int_equal(run_source(f, &none), 0);
    assert_int_equal(settle(f, &none), 1);
    put_away(f, 1);
    assert_int_equal(count(f->folders[1], "state/lib/moves"), 0);
}

static void
check_way(struct fixture *f, enum way_fault way)
{
    unsigned cases = 0;

    for (int from = 0; from < 2; from++) {
        for (unsigned index = 0; index < 40; index++) {
            const struct fault fault = {
                .from_target = from == 1, .index = index, .way = way};

            if (!run_case(f, &fault))
                break;
            cases++;
        }
    }
    /* HELLO, DOMAIN, PREPARE, DATA, DATA_END, COMMIT, CONFIRM; HELLO, VERDICT,
     * PREPARED, RECEIVED, RUNNING. */
    assert_in_range(cases, 12, 60);
}

#define WAY_TEST(name, fault)                                                  \
    static void name(void **context)                                           \
    {                                                                          \
        check_way(*context, fault);                                            \
    }
WAY_TEST(a_way_cut_before_any_frame_leaves_one_copy, WAY_CUT)
WAY_TEST(a_way_cut_amid_any_frame_leaves_one_copy, WAY_CUT_AMID)
WAY_TEST(a_way_cut_after_any_frame_leaves_one_copy, WAY_CUT_AFTER)
WAY_TEST(a_changed_bit_in_any_header_leaves_one_copy, WAY_CHANGE_HEAD)
WAY_TEST(a_changed_bit_in_any_payload_leaves_one_copy, WAY_CHANGE_BODY)
WAY_TEST(any_frame_that_comes_twice_leaves_one_copy, WAY_REPEAT)
WAY_TEST(a_way_that_swallows_from_any_frame_on_leaves_one_copy, WAY_SWALLOW)
WAY_TEST(a_target_killed_at_any_frame_leaves_one_copy, WAY_KILL_TARGET)
WAY_TEST(a_source_killed_at_any_frame_leaves_one_copy, WAY_KILL_SOURCE)

static void
a_source_killed_at_any_call_and_entry_leaves_one_copy(void **context)
{
    unsigned cases = 0;

    for (int death_kind = DIES_BEFORE_CALL; death_kind < DEATHS; death_kind++) {
        for (unsigned at = 1; at < CALLS_MAX; at++) {
            const struct fault fault = {.source_death = (enum death)death_kind,
                                        .death_at = at};

            if (!run_case(*context, &fault))
                break;
            cases++;
        }
    }
    /* The last piece and the end; BEGIN and the note. */
    assert_in_range(cases, 8, 99);
}

/* That a target died cannot be seen from the file: it dies somewhere in so many
 * calls, and after those it does not. */
static void
a_target_killed_at_any_call_and_entry_leaves_one_copy(void **context)
{
    for (int death_kind = DIES_BEFORE_CALL; death_kind < DEATHS; death_kind++) {
        for (unsigned at = 1; at <= 4; at++) {
            const struct fault fault = {.target_death = (enum death)death_kind,
                                        .death_at = at};

            run_case(*context, &fault);
        }
    }
}

int
main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_domain_is_moved),
        T(a_way_cut_before_any_frame_leaves_one_copy),
        T(a_way_cut_amid_any_frame_leaves_one_copy),
        T(a_way_cut_after_any_frame_leaves_one_copy),
        T(a_changed_bit_in_any_header_leaves_one_copy),
        T(a_changed_bit_in_any_payload_leaves_one_copy),
        T(any_frame_that_comes_twice_leaves_one_copy),
        T(a_way_that_swallows_from_any_frame_on_leaves_one_copy),
        T(a_target_killed_at_any_frame_leaves_one_copy),
        T(a_source_killed_at_any_frame_leaves_one_copy),
        T(a_source_killed_at_any_call_and_entry_leaves_one_copy),
        T(a_target_killed_at_any_call_and_entry_leaves_one_copy),
    };

    signal(SIGPIPE, SIG_IGN);
    xk_log_set_level(XK_LOG_ERROR);
    if (argc == ARG_COUNT && strcmp(argv[ARG_ROLE], "way") == 0)
        return be_way(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
