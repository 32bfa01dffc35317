/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain of a fake hypervisor is saved and restored, with the file changed or
 * truncated anywhere, the disk full at any length, and the save killed
 * anywhere. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "toolstack/create.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/migration/frame.h"
#include "toolstack/migration/restore.h"
#include "toolstack/migration/save.h"

enum {
    LONG_MS = 5000,
    FILE_MAX = 4 << 20,
    CALLS_MAX = 40,
};

struct fixture {
    char *scratch;
    char *world;
    char *file;
    struct xk_host host;
    struct xk_buf saved; /* what is in the file */
    struct xk_error err;
};

/* ---- deaths at entries of the journal ---- */

int __real_xk_journal_append(const struct xk_record *record,
                             enum xk_journal_kind kind, const char *what,
                             const char *detail, struct xk_error *err);
int __wrap_xk_journal_append(const struct xk_record *record,
                             enum xk_journal_kind kind, const char *what,
                             const char *detail, struct xk_error *err);

static unsigned entries, dies_before, dies_after;

/* The wall clock is set at each entry. */
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

int
__wrap_xk_journal_append(const struct xk_record *record,
                         enum xk_journal_kind kind, const char *what,
                         const char *detail, struct xk_error *err)
{
    int r;

    if (++entries == dies_before)
        _exit(9);
    r = __real_xk_journal_append(record, kind, what, detail, err);
    clock_offset_s += clock_step_s;
    if (entries == dies_after)
        _exit(9);
    return r;
}

/* ---- the host ---- */

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(LONG_MS);
}

static int
open_host(struct fixture *f)
{
    f->host = (struct xk_host){0};
    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    return xk_host_adopt(&f->host, xk_fake_open(&f->host.state, f->world),
                         "save", soon(), &f->err);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->world = xk_asprintf("%s/world", f->scratch);
    f->file = xk_asprintf("%s/files/a.save", f->scratch);
    mkdir(f->world, 0700);
    *strrchr(f->file, '/') = '\0';
    mkdir(f->file, 0700);
    f->file[strlen(f->file)] = '/';
    *context = f;
    return open_host(f);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_host_close(&f->host);
    scratch_free(f->scratch);
    xk_buf_free(&f->saved);
    free(f->world);
    free(f->file);
    free(f);
    return 0;
}

static void
create(struct fixture *f)
{
    static const char text[] = "name = 'a'\ntype = 'hvm'\nmemory = 64\n";
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    struct xk_domain domain;

    assert_non_null(config);
    assert_int_equal(
        xk_domain_create(&f->host, config, false, &domain, soon(), &f->err), 0);
    xk_domain_close(&domain);
    xk_problems_free(&problems);
}

static int
save(struct fixture *f, enum xk_save_then then)
{
    const struct xk_save_options options = {.then = then};
    __attribute__((cleanup(xk_domain_close))) struct xk_domain domain = {0};

    if (xk_domain_find(&f->host, "a", &domain, soon(), &f->err) == -1)
        return -1;
    return xk_domain_save(&f->host, &domain, f->file, &options, NULL, soon(),
                          &f->err);
}

static int
restore(struct fixture *f)
{
    const struct xk_restore_options options = {0};
    struct xk_domain domain = {.domid = -1};

    if (xk_domain_restore(&f->host, f->file, &options, &domain, soon(),
                          &f->err) == -1)
        return -1;
    xk_domain_close(&domain);
    return 0;
}

/* XK_STATE_COUNT: there is none. */
static enum xk_domain_state
state_of(struct fixture *f)
{
    __attribute__((cleanup(xk_domain_close))) struct xk_domain domain = {0};
    struct xk_domain_info info;
    enum xk_domain_state state;

    if (xk_domain_find(&f->host, "a", &domain, soon(), &f->err) == -1 ||
        xk_domain_get(&f->host, &domain, &info, soon(), &f->err) == -1)
        return XK_STATE_COUNT;
    state = info.state;
    xk_domain_info_free(&info);
    return state;
}

static void
destroy(struct fixture *f)
{
    __attribute__((cleanup(xk_domain_close))) struct xk_domain domain = {0};

    if (xk_domain_find(&f->host, "a", &domain, soon(), &f->err) == -1)
        return;
    assert_int_equal(xk_domain_destroy(&f->host, &domain, soon(), &f->err), 0);
}

static void
assert_nothing_is_there(struct fixture *f)
{
    assert_int_equal(xk_fake_count(f->host.preferred), 0);
    assert_int_equal(scratch_count(f->host.state.run_path, "domains"), 0);
}

static size_t
files(const struct fixture *f)
{
    return scratch_count(f->scratch, "files");
}

static void
write_text(struct fixture *f, const void *text, size_t length)
{
    assert_int_equal(
        xk_write_file(AT_FDCWD, f->file, text, length, false, &f->err), 0);
}

static void
save_and_read(struct fixture *f)
{
    create(f);
    assert_int_equal(save(f, XK_SAVE_DESTROY), 0);
    assert_nothing_is_there(f);
    assert_int_equal(
        xk_read_file(AT_FDCWD, f->file, FILE_MAX, &f->saved, &f->err), 0);
    assert_true(f->saved.length > XK_FAKE_MEMORY);
}

/* ---- tests ---- */

static void
a_saved_domain_comes_back_with_its_memory(void **context)
{
    struct fixture *f = *context;
    struct stat st;

    save_and_read(f);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(restore(f), 0);
    assert_int_equal(state_of(f), XK_STATE_RUNNING);
    assert_int_equal(restore(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
}

static void
one_that_is_to_go_on_goes_on(void **context)
{
    struct fixture *f = *context;

    create(f);
    assert_int_equal(save(f, XK_SAVE_CONTINUE), 0);
    assert_int_equal(state_of(f), XK_STATE_RUNNING);
    assert_int_equal(save(f, XK_SAVE_PAUSE), 0);
    assert_int_equal(state_of(f), XK_STATE_PAUSED);
    assert_int_equal(files(f), 1);
}

/* The journal could not name the file. */
static void
a_file_whose_name_is_not_utf8_is_refused(void **context)
{
    struct fixture *f = *context;
    char *file = f->file;

    create(f);
    f->file = xk_asprintf("%s\xe9", file);
    assert_int_equal(save(f, XK_SAVE_DESTROY), -1);
    assert_int_equal(f->err.kind, XK_ERR_USAGE);
    assert_int_equal(state_of(f), XK_STATE_RUNNING);
    assert_int_equal(files(f), 0);
    free(f->file);
    f->file = file;
}

static void
refused(struct fixture *f, const char *how, size_t at)
{
    if (restore(f) == 0)
        fail_msg("%s at %zu of %zu is not seen", how, at, f->saved.length);
    if (f->err.message[0] == '\0')
        fail_msg("%s at %zu is refused without a word", how, at);
    assert_nothing_is_there(f);
}

/* Every byte of the first frame's header, then ever larger steps. */
static size_t
next_offset(size_t at, size_t length)
{
    if (at < XK_FRAME_HEADER_SIZE || length - at < 100)
        return at + 1;
    return at < 4000 ? at + 37 : at + 9973;
}

static void
a_file_changed_anywhere_is_refused(void **context)
{
    struct fixture *f = *context;
    size_t length;

    save_and_read(f);
    length = f->saved.length;
    for (size_t at = 0; at < length; at = next_offset(at, length)) {
        f->saved.data[at] ^= 0x10;
        write_text(f, f->saved.data, length);
        f->saved.data[at] ^= 0x10;
        refused(f, "a change", at);
    }
    write_text(f, f->saved.data, length);
    assert_int_equal(restore(f), 0);
}

static void
a_file_cut_anywhere_is_refused(void **context)
{
    struct fixture *f = *context;
    size_t length;

    save_and_read(f);
    length = f->saved.length;
    for (size_t at = 0; at < length; at = next_offset(at, length)) {
        write_text(f, f->saved.data, at);
        refused(f, "a cut", at);
    }
}

#define FOREIGN_UUID "01234567-89ab-cdef-0123-456789abcdef"

static void
write_foreign(struct fixture *f, size_t memory_length)
{
    XK_CLEANUP_FREE unsigned char *memory = xk_calloc(1, XK_FAKE_MEMORY);
    XK_CLEANUP_BUF struct xk_buf file = {0};
    struct xk_uuid uuid;

    xk_uuid_parse(FOREIGN_UUID, &uuid);
    xk_fake_memory(&uuid, memory);
    xk_buf_puts(&file, XK_FAKE_FOREIGN FOREIGN_UUID "\n");
    xk_buf_append(&file, memory, memory_length);
    write_text(f, file.data, file.length);
}

static void
a_file_of_another_toolstack_is_restored(void **context)
{
    struct fixture *f = *context;

    write_foreign(f, XK_FAKE_MEMORY);
    assert_int_equal(restore(f), 0);
    assert_int_equal(state_of(f), XK_STATE_RUNNING);
    assert_int_equal(restore(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    destroy(f);
    write_foreign(f, XK_FAKE_MEMORY - 1);
    refused(f, "a cut", XK_FAKE_MEMORY - 1);
}

/* The domain in the file has another name. */
static void
a_configuration_that_is_given_counts(void **context)
{
    static const char text[] = "name = 'b'\ntype = 'hvm'\nmemory = 64\n"
                               "uuid = '" FOREIGN_UUID "'\n";
    struct fixture *f = *context;
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    const struct xk_restore_options options = {.config = config};
    __attribute__((cleanup(xk_domain_close))) struct xk_domain domain = {0};

    xk_problems_free(&problems);
    assert_non_null(config);
    write_foreign(f, XK_FAKE_MEMORY);
    assert_int_equal(xk_domain_restore(&f->host, f->file, &options, &domain,
                                       soon(), &f->err),
                     0);
    assert_string_equal(domain.name, "b");
}

static void
a_file_that_holds_no_domain_is_refused(void **context)
{
    struct fixture *f = *context;

    write_text(f, "name = 'a'\n", 11);
    refused(f, "a configuration", 0);
    assert_int_equal(f->err.kind, XK_ERR_PROTOCOL);
}

/* In a separate process, because of its limits. */
static bool
saves_with_room(struct fixture *f, size_t room)
{
    const struct rlimit limit = {room, RLIM_INFINITY};
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(save(f, XK_SAVE_DESTROY) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static void
a_disk_that_is_full_leaves_the_domain_and_the_old_file(void **context)
{
    struct fixture *f = *context;
    unsigned cases = 0;

    write_text(f, "old", 3);
    create(f);
    /* A limit below the journal's present size would be another fault. */
    for (size_t room = 4096; room < FILE_MAX; room += room / 3) {
        XK_CLEANUP_BUF struct xk_buf text = {0};

        if (saves_with_room(f, room))
            break;
        cases++;
        xk_host_close(&f->host);
        assert_int_equal(open_host(f), 0);
        assert_int_equal(state_of(f), XK_STATE_RUNNING);
        assert_int_equal(files(f), 1);
        assert_int_equal(
            xk_read_file(AT_FDCWD, f->file, FILE_MAX, &text, &f->err), 0);
        assert_string_equal(text.data, "old");
    }
    assert_in_range(cases, 10, 30);
    xk_host_close(&f->host);
    assert_int_equal(open_host(f), 0);
    assert_int_equal(restore(f), 0);
}

/* Returns whether it was killed. calls: kill at calls of the driver. */
static bool
killed(struct fixture *f, unsigned at, bool after, bool calls)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

        *faults = (struct xk_fake_faults){0};
        entries = 0;
        if (calls)
            *(after ? &faults->killed_after : &faults->killed_at) = at;
        else
            *(after ? &dies_after : &dies_before) = at;
        _exit(save(f, XK_SAVE_DESTROY) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 1);
    return WEXITSTATUS(status) == 9;
}

/* The domain goes on, or its file is complete. */
static void
check_kills(struct fixture *f, bool after, bool calls, unsigned least)
{
    for (unsigned at = 1; at < CALLS_MAX; at++) {
        bool was_killed;

        create(f);
        was_killed = killed(f, at, after, calls);
        xk_host_close(&f->host);
        assert_int_equal(open_host(f), 0);
        if (state_of(f) != XK_STATE_RUNNING) {
            assert_nothing_is_there(f);
            assert_int_equal(files(f), 1);
            assert_int_equal(restore(f), 0);
        }
        assert_in_range(files(f), 0, 1);
        unlink(f->file);
        assert_int_equal(files(f), 0);
        destroy(f);
        if (!was_killed) {
            assert_in_range(at, least, CALLS_MAX);
            return;
        }
    }
    fail_msg("it is killed for ever");
}

/* As if destroy had waited for the save: nobody recovers it. */
static void
a_destroy_after_a_save_that_was_killed_leaves_no_file(void **context)
{
    struct fixture *f = *context;
    size_t left = 0;
    bool was_killed = true;

    for (unsigned at = 1; was_killed; at++) {
        create(f);
        was_killed = killed(f, at, false, true);
        if (access(f->file, F_OK) == -1)
            left += files(f);
        destroy(f);
        unlink(f->file);
        assert_int_equal(files(f), 0);
    }
    assert_in_range(left, 1, CALLS_MAX);
}

static void
a_save_killed_at_any_call_loses_nothing(void **context)
{
    check_kills(*context, false, true, 2);
    check_kills(*context, true, true, 2);
}

static void
a_save_killed_at_any_entry_of_the_journal_loses_nothing(void **context)
{
    check_kills(*context, false, false, 2);
    check_kills(*context, true, false, 2);
}

/* After the file is complete and that is noted, with a timestamp before that of
 * BEGIN. */
static void
a_clock_that_is_set_back_amid_a_save_loses_nothing(void **context)
{
    clock_step_s = -3600;
    check_kills(*context, true, false, 2);
    clock_step_s = 0;
}

/* The temporary file. */
static void
lose_part(struct fixture *f)
{
    XK_CLEANUP_FREE char *folder = xk_strdup(f->file);
    XK_CLEANUP_DIR DIR *dir = NULL;
    struct dirent *entry;
    unsigned lost = 0;

    *strrchr(folder, '/') = '\0';
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');

        if (dot == NULL || strcmp(dot, ".part") != 0)
            continue;
        assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        lost++;
    }
    assert_int_equal(lost, 1);
}

/* One save succeeded, an hour in the future; the next one is killed as soon as
 * it has begun. */
static void
a_file_of_an_earlier_save_is_not_taken_for_that_of_a_killed_one(void **context)
{
    struct fixture *f = *context;

    create(f);
    clock_offset_s = 3600;
    assert_int_equal(save(f, XK_SAVE_CONTINUE), 0);
    clock_offset_s = 0;
    unlink(f->file);
    assert_true(killed(f, 1, true, false));
    xk_host_close(&f->host);
    assert_int_equal(open_host(f), 0);
    assert_int_equal(state_of(f), XK_STATE_RUNNING);
    destroy(f);
}

/* A save of another domain, or an earlier one of this domain. */
static void
a_file_that_took_the_place_of_a_lost_save_is_not_taken_for_it(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *earlier = xk_asprintf("%s.earlier", f->file);

    create(f);
    assert_int_equal(save(f, XK_SAVE_CONTINUE), 0);
    assert_int_equal(rename(f->file, earlier), 0);
    /* Its entries are BEGIN and that the file is complete. */
    assert_true(killed(f, 2, true, false));
    lose_part(f);
    assert_int_equal(rename(earlier, f->file), 0);
    xk_host_close(&f->host);
    assert_int_equal(open_host(f), 0);
    assert_int_equal(state_of(f), XK_STATE_PAUSED);
    unlink(f->file);
    destroy(f);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_saved_domain_comes_back_with_its_memory),
        T(one_that_is_to_go_on_goes_on),
        T(a_file_whose_name_is_not_utf8_is_refused),
        T(a_file_changed_anywhere_is_refused),
        T(a_file_cut_anywhere_is_refused),
        T(a_file_of_another_toolstack_is_restored),
        T(a_configuration_that_is_given_counts),
        T(a_file_that_holds_no_domain_is_refused),
        T(a_disk_that_is_full_leaves_the_domain_and_the_old_file),
        T(a_destroy_after_a_save_that_was_killed_leaves_no_file),
        T(a_save_killed_at_any_call_loses_nothing),
        T(a_save_killed_at_any_entry_of_the_journal_loses_nothing),
        T(a_clock_that_is_set_back_amid_a_save_loses_nothing),
        T(a_file_of_an_earlier_save_is_not_taken_for_that_of_a_killed_one),
        T(a_file_that_took_the_place_of_a_lost_save_is_not_taken_for_it),
    };

    signal(SIGPIPE, SIG_IGN);
    xk_log_set_level(XK_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
