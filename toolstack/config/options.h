/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The specifications that lists such as p9=, vkb= or pci= hold: words of the
 * form NAME=VALUE, of which options.def has the table. disk= and vif= have
 * readers of their own.
 */
#ifndef XK_TOOLSTACK_CONFIG_OPTIONS_H
#define XK_TOOLSTACK_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/uuid.h"
#include "toolstack/config/cfg_file.h"
#include "toolstack/config/device_syntax.h"
#include "toolstack/config/domain_config.h"

enum xk_option_set {
    XK_OPTIONS_P9,
    XK_OPTIONS_VTPM,
    XK_OPTIONS_PVCALLS,
    XK_OPTIONS_CHANNEL,
    XK_OPTIONS_VFB,
    XK_OPTIONS_VKB,
    XK_OPTIONS_VDISPL,
    XK_OPTIONS_VSND_CARD,
    XK_OPTIONS_VSND_PCM,
    XK_OPTIONS_VSND_STREAM,
    XK_OPTIONS_USBCTRL,
    XK_OPTIONS_USBDEV,
    XK_OPTIONS_PCI,
    XK_OPTIONS_RDM,
    XK_OPTIONS_VNUMA,
    XK_OPTIONS_COUNT,
};

enum xk_option_id {
#define XK_OPTION_ROW(set, id, ...) XK_OPTION_##set##_##id,
#include "toolstack/config/options.def"
#undef XK_OPTION_ROW
    XK_OPTION_COUNT,
};

enum xk_option_type {
    XK_OPTION_TEXT,
    XK_OPTION_NUMBER, /* with a range */
    XK_OPTION_BOOL,   /* 0 or 1 */
    XK_OPTION_WORD,   /* one of a list, in either case */
    /* Several of those, separated by ';'. */
    XK_OPTION_NUMBERS,
    XK_OPTION_WORDS,
    XK_OPTION_UUID,
    XK_OPTION_IGNORED,
};

struct xk_device_option {
    enum xk_option_set set;
    enum xk_option_id id;
    const char *name;
    enum xk_option_type type;
    int64_t min, max;  /* XK_OPTION_NUMBER, inclusive */
    const char *words; /* XK_OPTION_WORD: separated by '|' */
    bool required;
};

const struct xk_device_option *xk_device_option(enum xk_option_id id);

/* An option as a text gives it. */
struct xk_given {
    const struct xk_device_option *option;
    char *text;     /* the value; a word as options.def spells it */
    int64_t number; /* XK_OPTION_NUMBER, XK_OPTION_BOOL */
    struct xk_uuid uuid;
    size_t offset; /* of the value in the text */
};

/* A zeroed struct is an empty list. Where an option is given twice both are
 * there, and the later one counts. */
struct xk_givens {
    struct xk_given *items;
    size_t count;
};

/* Read a text. What is wrong is added to spec->problems, and the result is
 * -1; *givens is the caller's to free in any case. */
int xk_options_read(enum xk_option_set set, const struct xk_spec *spec,
                    struct xk_givens *givens);

/* The same for a text that was checked before; the first problem is *err. */
int xk_options_again(enum xk_option_set set, const char *text,
                     struct xk_givens *givens, struct xk_error *err);

/* What counts of an option, or NULL. */
const struct xk_given *xk_given(const struct xk_givens *givens,
                                enum xk_option_id id);

void xk_givens_free(struct xk_givens *givens);
#define XK_CLEANUP_GIVENS __attribute__((cleanup(xk_givens_free)))

/* One of the values of XK_OPTION_NUMBERS and XK_OPTION_WORDS, cut off *rest,
 * in a buffer; false at the end or where it does not fit. */
bool xk_option_part(const char **rest, char *part, size_t size);

/* A connector of vdispl=, "ID:WIDTHxHEIGHT", cut off *rest, where ';' separates
 * them; false where it is none. id is the caller's to free, if not NULL. */
bool xk_connector_next(const char **rest, char **id, uint32_t *width,
                       uint32_t *height);

/* Check every key that holds such specifications. The texts come from the
 * file, so that problems can point into them. */
void xk_options_check(const struct xk_domain_config *config,
                      const struct xk_cfg_file *file,
                      struct xk_problems *problems);

/* Which of the three a string of vsnd= is, by its first word, and where its
 * options begin; XK_OPTIONS_COUNT: none of them. */
enum xk_option_set xk_vsnd_part(const char *text, const char **options);

#endif
