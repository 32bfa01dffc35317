/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration parser fails only with problems that have a position in the
 * text, and a configuration that it accepts is equal after a round trip through
 * JSON.
 *
 * The input is a file; a line "%%" separates it from one override.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fuzz/must.h"
#include "toolstack/config/domain_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

/* Whether the text has that line, and that column is in it or at its end. */
static bool
has_place(const char *text, size_t length, unsigned line, unsigned column)
{
    const char *p = text, *end = text + length;
    const char *newline;

    for (unsigned i = 1; i < line; i++) {
        newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        if (newline == NULL)
            return false;
        p = newline + 1;
    }
    newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    return column <= (size_t)((newline != NULL ? newline : end) - p) + 1;
}

static bool
printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

static void
check_problem(const struct xk_problem *problem, const char *text, size_t length,
              const char *override)
{
    must(problem->message[0] != '\0' && printable(problem->message),
         "a message can be shown");
    must((problem->line == 0) == (problem->column == 0),
         "a place is a line and a column");
    if (strcmp(problem->file, "t") == 0) {
        must(problem->line == 0 ||
                 has_place(text, length, problem->line, problem->column),
             "the place is in the file");
        return;
    }
    must(strcmp(problem->file, "command line") == 0 && override != NULL,
         "a problem is of the file or the override");
    must(problem->line > 0 && has_place(override, strlen(override),
                                        problem->line, problem->column),
         "the place is in the override");
}

static void
check_problems(const struct xk_problems *problems, const char *text,
               size_t length, const char *override)
{
    for (size_t i = 0; i < problems->count; i++)
        check_problem(&problems->items[i], text, length, override);
}

static char *
to_json(const struct xk_domain_config *config)
{
    struct xk_buf out = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&out, false);

    xk_config_to_json(config, writer, NULL);
    xk_json_writer_free(writer);
    return xk_buf_take(&out);
}

static void
check_round_trip(const struct xk_domain_config *config)
{
    XK_CLEANUP_FREE char *text = to_json(config);
    XK_CLEANUP_FREE char *again = NULL;
    struct xk_error err = {0};
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(text, strlen(text), "fuzz", &err);
    XK_CLEANUP_CONFIG struct xk_domain_config *read = NULL;

    must(json != NULL, "what is written is JSON");
    read = xk_config_from_json(json, &err);
    must(read != NULL, err.message);
    again = to_json(read);
    must(strcmp(text, again) == 0, "what is written reads back equal");
}

static void
check_config(const char *text, size_t length, const char *override)
{
    struct xk_problems problems = {0};
    struct xk_error err = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "t", text, length, &override, override != NULL, &problems, &err);

    must((config != NULL) == (problems.errors == 0),
         "a configuration is refused for errors only");
    must(config != NULL ||
             (err.kind == XK_ERR_CONFIG && err.message[0] != '\0'),
         "a refusal says why");
    check_problems(&problems, text, length, override);
    if (config != NULL) {
        struct xk_problems more = {0};

        check_round_trip(config);
        xk_config_check_on(config, "xen", &more);
        xk_config_check_on(config, "kvm", &more);
        check_problems(&more, text, length, override);
        xk_problems_free(&more);
    }
    xk_problems_free(&problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    static const char mark[] = "\n%%\n";
    const char *text = (const char *)data;
    const char *cut =
        length > 0 ? memmem(text, length, mark, sizeof(mark) - 1) : NULL;
    XK_CLEANUP_FREE char *override = NULL;
    size_t file_length = length;

    if (cut != NULL) {
        file_length = (size_t)(cut + 1 - text);
        override = xk_strndup(cut + sizeof(mark) - 1,
                              length - file_length - sizeof(mark) + 2);
    }
    check_config(text, file_length, override);
    return 0;
}
