/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/edit_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"
#include "toolstack/create.h"
#include "toolstack/find.h"

struct xk_deadline
edit_soon(void)
{
    return xk_deadline_in_ms(2000);
}

static int
open_host(struct fixture *f)
{
    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    return xk_host_adopt(&f->host, xk_fake_open(&f->host.state, f->world),
                         "test", edit_soon(), &f->err);
}

int
edit_create(struct fixture *f, const char *name, const char *more)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = '%s'\ntype = 'hvm'\nmemory = 64\n%s", name, more);
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    struct xk_domain domain;

    xk_problems_free(&problems);
    if (config == NULL || xk_domain_create(&f->host, config, false, &domain,
                                           edit_soon(), &f->err) == -1)
        return -1;
    xk_domain_close(&domain);
    return 0;
}

int
edit_setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->world = xk_asprintf("%s/world", f->scratch);
    f->image = xk_asprintf("%s/image", f->scratch);
    mkdir(f->world, 0700);
    *context = f;
    if (open_host(f) == -1 ||
        xk_write_file(AT_FDCWD, f->image, "", 0, false, &f->err) == -1)
        return -1;
    return edit_create(f, "a", "");
}

int
edit_teardown(void **context)
{
    struct fixture *f = *context;

    xk_host_close(&f->host);
    free(f->world);
    free(f->image);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

struct xk_domain
edit_find(struct fixture *f)
{
    struct xk_domain domain;

    if (xk_domain_find(&f->host, "a", &domain, edit_soon(), &f->err) == -1)
        fail_msg("%s", f->err.message);
    return domain;
}

void
edit_kill_amid(struct fixture *f, int (*act)(struct fixture *f), bool after)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

        *(after ? &faults->killed_after : &faults->killed_at) =
            faults->calls + 1;
        _exit(act(f) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 9);
}

void
edit_reopen(struct fixture *f)
{
    xk_host_close(&f->host);
    assert_int_equal(open_host(f), 0);
}
