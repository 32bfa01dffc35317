/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/cli/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/parse.h"
#include "cli/report.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/list.h"

/* The fake's table, changed where the verbs need more. */
static struct xk_hypervisor_ops ops;
static struct xk_domain_ops domain_ops;
static char world_path[256];
static enum xk_error_kind fault;
static int domid;
static uint64_t cpu_time_ns;

const struct xk_hypervisor_ops *const xk_drivers[] = {&ops, NULL};

const struct xk_hypervisor_ops *
xk_driver_find(const char *name, struct xk_error *err)
{
    if (name == NULL || strcmp(name, "kvm") == 0)
        return &ops;
    xk_fail(err, XK_ERR_HOST, "this is no Xen dom0");
    return NULL;
}

void
world_fail_with(enum xk_error_kind kind)
{
    fault = kind;
}

void
world_domid(int id, uint64_t ns)
{
    domid = id;
    cpu_time_ns = ns;
}

static int
maybe_fail(struct xk_error *err)
{
    if (fault == XK_ERR_COUNT)
        return 0;
    return xk_fail(err, fault, "injected \"%s\"", xk_error_kind_name(fault));
}

static struct xk_hypervisor *
open_driver(const struct xk_state *state, struct xk_error *err)
{
    struct xk_hypervisor *hv;

    if (maybe_fail(err) == -1)
        return NULL;
    hv = xk_fake_open(state, world_path);
    hv->ops = &ops;
    return hv;
}

static void
dress(struct xk_domain_info *info)
{
    info->domid = domid;
    info->type = XK_TYPE_HVM;
    info->memory_mib = 64;
    info->maxmem_mib = 128;
    info->vcpus = 2;
    info->cpu_time_ns = cpu_time_ns;
}

static int
list(struct xk_hypervisor *hv, struct xk_domain_list *domains,
     struct xk_deadline deadline, struct xk_error *err)
{
    if (maybe_fail(err) == -1 ||
        xk_fake_domain_ops.list(hv, domains, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < domains->count; i++)
        dress(&domains->items[i]);
    return 0;
}

static int
get(struct xk_hypervisor *hv, const struct xk_domain *domain,
    struct xk_domain_info *info, struct xk_deadline deadline,
    struct xk_error *err)
{
    if (maybe_fail(err) == -1 ||
        xk_fake_domain_ops.get(hv, domain, info, deadline, err) == -1)
        return -1;
    dress(info);
    return 0;
}

static int
info(struct xk_hypervisor *hv, struct xk_facts *facts, struct xk_error *err)
{
    (void)hv;
    xk_facts_add(facts, "host", "%s", "there");
    xk_facts_add_number(facts, "nr_cpus", 4);
    return maybe_fail(err);
}

static int
capabilities(struct xk_hypervisor *hv, struct xk_facts *facts,
             struct xk_error *err)
{
    (void)hv;
    xk_facts_add_ability(facts, "vnc", NULL);
    xk_facts_add_ability(facts, "tap", "there is no /dev/net/tun");
    xk_facts_add(facts, "accelerator", "%s", "tcg");
    return maybe_fail(err);
}

static int
describe(struct xk_hypervisor *hv, const struct xk_domain_config *config,
         struct xk_json_writer *writer, struct xk_error *err)
{
    (void)hv;
    (void)err;
    xk_json_put_string(writer, "program", config->name);
    return 0;
}

int
world_setup(void **state)
{
    struct world *world = XK_NEW(struct world);

    *state = world;
    world->scratch = scratch_new();
    snprintf(world_path, sizeof(world_path), "%s/world", world->scratch);
    ops = xk_fake_ops;
    ops.name = "kvm";
    ops.open = open_driver;
    ops.info = info;
    ops.capabilities = capabilities;
    domain_ops = xk_fake_domain_ops;
    domain_ops.list = list;
    domain_ops.get = get;
    domain_ops.describe = describe;
    ops.domain = &domain_ops;
    fault = XK_ERR_COUNT;
    world_domid(-1, 0);
    return mkdir(world_path, 0700);
}

static void
forget(struct world *world)
{
    xk_invocation_free(&world->invocation);
    xk_buf_free(&world->lines);
    xk_json_cleanup(&world->json);
    world->json = NULL;
    memset(&world->err, 0, sizeof(world->err));
}

int
world_teardown(void **state)
{
    struct world *world = *state;

    forget(world);
    scratch_free(world->scratch);
    free(world);
    return 0;
}

/* As xk_host_open() would, but without a monitor. */
static int
adopt(struct world *world)
{
    struct xk_invocation *invocation = &world->invocation;
    struct xk_host *host = &invocation->host;
    struct xk_hypervisor *hv;

    if (invocation->command == NULL || invocation->help)
        return 0;
    if (xk_state_open(&host->state, &world->err) == -1)
        return -1;
    hv = xk_fake_open(&host->state, world_path);
    hv->ops = &ops;
    invocation->host_is_open = true;
    return xk_host_adopt(host, hv, invocation->command->name,
                         invocation->deadline, &world->err);
}

int
world_run(struct world *world, const char *line)
{
    static char text[1024];
    static const char *words[32];
    struct xk_error *err = &world->err;
    char *save = NULL;
    int count = 0;
    int rc;

    forget(world);
    assert_true(strlen(line) < sizeof(text));
    strcpy(text, line);
    for (char *word = strtok_r(text, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        assert_true(count < 32);
        words[count++] = word;
    }
    rc = xk_parse_command_line(&world->invocation, xk_commands, count, words,
                               err);
    if (rc == 0)
        rc = adopt(world);
    if (rc == 0)
        rc = xk_invocation_run(&world->invocation, err);
    xk_report_end(&world->invocation, rc == 0 ? NULL : err, &world->lines);
    xk_buf_puts(&world->invocation.out, "");
    xk_buf_puts(&world->lines, "");
    return rc == 0 ? 0 : xk_error_exit_status(err->kind);
}

const struct xk_json *
world_run_json(struct world *world, const char *line)
{
    struct xk_error err;
    int status = world_run(world, line);
    const struct xk_buf *out = &world->invocation.out;

    if (status != 0)
        fail_msg("\"%s\": %d, %s", line, status, world->err.message);
    world->json = xk_json_parse(out->data, out->length, "the result", &err);
    if (world->json == NULL)
        fail_msg("\"%s\": %s: %s", line, err.message, out->data);
    return world->json;
}

const char *
world_config(struct world *world, const char *name, const char *more)
{
    static char path[512];
    char text[1024];

    snprintf(path, sizeof(path), "%s/%s.cfg", world->scratch, name);
    snprintf(text, sizeof(text),
             "name = '%s'\ntype = 'hvm'\nmemory = 64\nvcpus = 2\n%s\n", name,
             more);
    if (xk_write_file(AT_FDCWD, path, text, strlen(text), false, NULL) == -1)
        abort();
    return path;
}

void
world_stop(struct world *world, const char *name, enum xk_stop_reason reason)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};

    assert_int_equal(world_run(world, "info"), 0);
    assert_int_equal(xk_domain_find(&world->invocation.host, name, &domain,
                                    xk_deadline_never(), &world->err),
                     0);
    xk_fake_stop(world->invocation.host.preferred, &domain.uuid, reason);
}

const char *
world_out(const struct world *world)
{
    return world->invocation.out.data;
}

void
assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

void
assert_member(const struct xk_json *object, const char *key, const char *value)
{
    const char *text = xk_json_string(xk_json_get(object, key));

    assert_non_null(text);
    assert_string_equal(text, value);
}

void
assert_number(const struct xk_json *object, const char *key, int64_t value)
{
    int64_t number;

    assert_true(xk_json_integer(xk_json_get(object, key), &number));
    assert_int_equal(number, value);
}
