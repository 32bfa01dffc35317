/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations while the file system that has the records is full, or nearly. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "tests/fakes/small_disk.h"
#include "tests/unit/toolstack/core_world.h"
#include "toolstack/domain.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/record_config.h"
#include "toolstack/rename.h"

enum {
    DISK_BYTES = 512 << 10,
    PAGE_BYTES = 4096,
    LOCKS = 2000,
};

struct hungry {
    int fd;
    atomic_bool ended;
};

static int
setup(void **context)
{
    char *scratch = scratch_new();

    small_disk_mount(getenv("XK_STATE_DIR"), DISK_BYTES);
    return core_setup_in(scratch, context);
}

static int
teardown(void **context)
{
    struct core_world *f = *context;

    xk_host_close(&f->host);
    small_disk_unmount(getenv("XK_STATE_DIR"));
    return core_teardown(context);
}

static void
fill(struct core_world *f, size_t left)
{
    small_disk_fill(f->host.state.run_path, left);
}

/* There is space again, and the next verb comes. */
static void
make_room(struct core_world *f)
{
    small_disk_empty(f->host.state.run_path);
    core_reopen(f);
}

static enum xk_domain_state
state_of(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "a");
    struct xk_domain_info info;

    assert_int_equal(
        xk_domain_get(&f->host, &domain, &info, core_soon(), &f->err), 0);
    xk_domain_info_free(&info);
    xk_domain_close(&domain);
    return info.state;
}

/* As after hundreds of renames or reboots. */
static void
make_journal_long(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "a");
    struct stat st;

    do {
        xk_journal_append(domain.record, XK_JOURNAL_NOTE, "note", NULL, NULL);
        assert_int_equal(fstatat(domain.record->dir_fd, "journal", &st, 0), 0);
    } while (st.st_size <= 65 << 10);
    xk_journal_append(domain.record, XK_JOURNAL_BEGIN, XK_OP_DESTROY, NULL,
                      NULL);
    xk_journal_append(domain.record, XK_JOURNAL_END, XK_OP_DESTROY, NULL, NULL);
    xk_domain_close(&domain);
}

static void
a_verb_that_finds_no_room_leaves_its_domain_as_it_is(void **context)
{
    struct core_world *f = *context;

    for (int is_long = 0; is_long < 2; is_long++) {
        for (size_t left = 0; left < 8; left++) {
            char uuid[XK_UUID_TEXT_SIZE];
            struct xk_domain domain;

            assert_int_equal(core_create(f, "a", ""), 0);
            if (is_long)
                make_journal_long(f);
            domain = core_find(f, "a");
            xk_uuid_format(&domain.uuid, uuid);
            fill(f, left * PAGE_BYTES);
            xk_domain_rename(&f->host, &domain, "b", core_soon(), &f->err);
            xk_domain_close(&domain);
            make_room(f);
            assert_int_equal(xk_fake_count(f->host.preferred), 1);
            assert_int_equal(core_destroy(f, uuid), 0);
        }
    }
}

static void
a_guest_that_reboots_without_room_goes_on_once_there_is_some(void **context)
{
    struct core_world *f = *context;

    for (int is_long = 0; is_long < 2; is_long++) {
        for (size_t left = 0; left < 8; left++) {
            assert_int_equal(core_create(f, "a", ""), 0);
            if (is_long)
                make_journal_long(f);
            core_stop(f, "a", XK_STOP_REBOOT);
            fill(f, left * PAGE_BYTES);
            core_apply(f, "a");
            make_room(f);
            assert_int_equal(core_apply(f, "a"), 0);
            assert_int_equal(state_of(f), XK_STATE_RUNNING);
            assert_int_equal(core_destroy(f, "a"), 0);
        }
    }
}

static void
a_domain_is_destroyed_without_room(void **context)
{
    struct core_world *f = *context;

    for (int is_long = 0; is_long < 2; is_long++) {
        assert_int_equal(core_create(f, "a", ""), 0);
        if (is_long)
            make_journal_long(f);
        fill(f, 0);
        assert_int_equal(core_destroy(f, "a"), 0);
        assert_int_equal(xk_fake_count(f->host.preferred), 0);
        make_room(f);
        assert_int_equal(scratch_count(f->host.state.run_path, "domains"), 0);
    }
}

/* Who is killed over it has said that it was begun. */
static void
a_policy_is_carried_out_without_room(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", ""), 0);
    core_stop(f, "a", XK_STOP_POWEROFF);
    fill(f, 0);
    assert_int_equal(core_apply(f, "a"), 0);
    assert_int_equal(xk_fake_count(f->host.preferred), 0);
    make_room(f);
}

static void
a_create_without_room_leaves_nothing(void **context)
{
    struct core_world *f = *context;

    for (size_t left = 0; left < 8; left++) {
        int r;

        fill(f, left * PAGE_BYTES);
        r = core_create(f, "a", "");
        small_disk_empty(f->host.state.run_path);
        assert_int_equal(xk_fake_count(f->host.preferred), r == 0);
        assert_int_equal(scratch_count(f->host.state.run_path, "domains"),
                         r == 0);
        if (r == 0)
            assert_int_equal(core_destroy(f, "a"), 0);
    }
}

static void
a_rename_restart_without_room_loses_nobody(void **context)
{
    struct core_world *f = *context;

    for (size_t left = 0; left < 12; left++) {
        struct xk_domain_list list;

        assert_int_equal(core_create(f, "a", "on_reboot = 'rename-restart'"),
                         0);
        core_stop(f, "a", XK_STOP_REBOOT);
        fill(f, left * PAGE_BYTES);
        core_apply(f, "a");
        make_room(f);
        assert_int_equal(xk_domain_list(&f->host, &list, core_soon(), &f->err),
                         0);
        assert_in_range(list.count, 1, 2);
        for (size_t i = 0; i < list.count; i++)
            assert_int_equal(core_destroy(f, list.items[i].name), 0);
        xk_domain_list_free(&list);
        assert_int_equal(xk_fake_count(f->host.preferred), 0);
    }
}

static int
attach(struct core_world *f, const char *image)
{
    XK_CLEANUP_FREE char *spec =
        xk_asprintf("format=raw,vdev=xvdb,target=%s", image);
    struct xk_domain domain = core_find(f, "a");
    int r =
        xk_domain_attach_disk(&f->host, &domain, spec, core_soon(), &f->err);

    xk_domain_close(&domain);
    return r;
}

/* Returns whether the domain has the disk; its record says the same. */
static bool
has_disk(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "a");
    XK_CLEANUP_FREE char *given =
        xk_fake_disks(f->host.preferred, &domain.uuid);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain.record, &f->err);

    assert_non_null(config);
    assert_false(xk_journal_is_unfinished(domain.record));
    assert_string_equal(given, config->disk_count == 1 ? "xvdb " : "");
    xk_domain_close(&domain);
    return config->disk_count == 1;
}

static void
an_edit_without_room_is_whole_or_nothing(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE char *image = xk_asprintf("%s/image", f->scratch);

    assert_int_equal(xk_write_file(AT_FDCWD, image, "", 0, false, &f->err), 0);
    for (int fails = 0; fails < 2; fails++) {
        unsigned done = 0;

        for (size_t left = 0; left < 12; left++) {
            int r;

            assert_int_equal(core_create(f, "a", ""), 0);
            *xk_fake_faults(f->host.preferred) =
                (struct xk_fake_faults){.fail_at = (unsigned)fails};
            fill(f, left * PAGE_BYTES);
            r = attach(f, image);
            make_room(f);
            assert_true(fails == 0 || r == -1);
            assert_int_equal(has_disk(f), r == 0);
            done += r == 0;
            assert_int_equal(core_destroy(f, "a"), 0);
        }
        /* There was too little room, and there was enough. */
        assert_true(fails == 1 ? done == 0 : done > 0 && done < 12);
    }
}

static void
who_serves_can_be_named_again_without_room(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/process.json", f->host.state.run_path);
    struct xk_process process = {1, 1}, found;
    struct xk_error err;

    assert_int_equal(xk_process_save(AT_FDCWD, path, &process, &err), 0);
    small_disk_fill(f->host.state.run_path, 0);
    process = (struct xk_process){INT32_MAX, INT64_MAX};
    if (xk_process_save(AT_FDCWD, path, &process, &err) == -1)
        fail_msg("%s", err.message);
    assert_int_equal(xk_process_load(AT_FDCWD, path, &found, &err), 0);
    assert_int_equal(found.pid, process.pid);
    assert_true(found.start_ticks == process.start_ticks);
    small_disk_empty(f->host.state.run_path);
    assert_int_equal(unlink(path), 0);
}

/* Takes each page that somebody lets go of. */
static void *
take_every_page(void *context)
{
    struct hungry *hungry = context;
    char page[PAGE_BYTES] = "";

    while (!atomic_load(&hungry->ended))
        (void)!write(hungry->fd, page, sizeof(page));
    return NULL;
}

/* Who waits for a domain, or is to call off a move, goes by it. */
static void
who_holds_a_domain_is_named_without_room(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/.hungry", f->host.state.run_path);
    struct hungry hungry = {
        .fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    unsigned named = 0;
    struct xk_process holder;
    struct xk_domain domain;
    pthread_t thread;

    assert_int_equal(core_create(f, "a", ""), 0);
    domain = core_find(f, "a");
    fill(f, 0);
    assert_int_equal(pthread_create(&thread, NULL, take_every_page, &hungry),
                     0);
    for (int i = 0; i < LOCKS; i++) {
        const char *verb = i % 2 == 0 ? "u" : "a-much-longer-verb";

        assert_int_equal(
            xk_record_lock(domain.record, verb, core_soon(), &f->err), 0);
        named += xk_record_holder(domain.record, verb, &holder) &&
                 holder.pid == getpid();
        xk_record_unlock(domain.record);
    }
    atomic_store(&hungry.ended, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(hungry.fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(named, LOCKS);
    make_room(f);
    xk_domain_close(&domain);
    assert_int_equal(core_destroy(f, "a"), 0);
}

static void
an_operation_that_no_journal_names_is_not_called_a_create(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    domain = core_find(f, "a");
    assert_int_equal(unlinkat(domain.record->dir_fd, "journal", 0), 0);
    fill(f, 0);
    assert_int_equal(xk_domain_pause(&f->host, &domain, core_soon(), &f->err),
                     -1);
    assert_int_equal(f->err.kind, XK_ERR_BUSY);
    if (strstr(f->err.message, "create") != NULL ||
        strstr(f->err.message, "that its journal does not name") == NULL ||
        strstr(f->err.message, "xk destroy a") == NULL)
        fail_msg("%s", f->err.message);
    make_room(f);
    xk_domain_close(&domain);
    assert_int_equal(core_destroy(f, "a"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_verb_that_finds_no_room_leaves_its_domain_as_it_is),
        T(a_guest_that_reboots_without_room_goes_on_once_there_is_some),
        T(a_domain_is_destroyed_without_room),
        T(a_policy_is_carried_out_without_room),
        T(a_create_without_room_leaves_nothing),
        T(a_rename_restart_without_room_loses_nobody),
        T(an_edit_without_room_is_whole_or_nothing),
        T(who_serves_can_be_named_again_without_room),
        T(who_holds_a_domain_is_named_without_room),
        T(an_operation_that_no_journal_names_is_not_called_a_create),
    };

    if (!small_disk_can_mount())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
