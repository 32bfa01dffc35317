/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/resolve.h"
#include "toolstack/config/vnuma.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"

enum {
    MEMORY_DEFAULT_MIB = 32 /* libxl's */
};

/* Returns the position of a key's value. */
static const struct xk_location *
position(const struct xk_domain_config *config, enum xk_key key)
{
    return &config->values[key].where;
}

/* Returns the whole_file file, for errors without a position. */
static struct xk_location
whole_file(const struct xk_domain_config *config)
{
    return (struct xk_location){.file = config->strings[0]};
}

static void
resolve_name(struct xk_domain_config *config, struct xk_problems *problems)
{
    const char *name = xk_config_string(config, XK_KEY_NAME);
    struct xk_location file = whole_file(config);
    struct xk_error err;

    config->name = xk_strdup(name != NULL ? name : "");
    if (name == NULL && position(config, XK_KEY_NAME)->file == NULL)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &file,
                       "the domain has no name; write name = \"...\"");
    else if (name != NULL && xk_domain_name_check(name, &err) == -1)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_NAME), "%s", err.message);
}

static void
resolve_uuid(struct xk_domain_config *config, struct xk_problems *problems)
{
    static const struct xk_uuid nil;
    const char *text = xk_config_string(config, XK_KEY_UUID);

    config->uuid_given = text != NULL;
    if (text == NULL) {
        xk_uuid_random(&config->uuid);
        return;
    }
    if (!xk_uuid_parse(text, &config->uuid))
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_UUID),
                       "uuid: '%.64s' is not a UUID", text);
    else if (xk_uuid_equal(&config->uuid, &nil))
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_UUID),
                       "uuid: the all-zero UUID belongs to dom0");
}

static void
resolve_type(struct xk_domain_config *config, struct xk_problems *problems)
{
    const char *type = xk_config_string(config, XK_KEY_TYPE);
    const char *builder = xk_config_string(config, XK_KEY_BUILDER);
    const char *from_builder = NULL;

    if (builder != NULL)
        from_builder = strcmp(builder, "hvm") == 0 ? "hvm" : "pv";
    if (type != NULL && from_builder != NULL && strcmp(type, from_builder) != 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_BUILDER),
                       "builder and type contradict each other");
    if (type == NULL)
        type = from_builder;
    for (int i = 0; type != NULL && i < XK_TYPE_COUNT; i++) {
        if (strcmp(type, xk_domain_type_name((enum xk_domain_type)i)) == 0)
            config->type = (enum xk_domain_type)i;
    }
}

static void
resolve_memory(struct xk_domain_config *config, struct xk_problems *problems)
{
    int64_t memory = xk_config_integer(config, XK_KEY_MEMORY, 0);
    int64_t maxmem = xk_config_integer(config, XK_KEY_MAXMEM, 0);
    struct xk_location file = whole_file(config);

    if (memory > 0 && maxmem > 0 && maxmem < memory)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_MAXMEM),
                       "maxmem: %" PRId64 " MiB is less than memory, %" PRId64,
                       maxmem, memory);
    /* A vNUMA layout contains the sizes. */
    if (memory == 0 && maxmem == 0 &&
        position(config, XK_KEY_MEMORY)->file == NULL &&
        !xk_config_is_set(config, XK_KEY_VNUMA))
        xk_problem_add(
            problems, XK_PROBLEM_WARNING, &file,
            "memory is not given; the domain gets %d MiB, as with xl",
            MEMORY_DEFAULT_MIB);
    if (memory == 0)
        memory = maxmem > 0 ? maxmem : MEMORY_DEFAULT_MIB;
    config->memory_mib = (uint64_t)memory;
    config->maxmem_mib = (uint64_t)(maxmem > memory ? maxmem : memory);
}

static void
resolve_vcpus(struct xk_domain_config *config, struct xk_problems *problems)
{
    int64_t vcpus = xk_config_integer(config, XK_KEY_VCPUS, 1);
    int64_t maxvcpus = xk_config_integer(config, XK_KEY_MAXVCPUS, vcpus);

    if (maxvcpus < vcpus)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_MAXVCPUS),
                       "maxvcpus: %" PRId64 " is less than vcpus, %" PRId64,
                       maxvcpus, vcpus);
    config->vcpus = (unsigned)vcpus;
    config->maxvcpus = (unsigned)(maxvcpus > vcpus ? maxvcpus : vcpus);
}

static void
resolve_actions(struct xk_domain_config *config)
{
    static const struct {
        enum xk_stop_reason reason;
        enum xk_key key;
        enum xk_action otherwise;
    } policies[] = {
        {XK_STOP_POWEROFF, XK_KEY_ON_POWEROFF, XK_ACTION_DESTROY},
        {XK_STOP_REBOOT, XK_KEY_ON_REBOOT, XK_ACTION_RESTART},
        {XK_STOP_CRASH, XK_KEY_ON_CRASH, XK_ACTION_DESTROY},
        {XK_STOP_WATCHDOG, XK_KEY_ON_WATCHDOG, XK_ACTION_DESTROY},
        {XK_STOP_SOFT_RESET, XK_KEY_ON_SOFT_RESET, XK_ACTION_SOFT_RESET},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(policies); i++) {
        const char *word = xk_config_string(config, policies[i].key);
        enum xk_action *action = &config->on[policies[i].reason];

        *action = policies[i].otherwise;
        for (int k = 0; word != NULL && k < XK_ACTION_COUNT; k++) {
            if (strcmp(word, xk_action_name((enum xk_action)k)) == 0)
                *action = (enum xk_action)k;
        }
    }
}

void
xk_resolve_domain(struct xk_domain_config *config, struct xk_problems *problems)
{
    resolve_name(config, problems);
    resolve_uuid(config, problems);
    resolve_type(config, problems);
    resolve_memory(config, problems);
    resolve_vcpus(config, problems);
    xk_vnuma_resolve(config, problems);
    resolve_actions(config);
}
