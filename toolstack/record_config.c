/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/record_config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

enum {
    CONFIG_LIMIT = 4 << 20
};

static const char config_file[] = "config.json";
static const char next_file[] = "next.json";
static const char before_file[] = "before.json";

static struct xk_domain_config *
load(const struct xk_record *record, const char *name, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_domain_config *config;
    struct xk_error why = {0};

    if (xk_read_file(record->dir_fd, name, CONFIG_LIMIT, &text, &why) == -1) {
        /* A record may be removed with its domain at any moment; then the
         * domain is not found. A record that is still there but has lost a file
         * is an error: it says nothing about its domain. */
        if (why.errnum == ENOENT && !xk_record_is_there(record))
            xk_fail(err, XK_ERR_NOT_FOUND, "there is no domain %s any more",
                    record->uuid_text);
        else if (why.errnum == ENOENT)
            xk_fail(err, XK_ERR_PROTOCOL,
                    "the record of domain %s has lost its %s: the domain is "
                    "left alone; \"xk destroy %s\" ends it",
                    record->uuid_text, name, record->uuid_text);
        else if (err != NULL)
            *err = why;
        return NULL;
    }
    json = xk_json_parse(text.data, text.length, name, err);
    config = json == NULL ? NULL : xk_config_from_record(json, err);
    if (config == NULL)
        xk_wrap(err, "the record of domain %s: %s", record->uuid_text, name);
    return config;
}

static int
save(const struct xk_record *record, const char *name,
     const struct xk_domain_config *config, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    xk_config_to_record(config, &text);
    return xk_write_file(record->dir_fd, name, text.data, text.length, false,
                         err);
}

struct xk_domain_config *
xk_record_load_config(const struct xk_record *record, struct xk_error *err)
{
    return load(record, config_file, err);
}

int
xk_record_save_config(const struct xk_record *record,
                      const struct xk_domain_config *config,
                      struct xk_error *err)
{
    return save(record, config_file, config, err);
}

/* A save replaces config.json by another file, so a second name keeps it. */
int
xk_record_keep_config(const struct xk_record *record, struct xk_error *err)
{
    xk_record_drop_kept_config(record);
    if (linkat(record->dir_fd, config_file, record->dir_fd, before_file, 0) ==
        -1)
        return xk_fail_errno(err, "keep %s", config_file);
    return 0;
}

int
xk_record_restore_config(const struct xk_record *record, struct xk_error *err)
{
    if (renameat(record->dir_fd, before_file, record->dir_fd, config_file) ==
        -1)
        return errno == ENOENT ? 0
                               : xk_fail_errno(err, "restore %s", config_file);
    /* If nothing was saved, both are one file, which rename(2) leaves alone. */
    xk_record_drop_kept_config(record);
    return 1;
}

void
xk_record_drop_kept_config(const struct xk_record *record)
{
    unlinkat(record->dir_fd, before_file, 0);
}

struct xk_domain_config *
xk_record_load_next(const struct xk_record *record, struct xk_error *err)
{
    return load(record, next_file, err);
}

int
xk_record_save_next(const struct xk_record *record,
                    const struct xk_domain_config *config, struct xk_error *err)
{
    return save(record, next_file, config, err);
}

bool
xk_record_has_next(const struct xk_record *record)
{
    return faccessat(record->dir_fd, next_file, F_OK, 0) == 0;
}

void
xk_record_drop_next(const struct xk_record *record)
{
    unlinkat(record->dir_fd, next_file, 0);
}
