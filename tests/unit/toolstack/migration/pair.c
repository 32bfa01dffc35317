/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/faulty_way.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/migration/pair.h"
#include "toolstack/create.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/migration/handover.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/migration/receive.h"
#include "toolstack/migration/resolve.h"
#include "toolstack/record_facts.h"

enum {
    SILENCE_MS = 200, /* used only if the link swallows frames */
    LONG_MS = 5000,
    SETTLE_MS = 8000,
};

static enum death death;
static unsigned death_at;

/* ---- a wall clock that is set ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static int clock_step_s, clock_offset_s;

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int r = __real_clock_gettime(clock, now);

    if (clock == CLOCK_REALTIME)
        now->tv_sec += clock_offset_s;
    return r;
}

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
    if (death == FULL_AT_ENTRY && entries == death_at)
        xk_fake_fill_disks();
    if (death == HALTS_AT_ENTRY && entries == death_at)
        raise(SIGSTOP);
    r = __real_xk_journal_append(record, kind, what, detail, err);
    clock_offset_s += clock_step_s;
    if (death == DIES_AFTER_ENTRY && entries == death_at)
        _exit(9);
    return r;
}

static void
prepare_to_die(struct xk_host *host)
{
    struct xk_fake_faults *faults = xk_fake_faults(host->preferred);

    *faults = (struct xk_fake_faults){0};
    entries = 0;
    if (death == DIES_BEFORE_CALL)
        faults->killed_at = death_at;
    if (death == DIES_AFTER_CALL)
        faults->killed_after = death_at;
    if (death == STOPS_AT_CALL)
        faults->stops_at = death_at;
    if (death == LATE_AT_CALL)
        faults->late_at = death_at;
    if (death == FULL_AT_CALL)
        faults->full_at = death_at;
    if (death == HALTS_AT_CALL || death == HALTS_AND_FAILS_AT_CALL)
        faults->halted_at = death_at;
    if (death == HALTS_AND_FAILS_AT_CALL)
        faults->fail_at = death_at;
}

/* ---- hosts ---- */

/* The host's folder with "state" and "world". */
static int
open_host(struct xk_host *host, const char *folder, const char *rival,
          struct xk_error *err)
{
    XK_CLEANUP_FREE char *world = xk_asprintf("%s/world", folder);
    XK_CLEANUP_FREE char *other = xk_asprintf("%s/world", rival);
    XK_CLEANUP_FREE char *state = xk_asprintf("%s/state", folder);
    struct xk_hypervisor *hv;

    *host = (struct xk_host){0};
    setenv("XK_STATE_DIR", state, 1);
    if (xk_state_open(&host->state, err) == -1)
        return -1;
    hv = xk_fake_open(&host->state, world);
    xk_fake_set_rival(hv, other);
    return xk_host_adopt(host, hv, "migrate", xk_deadline_in_ms(LONG_MS), err);
}

/* ---- the way, and the target behind it ---- */

/* For the process that resumes it. */
static void
note_target(const char *once)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("%d", (int)getpid());

    xk_write_file(AT_FDCWD, once, text, strlen(text), false, NULL);
}

static int
be_target(int in_fd, int out_fd, void *context)
{
    const char *const *folders = context; /* source, target, once */
    struct xk_error err = {0};
    struct xk_host host;
    int r;

    if (open_host(&host, folders[1], folders[0], &err) == -1)
        return -1;
    prepare_to_die(&host);
    if (death >= HALTS_AT_CALL)
        note_target(folders[2]);
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
    ARG_DEATH, /* by the target */
    ARG_DEATH_AT,
    ARG_COUNT,
};

static int
be_way(char **argv)
{
    const char *folders[] = {argv[ARG_SOURCE], argv[ARG_TARGET],
                             argv[ARG_ONCE]};
    const struct faulty_way way = {
        .from_target = atoi(argv[ARG_FROM_TARGET]) != 0,
        .index = (unsigned)atoi(argv[ARG_INDEX]),
        .fault = (enum way_fault)atoi(argv[ARG_FAULT]),
        .once = argv[ARG_ONCE],
        .source = getppid(),
    };

    /* A process that asks later asks a living target. */
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

static pid_t
stopped_target(const struct pair *pair)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    return xk_read_file(AT_FDCWD, pair->once, 16, &text, NULL) == 0 &&
                   text.length > 0
               ? atoi(text.data)
               : 0;
}

int
pair_setup(void **context)
{
    static const char *const names[] = {"here", "there"};
    struct pair *pair = XK_NEW(struct pair);

    pair->scratch = scratch_new();
    for (int i = 0; i < 2; i++) {
        XK_CLEANUP_FREE char *world = NULL;

        pair->folders[i] = xk_asprintf("%s/%s", pair->scratch, names[i]);
        world = xk_asprintf("%s/world", pair->folders[i]);
        mkdir(pair->folders[i], 0700);
        mkdir(world, 0700);
    }
    pair->once = xk_asprintf("%s/once", pair->scratch);
    pair->said = mmap(NULL, sizeof(*pair->said), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *context = pair;
    return 0;
}

int
pair_teardown(void **context)
{
    struct pair *pair = *context;

    /* After a failed test. */
    if (pair->source != 0)
        kill(pair->source, SIGKILL);
    if (stopped_target(pair) != 0)
        kill(stopped_target(pair), SIGCONT);
    scratch_free(pair->scratch);
    free(pair->folders[0]);
    free(pair->folders[1]);
    free(pair->once);
    munmap(pair->said, sizeof(*pair->said));
    free(pair);
    return 0;
}

static void
open_side(struct pair *pair, int side, struct xk_host *host)
{
    if (open_host(host, pair->folders[side], pair->folders[!side],
                  &pair->err) == -1)
        fail_msg("%s", pair->err.message);
}

void
pair_make_domain(struct pair *pair)
{
    static const char text[] = "name = 'moved'\ntype = 'hvm'\nmemory = 64\n";
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &pair->err);
    struct xk_domain domain;
    struct xk_host host;

    assert_non_null(config);
    open_side(pair, 0, &host);
    if (xk_domain_create(&host, config, false, &domain,
                         xk_deadline_in_ms(LONG_MS), &pair->err) == -1)
        fail_msg("%s", pair->err.message);
    xk_domain_close(&domain);
    xk_host_close(&host);
    xk_problems_free(&problems);
    unlink(pair->once);
}

static void
make_link(const struct pair *pair, const struct fault *fault,
          struct xk_link *link)
{
    XK_CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);
    char numbers[5][16];
    const char *argv[ARG_COUNT + 1] = {
        self,       "way",      pair->folders[0], pair->folders[1], pair->once,
        numbers[0], numbers[1], numbers[2],       numbers[3],       numbers[4],
        NULL};

    snprintf(numbers[0], 16, "%d", fault->from_target);
    snprintf(numbers[1], 16, "%u", fault->index);
    snprintf(numbers[2], 16, "%d", (int)fault->way);
    snprintf(numbers[3], 16, "%d", (int)fault->target_death);
    snprintf(numbers[4], 16, "%u", fault->death_at);
    xk_link_by_words(link, "there", argv);
}

static bool
is_for_silence(const struct fault *fault)
{
    return fault->way == WAY_SWALLOW || fault->way == WAY_STOP_SOURCE ||
           fault->source_death >= HALTS_AT_CALL ||
           fault->target_death >= HALTS_AT_CALL;
}

/* Runs in a process that may be killed. */
static void
be_source(struct pair *pair, const struct fault *fault)
{
    struct xk_migrate_options options = {
        .silence_ms = is_for_silence(fault) ? SILENCE_MS : LONG_MS,
        .dry_run = fault->only_asks,
    };
    struct xk_migrate_result result;
    struct xk_domain domain;
    struct xk_host host;
    struct xk_link link;
    bool doubt;
    int r;

    signal(SIGSEGV, SIG_DFL); /* else cmocka runs the next test */
    if (open_host(&host, pair->folders[0], pair->folders[1], &pair->err) ==
            -1 ||
        xk_domain_find(&host, "moved", &domain, xk_deadline_in_ms(LONG_MS),
                       &pair->err) == -1)
        _exit(2);
    death = fault->source_death;
    death_at = fault->death_at;
    clock_step_s = fault->clock_step_s;
    prepare_to_die(&host);
    make_link(pair, fault, &link);
    r = xk_domain_migrate(&host, &domain, &link, &options, &result, &doubt,
                          xk_deadline_in_ms(LONG_MS), &pair->err);
    *pair->said = pair->err;
    if (getenv("XK_TEST_SHOW") != NULL)
        fprintf(stderr, "migrate: %d%s %s\n", r, doubt ? " doubt" : "",
                r == -1 ? pair->err.message : "");
    _exit(r == 0 ? 0 : 1);
}

static int
wait_for_source(struct pair *pair)
{
    int status;

    assert_int_equal(waitpid(pair->source, &status, WUNTRACED), pair->source);
    if (WIFSTOPPED(status))
        return 128 + WSTOPSIG(status);
    pair->source = 0;
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    assert_int_not_equal(WEXITSTATUS(status), 2);
    return WEXITSTATUS(status);
}

int
pair_move(struct pair *pair, const struct fault *fault)
{
    pid_t pid = fork();

    if (pid == 0)
        be_source(pair, fault);
    assert_true(pid > 0);
    pair->source = pid;
    return wait_for_source(pair);
}

/* The process may not have reached its stop, or its end, yet. */
static void
continue_target(pid_t target)
{
    struct xk_deadline deadline = xk_deadline_in_ms(LONG_MS);
    const struct timespec tick = {.tv_nsec = 2000000};
    struct xk_process_stat stat;

    while (xk_process_read_stat(target, &stat) == 0 && stat.state != 'T' &&
           xk_deadline_left_ms(deadline) > 0)
        nanosleep(&tick, NULL);
    kill(target, SIGCONT);
}

int
pair_let_go_on(struct pair *pair, int status)
{
    pid_t target = stopped_target(pair);

    if (target != 0)
        continue_target(target);
    for (int side = 0; side < 2; side++) {
        struct xk_host host;

        open_side(pair, side, &host);
        xk_fake_go_on(host.preferred);
        xk_host_close(&host);
    }
    if (pair->source == 0)
        return status;
    kill(pair->source, SIGCONT);
    return wait_for_source(pair);
}

/* ---- what came of it ---- */

/* Returns XK_STATE_COUNT if there is no domain. Opening the host recovers, and
 * a domain in doubt is asked for, as the monitor does. */
enum xk_domain_state
pair_look(struct pair *pair, int side)
{
    enum xk_domain_state state = XK_STATE_COUNT;
    struct xk_domain_info info;
    struct xk_domain domain;
    enum xk_handover fate;
    struct xk_host host;

    open_side(pair, side, &host);
    if (xk_domain_find(&host, "moved", &domain, xk_deadline_in_ms(LONG_MS),
                       &pair->err) == 0) {
        if (domain.record != NULL && xk_record_is_in_doubt(domain.record))
            xk_migrate_resolve(&host, &domain, XK_RESOLVE_ASK, &fate,
                               xk_deadline_in_ms(LONG_MS), &pair->err);
        if (xk_domain_get(&host, &domain, &info, xk_deadline_in_ms(LONG_MS),
                          &pair->err) == 0) {
            state = info.state;
            xk_domain_info_free(&info);
        }
        xk_domain_close(&domain);
    }
    xk_host_close(&host);
    return state;
}

static unsigned
count_in(const struct xk_record *record, const char *operation)
{
    struct xk_journal journal;
    unsigned count = 0;

    assert_int_equal(xk_journal_read(record, &journal, NULL), 0);
    for (size_t i = 0; i < journal.count; i++)
        count += journal.entries[i].kind == XK_JOURNAL_BEGIN &&
                 strcmp(journal.entries[i].what, operation) == 0;
    xk_journal_free(&journal);
    return count;
}

/* Read the source's record. If operation is NULL: whether it is in doubt. */
static unsigned
ask_record(struct pair *pair, const char *operation)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/state", pair->folders[0]);
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    struct xk_record *record;
    struct xk_state state;
    unsigned answer;
    size_t records;

    setenv("XK_STATE_DIR", path, 1);
    assert_int_equal(xk_state_open(&state, &pair->err), 0);
    assert_int_equal(xk_state_list(&state, &uuids, &records, &pair->err), 0);
    assert_int_equal(records, 1);
    record = xk_record_open(&state, &uuids[0], &pair->err);
    assert_non_null(record);
    answer = operation == NULL ? xk_record_is_in_doubt(record)
                               : count_in(record, operation);
    xk_record_close(record);
    xk_state_close(&state);
    return answer;
}

bool
pair_is_in_doubt(struct pair *pair)
{
    return ask_record(pair, NULL) != 0;
}

unsigned
pair_count_entries(struct pair *pair, const char *operation)
{
    return ask_record(pair, operation);
}

size_t
pair_count(const struct pair *pair, int side, const char *below)
{
    const char *folder = pair->folders[side];
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", folder, below);

    return access(path, F_OK) == -1 ? 0 : scratch_count(folder, below);
}

static void
never_two(const struct pair *pair)
{
    for (int side = 0; side < 2; side++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/world/both-run", pair->folders[side]);

        if (access(path, F_OK) == 0)
            fail_msg("two copies ran");
    }
}

/* Whether a process on that host holds the lock of a record. */
bool
pair_target_is_at_work(struct pair *pair)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/state", pair->folders[1]);
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    struct xk_state state;
    bool busy = false;
    size_t records;

    setenv("XK_STATE_DIR", path, 1);
    assert_int_equal(xk_state_open(&state, &pair->err), 0);
    assert_int_equal(xk_state_list(&state, &uuids, &records, &pair->err), 0);
    for (size_t i = 0; i < records; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(&state, &uuids[i], NULL);

        busy = busy || (record != NULL && xk_record_is_locked(record));
    }
    xk_state_close(&state);
    return busy;
}

/* One copy runs and nothing else exists: one record, one domain, and no process
 * works on it. */
static bool
is_settled(struct pair *pair, int *where)
{
    enum xk_domain_state here = pair_look(pair, 0), there = pair_look(pair, 1);

    *where = there == XK_STATE_RUNNING;
    if (!(here == XK_STATE_RUNNING && there == XK_STATE_COUNT) &&
        !(there == XK_STATE_RUNNING && here == XK_STATE_COUNT))
        return false;
    if (pair_target_is_at_work(pair))
        return false;
    for (int side = 0; side < 2; side++) {
        size_t wanted = side == *where;

        if (pair_count(pair, side, "state/domains") != wanted ||
            pair_count(pair, side, "world") != wanted)
            return false;
    }
    return true;
}

/* Returns where it runs: 0 at the source, 1 at the target. */
int
pair_settle(struct pair *pair, const struct fault *fault)
{
    struct xk_deadline deadline = xk_deadline_in_ms(SETTLE_MS);
    const struct timespec tick = {.tv_nsec = 2000000};
    int where = 0;

    while (!is_settled(pair, &where)) {
        never_two(pair);
        if (xk_deadline_left_ms(deadline) == 0)
            fail_msg("%s frame %u, fault %d, deaths %d %d at %u: %d here, %d "
                     "there, records %zu %zu, beings %zu %zu: %s",
                     fault->from_target ? "from" : "to", fault->index,
                     (int)fault->way, (int)fault->source_death,
                     (int)fault->target_death, fault->death_at,
                     (int)pair_look(pair, 0), (int)pair_look(pair, 1),
                     pair_count(pair, 0, "state/domains"),
                     pair_count(pair, 1, "state/domains"),
                     pair_count(pair, 0, "world"), pair_count(pair, 1, "world"),
                     pair->err.message);
        nanosleep(&tick, NULL);
    }
    return where;
}

void
pair_lack(struct pair *pair, int side, const char *what)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/world/lacks", pair->folders[side]);

    assert_int_equal(
        xk_write_file(AT_FDCWD, path, what, strlen(what), false, &pair->err),
        0);
}

void
pair_put_away(struct pair *pair, int where)
{
    struct xk_domain domain;
    struct xk_host host;

    open_side(pair, where, &host);
    assert_int_equal(xk_domain_find(&host, "moved", &domain,
                                    xk_deadline_in_ms(LONG_MS), &pair->err),
                     0);
    assert_int_equal(xk_domain_destroy(&host, &domain,
                                       xk_deadline_in_ms(LONG_MS), &pair->err),
                     0);
    xk_domain_close(&domain);
    xk_host_close(&host);
}

/* Lose everything in memory; what is below "lib" is on disk. */
void
pair_lose_power(const struct pair *pair, int side)
{
    static const char *const in_memory[] = {"state/domains", "world"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(in_memory); i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/%s", pair->folders[side], in_memory[i]);

        assert_int_equal(xk_remove_tree(AT_FDCWD, path, NULL), 0);
        mkdir(path, 0700);
    }
}

bool
pair_was_way(int argc, char **argv)
{
    return argc == ARG_COUNT && strcmp(argv[ARG_ROLE], "way") == 0 &&
           be_way(argv) == 0;
}

bool
pair_fault_happened(const struct pair *pair, const struct fault *fault,
                    int status)
{
    return fault->source_death != NO_DEATH ? status == 9
                                           : access(pair->once, F_OK) == 0;
}
