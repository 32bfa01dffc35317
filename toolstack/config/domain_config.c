/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/util.h"
#include "toolstack/config/domain_config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/file.h"
#include "base/mem.h"
#include "toolstack/config/cfg_file.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/resolve.h"
#include "toolstack/config/value.h"
#include "toolstack/config/vif_syntax.h"

enum {
    FILE_MAX = 16 * 1024 * 1024, /* bytes */
    SUGGESTIONS_MAX = 64,        /* of unknown keys in one file */
    PIPE_MS = 10000,
    PIPE_CHUNK = 64 * 1024,
};

static const char command_line[] = "command line";

/* Copy a string; the copy lives as long as the configuration. */
static const char *
keep(struct xk_domain_config *config, const char *text)
{
    XK_GROW(config->strings, config->string_count);
    config->strings[config->string_count] = xk_strdup(text);
    return config->strings[config->string_count++];
}

static void
warn_unknown(const struct xk_cfg_setting *setting, bool suggest,
             struct xk_problems *problems)
{
    const char *known = suggest ? xk_key_suggest(setting->name) : NULL;

    if (known != NULL)
        xk_problem_add(problems, XK_PROBLEM_WARNING, &setting->where,
                       "unknown key '%.64s'; did you mean '%s'?", setting->name,
                       known);
    else
        xk_problem_add(problems, XK_PROBLEM_WARNING, &setting->where,
                       "unknown key '%.64s'", setting->name);
}

/* If a file sets a name twice, the last setting counts; xl does not say so. An
 * override is meant to replace a setting of the file, so it is not reported. */
static void
warn_replaced(const struct xk_cfg_setting *setting,
              const struct xk_cfg_setting *last, struct xk_problems *problems)
{
    if (setting->where.file == last->where.file &&
        setting->where.file != command_line)
        xk_problem_add(problems, XK_PROBLEM_WARNING, &setting->where,
                       "'%.64s' is set again on line %u, and that value counts",
                       setting->name, last->where.line);
}

static void
read_settings(struct xk_domain_config *config, const struct xk_cfg_file *file,
              struct xk_problems *problems)
{
    unsigned unknown = 0;

    for (size_t i = 0; i < file->count; i++) {
        const struct xk_cfg_setting *setting = &file->settings[i];
        const struct xk_cfg_setting *last =
            xk_cfg_file_find(file, setting->name);
        enum xk_key key = xk_key_find(setting->name);

        if (setting != last)
            warn_replaced(setting, last, problems);
        else if (key == XK_KEY_COUNT)
            warn_unknown(setting, unknown++ < SUGGESTIONS_MAX, problems);
        else
            xk_value_read(&config->values[key], key, setting, problems);
    }
}

struct xk_domain_config *
xk_config_parse(const char *name, const char *text, size_t length,
                const char *const *overrides, size_t override_count,
                struct xk_problems *problems, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        XK_NEW(struct xk_domain_config);
    struct xk_cfg_file file = {0};
    size_t errors_before = problems->errors;
    bool readable;

    config->source = xk_strdup(name);
    xk_cfg_file_parse(&file, keep(config, name), 1, text, length, problems);
    for (size_t i = 0; i < override_count; i++)
        xk_cfg_file_parse(&file, command_line, (unsigned)i + 1, overrides[i],
                          strlen(overrides[i]), problems);
    readable = problems->errors == errors_before;
    read_settings(config, &file, problems);
    xk_resolve_devices(config, &file, problems);
    /* If part of the file could not be parsed, a missing key may be in that
     * part. */
    if (readable) {
        xk_resolve_domain(config, problems);
        xk_resolve_check(config, problems);
    }
    xk_cfg_file_free(&file);
    if (problems->errors == errors_before)
        return XK_TAKE(config);
    xk_problems_fail(problems, err);
    return NULL;
}

/* Read a pipe, such as a shell's <(...), with a deadline for its writer. */
static int
read_pipe(int fd, struct xk_buf *text, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(PIPE_MS);
    ssize_t got;

    do {
        if (xk_deadline_poll(deadline, fd, POLLIN, "the pipe", err) == -1)
            return -1;
        got = read(fd, xk_buf_reserve(text, PIPE_CHUNK), PIPE_CHUNK);
        if (got == -1 && errno != EAGAIN && errno != EINTR)
            return xk_fail_errno(err, "cannot be read");
        if (got > 0)
            text->length += (size_t)got;
        if (text->length > FILE_MAX)
            return xk_fail(err, XK_ERR_CONFIG, "is longer than %d bytes",
                           FILE_MAX);
    } while (got != 0);
    return 0;
}

/* Read the whole file. Returns -1 if it cannot be read. */
static int
read_source(const char *path, struct xk_buf *text, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (strcmp(path, "-") == 0)
        return xk_read_fd(STDIN_FILENO, "standard input", FILE_MAX, text, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd == -1 || fstat(fd, &st) == -1)
        return xk_fail_errno(err, "cannot be read");
    if (S_ISDIR(st.st_mode))
        return xk_fail(err, XK_ERR_CONFIG, "is a directory");
    if (S_ISFIFO(st.st_mode))
        return read_pipe(fd, text, err);
    return xk_read_fd(fd, path, FILE_MAX, text, err);
}

/* Set the source to "" if it is not a file that could be read again. */
static int
set_source(struct xk_domain_config *config, const char *path,
           struct xk_error *err)
{
    bool file = strcmp(path, "-") != 0 && strcmp(path, "/dev/null") != 0;

    free(config->source);
    config->source = xk_strdup(file ? path : "");
    return xk_make_absolute(&config->source, err);
}

/* Keys whose value is the path of a file. */
static const enum xk_key path_keys[] = {
    XK_KEY_KERNEL,
    XK_KEY_RAMDISK,
    XK_KEY_BIOS_PATH_OVERRIDE,
    XK_KEY_DEVICE_MODEL_OVERRIDE,
};

/* The domain may be started again later from another directory. */
static int
resolve_paths(struct xk_domain_config *config, struct xk_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < XK_ARRAY_SIZE(path_keys); i++)
        r = xk_make_absolute(&config->values[path_keys[i]].text, err);
    for (size_t i = 0; r == 0 && i < config->disk_count; i++)
        r = xk_disk_resolve(&config->disks[i], err);
    return r;
}

struct xk_domain_config *
xk_config_read(const char *path, const char *const *overrides,
               size_t override_count, struct xk_problems *problems,
               struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    struct xk_location where = {.file = name};
    struct xk_domain_config *config;
    struct xk_error why;

    if (read_source(path, &text, &why) == -1) {
        xk_problem_add(problems, XK_PROBLEM_ERROR, &where, "%s", why.message);
        xk_fail(err, XK_ERR_CONFIG, "%s: %s", name, why.message);
        return NULL;
    }
    config = xk_config_parse(name, text.data, text.length, overrides,
                             override_count, problems, err);
    if (config != NULL && (set_source(config, path, err) == -1 ||
                           resolve_paths(config, err) == -1)) {
        xk_config_free(config);
        return NULL;
    }
    return config;
}

void
xk_config_free(struct xk_domain_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->disk_count; i++)
        xk_disk_free(&config->disks[i]);
    for (size_t i = 0; i < config->vif_count; i++)
        xk_vif_free(&config->vifs[i]);
    for (size_t i = 0; i < XK_KEY_COUNT; i++)
        xk_value_free(&config->values[i]);
    for (size_t i = 0; i < config->string_count; i++)
        free(config->strings[i]);
    free(config->strings);
    free(config->disks);
    free(config->vifs);
    free(config->name);
    free(config->source);
    free(config);
}

void
xk_config_cleanup(struct xk_domain_config **config)
{
    xk_config_free(*config);
    *config = NULL;
}

const char *
xk_config_string(const struct xk_domain_config *config, enum xk_key key)
{
    return config->values[key].text;
}

int64_t
xk_config_integer(const struct xk_domain_config *config, enum xk_key key,
                  int64_t otherwise)
{
    return config->values[key].set ? config->values[key].integer : otherwise;
}

bool
xk_config_bool(const struct xk_domain_config *config, enum xk_key key,
               bool otherwise)
{
    return config->values[key].set ? config->values[key].integer != 0
                                   : otherwise;
}

bool
xk_config_is_set(const struct xk_domain_config *config, enum xk_key key)
{
    return config->values[key].set;
}
