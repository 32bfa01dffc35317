/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Specifications in lists such as p9=, vkb= or pci=: options of the form
 * NAME=VALUE. options.def is the table of options. disk= and vif= have readers
 * of their own.
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
    XK_OPTION_WORD,   /* one of a list, in upper or lower case */
    /* Several numbers or words, separated by ';'. */
    XK_OPTION_NUMBERS,
    XK_OPTION_WORDS,
    XK_OPTION_UUID,
    XK_OPTION_IGNORED, /* read, with a warning */
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

/* An option that a specification gives. */
struct xk_given {
    const struct xk_device_option *option;
    char *text;     /* the value; a word as options.def spells it */
    int64_t number; /* XK_OPTION_NUMBER, XK_OPTION_BOOL */
    struct xk_uuid uuid;
    size_t offset; /* of the value in the text */
};

/* A zeroed struct is an empty list. An option that is given twice is in the
 * list twice, and the later one counts. */
struct xk_givens {
    struct xk_given *items;
    size_t count;
};

/* Read a specification. On a fault add it to spec->problems and return -1. The
 * caller frees *givens in either case. */
int xk_options_read(enum xk_option_set set, const struct xk_spec *spec,
                    struct xk_givens *givens);

/* The same for a text that has been checked before; the first problem becomes
 * *err. */
int xk_options_again(enum xk_option_set set, const char *text,
                     struct xk_givens *givens, struct xk_error *err);

/* Returns the last value given for an option, or NULL. */
const struct xk_given *xk_given(const struct xk_givens *givens,
                                enum xk_option_id id);

void xk_givens_free(struct xk_givens *givens);
#define XK_CLEANUP_GIVENS __attribute__((cleanup(xk_givens_free)))

/* Cut the first value of XK_OPTION_NUMBERS or XK_OPTION_WORDS off *rest and
 * copy it to `part`. Returns false at the end, or if the value does not fit. */
bool xk_option_part(const char **rest, char *part, size_t size);

/* Cut the first connector of vdispl=, "ID:WIDTHxHEIGHT", off *rest; ';'
 * separates connectors. Returns false if it is malformed. *id is owned by the
 * caller; id may be NULL. */
bool xk_connector_next(const char **rest, char **id, uint32_t *width,
                       uint32_t *height);

/* Check every key that holds specifications. The texts are those of the file,
 * so that problems can point into them. */
void xk_options_check(const struct xk_domain_config *config,
                      const struct xk_cfg_file *file,
                      struct xk_problems *problems);

/* Returns whether a string of vsnd= is a card, a PCM device or a stream, by its
 * first word, or XK_OPTIONS_COUNT. *options is where its options begin. */
enum xk_option_set xk_vsnd_part(const char *text, const char **options);

#endif
