/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/core_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"
#include "toolstack/create.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/list.h"
#include "toolstack/policy.h"

struct xk_deadline
core_soon(void)
{
    return xk_deadline_in_ms(2000);
}

int
core_open_host(struct core_world *f)
{
    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    return xk_host_adopt(&f->host, xk_fake_open(&f->host.state, f->world),
                         "test", core_soon(), &f->err);
}

int
core_setup_in(char *scratch, void **context)
{
    struct core_world *f = XK_NEW(struct core_world);

    f->scratch = scratch;
    f->world = xk_asprintf("%s/world", f->scratch);
    mkdir(f->world, 0700);
    *context = f;
    return core_open_host(f);
}

int
core_setup(void **context)
{
    return core_setup_in(scratch_new(), context);
}

int
core_teardown(void **context)
{
    struct core_world *f = *context;

    xk_host_close(&f->host);
    free(f->world);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

/* As the next verb does. */
void
core_reopen(struct core_world *f)
{
    xk_host_close(&f->host);
    assert_int_equal(core_open_host(f), 0);
}

struct xk_domain_config *
core_config_of(const char *name, const char *more)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = '%s'\ntype = 'hvm'\nmemory = 64\n%s\n", name, more);
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
core_create(struct core_world *f, const char *name, const char *more)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        core_config_of(name, more);
    struct xk_domain domain;

    if (xk_domain_create(&f->host, config, false, &domain, core_soon(),
                         &f->err) == -1)
        return -1;
    xk_domain_close(&domain);
    return 0;
}

struct xk_domain
core_find(struct core_world *f, const char *name)
{
    struct xk_domain domain;

    if (xk_domain_find(&f->host, name, &domain, core_soon(), &f->err) == -1)
        fail_msg("%s", f->err.message);
    return domain;
}

void
core_assert_state(struct core_world *f, const char *name,
                  enum xk_domain_state state)
{
    struct xk_domain domain = core_find(f, name);
    struct xk_domain_info info;

    assert_int_equal(
        xk_domain_get(&f->host, &domain, &info, core_soon(), &f->err), 0);
    assert_int_equal(info.state, state);
    xk_domain_info_free(&info);
    xk_domain_close(&domain);
}

void
core_assert_nothing_left(struct core_world *f)
{
    assert_int_equal(xk_fake_count(f->host.preferred), 0);
    assert_int_equal(scratch_count(f->host.state.run_path, "domains"), 0);
}

int
core_destroy(struct core_world *f, const char *name)
{
    struct xk_domain domain;
    int r;

    if (xk_domain_find(&f->host, name, &domain, core_soon(), &f->err) == -1)
        return -1;
    r = xk_domain_destroy(&f->host, &domain, core_soon(), &f->err);
    xk_domain_close(&domain);
    return r;
}

int
core_apply(struct core_world *f, const char *name)
{
    struct xk_domain domain;
    int r;

    if (xk_domain_find(&f->host, name, &domain, core_soon(), &f->err) == -1)
        return -1;
    r = xk_domain_apply_policy(&f->host, &domain, core_soon(), &f->err);
    xk_domain_close(&domain);
    return r;
}

void
core_stop(struct core_world *f, const char *name, enum xk_stop_reason reason)
{
    struct xk_domain domain = core_find(f, name);

    xk_fake_stop(f->host.preferred, &domain.uuid, reason);
    xk_domain_close(&domain);
}
