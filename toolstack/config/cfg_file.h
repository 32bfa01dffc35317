/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The syntax of a configuration file: names and values with their positions.
 * What they mean is not checked here. The grammar is libxlutil's:
 *
 *   file:    { [ NAME ( "=" | "+=" ) value ] ( newline | ";" ) }
 *   value:   STRING | NUMBER | "[" [ value { "," value } [ "," ] ] "]"
 *
 * A newline may appear anywhere inside brackets and nowhere else within a
 * setting. "+=" appends to the value that the name has so far, string to string
 * or list to list.
 */
#ifndef XK_TOOLSTACK_CONFIG_CFG_FILE_H
#define XK_TOOLSTACK_CONFIG_CFG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "toolstack/config/problem.h"

enum {
    XK_CFG_DEPTH_MAX = 32,      /* of nested lists */
    XK_CFG_VALUES_MAX = 100000, /* in one file, far more than real files have */
};

enum xk_cfg_kind {
    XK_CFG_TEXT, /* a string or a number: xl does not distinguish them */
    XK_CFG_LIST,
};

struct xk_cfg_value {
    enum xk_cfg_kind kind;
    struct xk_location where;
    char *text; /* XK_CFG_TEXT */
    size_t length;
    const char *raw; /* the text as written in the source, without quotes; NULL
                        once something was appended */
    bool quoted;     /* then raw begins one column after where */
    struct xk_cfg_value *items; /* XK_CFG_LIST */
    size_t count;
};

struct xk_cfg_setting {
    char *name;
    struct xk_location where;
    bool appended; /* by "+=", even if to nothing */
    struct xk_cfg_value value;
};

/* A zeroed struct is an empty file. */
struct xk_cfg_file {
    struct xk_cfg_setting *settings; /* in order; the last of a name counts */
    size_t count;
    size_t value_count;
    void *by_name; /* tsearch(3) tree: the last setting of each name */
};

/* Parse a text and add its settings to *file. name goes into locations; it and
 * text must outlive *file. line is the number of the first line. Errors are
 * added to *problems; the settings that could be parsed are added to *file.
 * line is the number of the first line. Errors are added to *problems; what
 * could be read is added to *file. */
void xk_cfg_file_parse(struct xk_cfg_file *file, const char *name,
                       unsigned line, const char *text, size_t length,
                       struct xk_problems *problems);

/* Returns the last setting of that name, or NULL. */
const struct xk_cfg_setting *xk_cfg_file_find(const struct xk_cfg_file *file,
                                              const char *name);

void xk_cfg_file_free(struct xk_cfg_file *file);

#endif
