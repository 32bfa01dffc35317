/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/xen/golden.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/to_libxl/config.h"

enum {
    FILE_MAX = 1 << 20
};

static void __attribute__((noreturn)) end(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(99);
}

/* Returns whether a line sets one of the keys: "|key|key|". */
static bool
sets(const char *lines, const char *keys)
{
    for (const char *line = lines; *line != '\0';
         line = strchr(line, '\n') + 1) {
        XK_CLEANUP_FREE char *key =
            xk_asprintf("|%.*s|", (int)strcspn(line, " ="), line);

        if (strstr(keys, key) != NULL)
            return true;
    }
    return false;
}

/* Add the keys that a domain must have, unless the lines set them. */
static char *
complete(const char *lines, bool hvm)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (!sets(lines, "|name|"))
        xk_buf_puts(&text, "name = \"g\"\n");
    if (!sets(lines, "|memory|vnuma|"))
        xk_buf_puts(&text, "memory = 64\n");
    if (!sets(lines, "|vcpus|"))
        xk_buf_puts(&text, "vcpus = 1\n");
    if (!sets(lines, "|uuid|"))
        xk_buf_puts(&text, "uuid = \"11111111-2222-3333-4444-555555555555\"\n");
    if (!hvm && !sets(lines, "|kernel|bootloader|firmware|"))
        xk_buf_puts(&text, "kernel = \"/base\"\n");
    xk_buf_puts(&text, lines);
    return xk_buf_take(&text);
}

static bool
starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void
finish(struct golden *row, const struct xk_buf *lines,
       const struct xk_buf *expected)
{
    const char *text = lines->data != NULL ? lines->data : "";
    bool hvm = strstr(text, "\"hvm\"") != NULL;
    bool about_type = starts(row->name, "type") || starts(row->name, "builder");
    const char *type = hvm                               ? "type = \"hvm\"\n"
                       : strstr(text, "\"pvh\"") != NULL ? "type = \"pvh\"\n"
                                                         : "";
    struct xk_error err = {0};

    if (about_type) {
        hvm = false;
        type = *type == '\0' ? "type = \"pvh\"\n" : "";
    }
    row->without = complete(type, hvm);
    row->config = complete(text, strstr(text, "\"hvm\"") != NULL);
    row->lines = xk_strdup(text);
    row->expected =
        expected->length == 0
            ? NULL
            : xk_json_parse(expected->data, expected->length, row->name, &err);
    if (row->expected == NULL)
        end(row->name, expected->length == 0 ? "no JSON" : err.message);
}

/* Take the rows of a text that ends in a line feed. */
static void
read_rows(const char *path, char *text, struct goldens *goldens)
{
    struct xk_buf lines = {0}, expected = {0};
    struct golden *row = NULL;
    char *state = NULL;

    for (char *line = strtok_r(text, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        if (*line == '#')
            continue;
        if (*line == '[') {
            if (row != NULL)
                finish(row, &lines, &expected);
            xk_buf_free(&lines);
            xk_buf_free(&expected);
            XK_GROW(goldens->rows, goldens->count);
            row = &goldens->rows[goldens->count++];
            row->name = xk_strndup(line + 1, strcspn(line + 1, "]"));
        } else if (row == NULL) {
            end(path, "a line before the first [name]");
        } else if (*line == '{') {
            xk_buf_puts(&expected, line);
        } else {
            xk_buf_printf(&lines, "%s\n", line);
        }
    }
    if (row != NULL)
        finish(row, &lines, &expected);
    xk_buf_free(&lines);
    xk_buf_free(&expected);
}

static void
read_path(const char *path, struct goldens *goldens)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct xk_error err = {0};

    if (fd == -1 || xk_read_fd(fd, path, FILE_MAX, &text, &err) == -1)
        end(path, fd == -1 ? "cannot be opened" : err.message);
    read_rows(path, text.data, goldens);
}

void
goldens_read(const char *folder, struct goldens *goldens)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);

    *goldens = (struct goldens){0};
    for (int i = 0; i < count; i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/%s", folder, entries[i]->d_name);

        if (strstr(entries[i]->d_name, ".golden") != NULL)
            read_path(path, goldens);
        free(entries[i]);
    }
    if (count > 0)
        free(entries);
    if (goldens->count == 0)
        end(folder, "no rows");
}

void
goldens_free(struct goldens *goldens)
{
    for (size_t i = 0; i < goldens->count; i++) {
        struct golden *row = &goldens->rows[i];

        free(row->name);
        free(row->lines);
        free(row->config);
        free(row->without);
        xk_json_free(row->expected);
    }
    free(goldens->rows);
}

/* ---- from text to JSON ---- */

struct xk_domain_config *
golden_config(const char *text, struct xk_error *err)
{
    struct xk_problems problems = {0};
    struct xk_domain_config *config =
        xk_config_parse("t", text, strlen(text), NULL, 0, &problems, err);

    xk_problems_free(&problems);
    return config;
}

/* To JSON and back. */
static struct xk_domain_config *
pass_on(const struct xk_domain_config *config, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);

    xk_config_to_json(config, writer, NULL);
    xk_json_writer_free(writer);
    json = xk_json_parse(text.data, text.length, "configuration", err);
    return json == NULL ? NULL : xk_config_from_json(json, err);
}

struct xk_json *
golden_json(libxl_ctx *ctx, const char *text, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *read = golden_config(text, err);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    XK_CLEANUP_FREE char *json = NULL;
    libxl_domain_config to;

    if (read != NULL)
        config = pass_on(read, err);
    if (config == NULL)
        return NULL;
    if (xk_xen_config(ctx, config, &to, err) == 0)
        json = libxl_domain_config_to_json(ctx, &to);
    libxl_domain_config_dispose(&to);
    return json == NULL ? NULL
                        : xk_json_parse(json, strlen(json), "libxl", err);
}

static bool
contains_members(const struct xk_json *whole, const struct xk_json *part)
{
    for (size_t i = 0; i < xk_json_length(part); i++) {
        const struct xk_json *member =
            xk_json_get(whole, xk_json_key_at(part, i));

        if (member == NULL || !golden_contains(member, xk_json_at(part, i)))
            return false;
    }
    return true;
}

bool
golden_contains(const struct xk_json *whole, const struct xk_json *part)
{
    const char *text = xk_json_string(part), *other = xk_json_string(whole);
    int64_t number, other_number;

    if (xk_json_is_object(part))
        return xk_json_is_object(whole) && contains_members(whole, part);
    if (xk_json_is_array(part)) {
        if (!xk_json_is_array(whole) ||
            xk_json_length(whole) != xk_json_length(part))
            return false;
        for (size_t i = 0; i < xk_json_length(part); i++) {
            if (!golden_contains(xk_json_at(whole, i), xk_json_at(part, i)))
                return false;
        }
        return true;
    }
    if (text != NULL)
        return other != NULL && strcmp(text, other) == 0;
    if (xk_json_integer(part, &number))
        return xk_json_integer(whole, &other_number) && number == other_number;
    return xk_json_is_true(part) == xk_json_is_true(whole) &&
           xk_json_is_false(part) == xk_json_is_false(whole) &&
           xk_json_is_null(part) == xk_json_is_null(whole);
}
