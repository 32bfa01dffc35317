/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/drivers_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"
#include "toolstack/create.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/migration/restore.h"
#include "toolstack/migration/save.h"
#include "toolstack/monitor_start.h"
#include "toolstack/policy.h"

const char *const driver_names[DRIVERS] = {"alpha", "beta", "gamma"};
static struct xk_hypervisor_ops tables[DRIVERS];
char *driver_worlds[DRIVERS];
unsigned drivers_opened[DRIVERS];

const struct xk_hypervisor_ops *const xk_drivers[] = {
    &tables[ALPHA], &tables[BETA], &tables[GAMMA], NULL};

const struct xk_hypervisor_ops *
xk_driver_find(const char *name, struct xk_error *err)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        if (strcmp(name != NULL ? name : "alpha", driver_names[i]) == 0)
            return tables[i].probe(err) == -1 ? NULL : &tables[i];
    }
    xk_fail(err, XK_ERR_USAGE, "no hypervisor is called \"%s\"", name);
    return NULL;
}

static struct xk_hypervisor *
open_driver(const struct xk_state *state, int number)
{
    struct xk_hypervisor *hv = xk_fake_open(state, driver_worlds[number]);

    hv->ops = &tables[number];
    drivers_opened[number]++;
    return hv;
}

static struct xk_hypervisor *
open_alpha(const struct xk_state *state, struct xk_error *err)
{
    (void)err;
    return open_driver(state, ALPHA);
}

static struct xk_hypervisor *
open_beta(const struct xk_state *state, struct xk_error *err)
{
    (void)err;
    return open_driver(state, BETA);
}

static int
probe_gamma(struct xk_error *err)
{
    return xk_fail(err, XK_ERR_HOST, "this host has no gamma");
}

static bool
beta_owns(const struct xk_record *record)
{
    return faccessat(record->dir_fd, "beta.claim", F_OK, 0) == 0;
}

/* ---- the fixture ---- */

struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(5000);
}

/* Without a monitor: workers never start one. */
int
open_host(struct fixture *f, const char *wanted)
{
    return xk_host_open(&f->host, wanted, XK_VERB_WORKER, soon(), &f->err);
}

static void
log_to_file(struct fixture *f)
{
    int fd = open(f->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    f->saved_stderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->log = xk_asprintf("%s/log", f->scratch);
    for (size_t i = 0; i < DRIVERS; i++) {
        driver_worlds[i] = xk_asprintf("%s/%s", f->scratch, driver_names[i]);
        mkdir(driver_worlds[i], 0700);
        drivers_opened[i] = 0;
        tables[i] = xk_fake_ops;
        tables[i].name = driver_names[i];
        tables[i].has_strangers = false;
    }
    tables[ALPHA].has_strangers = true;
    tables[ALPHA].open = open_alpha;
    tables[BETA].open = open_beta;
    tables[BETA].owns = beta_owns;
    tables[GAMMA].probe = probe_gamma;
    log_to_file(f);
    *context = f;
    return open_host(f, NULL);
}

int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_host_close(&f->host);
    dup2(f->saved_stderr, STDERR_FILENO);
    close(f->saved_stderr);
    for (size_t i = 0; i < DRIVERS; i++)
        free(XK_TAKE(driver_worlds[i]));
    free(f->log);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

/* As the next verb does, under that --hypervisor. */
void
reopen(struct fixture *f, const char *wanted)
{
    xk_host_close(&f->host);
    if (open_host(f, wanted) == -1)
        fail_msg("%s", f->err.message);
}

unsigned
times_told(const struct fixture *f, const char *text)
{
    XK_CLEANUP_BUF struct xk_buf log = {0};
    unsigned count = 0;

    assert_int_equal(xk_read_file(AT_FDCWD, f->log, 1 << 20, &log, NULL), 0);
    xk_buf_puts(&log, "");
    for (const char *at = log.data; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

/* ---- domains ---- */

static struct xk_domain_config *
config_of(const char *name, const char *uuid)
{
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "name = '%s'\ntype = 'hvm'\nmemory = 64\non_poweroff = 'destroy'\n"
        "%s%s%s\n",
        name, uuid != NULL ? "uuid = '" : "", uuid != NULL ? uuid : "",
        uuid != NULL ? "'" : "");
    struct xk_problems problems = {0};
    struct xk_error err = {0};
    struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &err);

    if (config == NULL)
        fail_msg("%s", err.message);
    xk_problems_free(&problems);
    return config;
}

int
try_create(struct fixture *f, const char *driver, const char *name,
           const char *uuid)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = config_of(name, uuid);
    struct xk_domain domain;

    reopen(f, driver);
    if (xk_domain_create(&f->host, config, false, &domain, soon(), &f->err) ==
        -1)
        return -1;
    xk_domain_close(&domain);
    return 0;
}

void
create(struct fixture *f, const char *driver, const char *name)
{
    if (try_create(f, driver, name, NULL) == -1)
        fail_msg("%s", f->err.message);
}

/* One that another toolstack made, of that UUID. */
void
make_stranger(int driver, const char *uuid, const char *name)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("%d 0 %s\n", XK_STATE_RUNNING, name);
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/%s", driver_worlds[driver], uuid);

    if (xk_write_file(AT_FDCWD, path, text, strlen(text), false, NULL) == -1)
        abort();
}

struct xk_domain
find(struct fixture *f, const char *name)
{
    struct xk_domain domain;

    if (xk_domain_find(&f->host, name, &domain, soon(), &f->err) == -1)
        fail_msg("%s", f->err.message);
    return domain;
}

enum xk_error_kind
find_fails(struct fixture *f, const char *name)
{
    struct xk_domain domain;

    assert_int_equal(xk_domain_find(&f->host, name, &domain, soon(), &f->err),
                     -1);
    return f->err.kind;
}

void
assert_state(struct fixture *f, const char *name, const char *driver,
             enum xk_domain_state state)
{
    struct xk_domain domain = find(f, name);
    struct xk_domain_info info;

    if (xk_domain_get(&f->host, &domain, &info, soon(), &f->err) == -1)
        fail_msg("%s", f->err.message);
    assert_string_equal(info.hypervisor, driver);
    assert_string_equal(domain.hv->ops->name, driver);
    assert_int_equal(info.state, state);
    xk_domain_info_free(&info);
    xk_domain_close(&domain);
}

char *
uuid_of(struct fixture *f, const char *name)
{
    struct xk_domain domain = find(f, name);
    char *text = xk_strdup(domain.record->uuid_text);

    xk_domain_close(&domain);
    return text;
}

char *
path_in_record(struct fixture *f, const char *uuid, const char *file)
{
    return xk_asprintf("%s/domains/%s/%s", f->host.state.run_path, uuid, file);
}

/* Its record becomes one of another driver, or (NULL) of none. */
void
give_record_to(struct fixture *f, const char *uuid, const char *driver)
{
    XK_CLEANUP_FREE char *path = path_in_record(f, uuid, XK_RECORD_DRIVER);

    assert_int_equal(unlink(path), 0);
    if (driver != NULL && xk_write_file(AT_FDCWD, path, driver, strlen(driver),
                                        false, NULL) == -1)
        abort();
}

void
begin(struct fixture *f, const char *uuid, const char *operation)
{
    struct xk_uuid parsed;
    XK_CLEANUP_RECORD struct xk_record *record = NULL;

    assert_true(xk_uuid_parse(uuid, &parsed));
    record = xk_record_open(&f->host.state, &parsed, NULL);
    assert_non_null(record);
    assert_int_equal(
        xk_journal_append(record, XK_JOURNAL_BEGIN, operation, NULL, &f->err),
        0);
}

bool
is_recorded(struct fixture *f, const char *uuid)
{
    XK_CLEANUP_FREE char *path = path_in_record(f, uuid, "config.json");

    return access(path, F_OK) == 0;
}

bool
is_in_world(int driver, const char *uuid)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/%s", driver_worlds[driver], uuid);

    return access(path, F_OK) == 0;
}

void
stop(struct fixture *f, const char *name)
{
    struct xk_domain domain = find(f, name);

    xk_fake_stop(domain.hv, &domain.uuid, XK_STOP_POWEROFF);
    xk_domain_close(&domain);
}

int
apply_policy(struct fixture *f, const char *uuid)
{
    struct xk_uuid parsed;
    struct xk_domain domain;
    int r;

    assert_true(xk_uuid_parse(uuid, &parsed));
    if (xk_domain_open(&f->host, &parsed, &domain, &f->err) == -1)
        return -1;
    r = xk_domain_apply_policy(&f->host, &domain, soon(), &f->err);
    xk_domain_close(&domain);
    return r;
}

static char *
saved_path(const struct fixture *f)
{
    return xk_asprintf("%s/saved", f->scratch);
}

void
save(struct fixture *f, const char *name)
{
    const struct xk_save_options options = {.then = XK_SAVE_DESTROY};
    XK_CLEANUP_FREE char *path = saved_path(f);
    struct xk_domain domain = find(f, name);

    if (xk_domain_save(&f->host, &domain, path, &options, NULL, soon(),
                       &f->err) == -1)
        fail_msg("%s", f->err.message);
    xk_domain_close(&domain);
}

int
restore(struct fixture *f)
{
    const struct xk_restore_options options = {0};
    XK_CLEANUP_FREE char *path = saved_path(f);
    struct xk_domain domain;

    if (xk_domain_restore(&f->host, path, &options, &domain, soon(), &f->err) ==
        -1)
        return -1;
    xk_domain_close(&domain);
    return 0;
}
