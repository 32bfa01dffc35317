/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the keys that hold specifications: each text by itself, and the
 * options of a specification together. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/options.h"
#include "toolstack/config/ranges.h"
#include "toolstack/config/value.h"

typedef void check_givens(const struct xk_spec *spec,
                          const struct xk_givens *givens);

/* ---- options of one specification that depend on each other ---- */

static void
check_channel(const struct xk_spec *spec, const struct xk_givens *givens)
{
    const struct xk_given *path = xk_given(givens, XK_OPTION_CHANNEL_PATH);
    const char *connection =
        xk_given(givens, XK_OPTION_CHANNEL_CONNECTION)->text;

    if (strcmp(connection, "socket") == 0 && path == NULL)
        xk_spec_error(spec, 0, "path= is missing: that of the socket");
    if (strcmp(connection, "pty") == 0 && path != NULL)
        xk_spec_warn(spec, path->offset,
                     "path is ignored: it is for connection=socket");
}

static bool
is_set(const struct xk_givens *givens, enum xk_option_id id)
{
    const struct xk_given *given = xk_given(givens, id);

    return given != NULL && given->number != 0;
}

static void
check_vkb(const struct xk_spec *spec, const struct xk_givens *givens)
{
    if (is_set(givens, XK_OPTION_VKB_MULTI_TOUCH) &&
        !is_set(givens, XK_OPTION_VKB_TOUCH_WIDTH) &&
        !is_set(givens, XK_OPTION_VKB_TOUCH_HEIGHT) &&
        !is_set(givens, XK_OPTION_VKB_TOUCH_CONTACTS))
        xk_spec_error(spec, xk_given(givens, XK_OPTION_VKB_MULTI_TOUCH)->offset,
                      "feature-multi-touch needs multi-touch-width, "
                      "multi-touch-height and multi-touch-num-contacts");
}

bool
xk_connector_next(const char **rest, char **id, uint32_t *width,
                  uint32_t *height)
{
    char part[256], *colon, *times;
    int64_t w, h;

    if (!xk_option_part(rest, part, sizeof(part)))
        return false;
    colon = strrchr(part, ':');
    times = colon != NULL ? strchr(colon, 'x') : NULL;
    if (times == NULL)
        return false;
    *colon = *times = '\0';
    if (!xk_number_parse(colon + 1, &w) || !xk_number_parse(times + 1, &h) ||
        w <= 0 || h <= 0 || w > UINT16_MAX || h > UINT16_MAX)
        return false;
    *width = (uint32_t)w;
    *height = (uint32_t)h;
    if (id != NULL)
        *id = xk_strdup(part);
    return true;
}

static void
check_vdispl(const struct xk_spec *spec, const struct xk_givens *givens)
{
    const struct xk_given *given =
        xk_given(givens, XK_OPTION_VDISPL_CONNECTORS);
    const char *rest = given->text;
    uint32_t width, height;

    do {
        if (!xk_connector_next(&rest, NULL, &width, &height)) {
            xk_spec_error(spec, given->offset,
                          "connectors: write \"ID:WIDTHxHEIGHT;...\"");
            return;
        }
    } while (*rest != '\0');
}

static void
check_pci(const struct xk_spec *spec, const struct xk_givens *givens)
{
    const struct xk_given *bdf = xk_given(givens, XK_OPTION_PCI_BDF);
    const struct xk_given *slot = xk_given(givens, XK_OPTION_PCI_VSLOT);
    struct xk_pci_address address;
    int number;

    if (bdf != NULL && !xk_pci_parse(bdf->text, &address))
        xk_spec_error(spec, bdf->offset,
                      "'%.64s' is not an address such as 0000:01:00.0",
                      bdf->text);
    if (slot != NULL && !xk_pci_slot_parse(slot->text, &number))
        xk_spec_error(spec, slot->offset, "vslot: '%.64s' is not from 0 to 1f",
                      slot->text);
    if ((bdf == NULL) == (xk_given(givens, XK_OPTION_PCI_NAME) == NULL))
        xk_spec_error(spec, 0, "give either an address or name=");
}

/* ---- texts that are not lists of options ---- */

static void
check_ioports(const struct xk_spec *spec)
{
    uint32_t first, last;

    if (!xk_ioports_parse(spec->text, &first, &last))
        xk_spec_error(spec, 0,
                      "'%.64s' is not a range of ports such as \"2f8-2ff\"",
                      spec->text);
}

static void
check_iomem(const struct xk_spec *spec)
{
    struct xk_iomem iomem;

    if (!xk_iomem_parse(spec->text, &iomem))
        xk_spec_error(spec, 0,
                      "'%.64s' is not PAGE,COUNT or PAGE,COUNT@GUEST_PAGE, in "
                      "hexadecimal",
                      spec->text);
}

static void
check_irqs(const struct xk_spec *spec)
{
    uint32_t irq;

    if (!xk_irq_parse(spec->text, &irq))
        xk_spec_error(spec, 0, "'%.64s' is not an interrupt number",
                      spec->text);
}

static bool
is_bits(const char *text)
{
    return strspn(text, "01xXkKsS") == 32 && text[32] == '\0';
}

/* "LEAF[,SUBLEAF]:REGISTER=BITS[,REGISTER=BITS]". */
static bool
is_cpuid_leaf(const char *text)
{
    XK_CLEANUP_FREE char *copied = xk_strdup(text);
    char *colon = strchr(copied, ':'), *state = NULL;
    char *comma;
    int64_t number;

    if (colon == NULL)
        return false;
    *colon = '\0';
    comma = strchr(copied, ',');
    if (comma != NULL)
        *comma = '\0';
    if (!xk_number_parse(copied, &number) ||
        (comma != NULL && !xk_number_parse(comma + 1, &number)))
        return false;
    for (char *word = strtok_r(colon + 1, ",", &state); word != NULL;
         word = strtok_r(NULL, ",", &state)) {
        if (strlen(word) < 4 || word[0] != 'e' ||
            strchr("abcd", word[1]) == NULL || word[2] != 'x' ||
            word[3] != '=' || !is_bits(word + 4))
            return false;
    }
    return true;
}

static void
check_cpuid(const struct xk_spec *spec)
{
    if (strncmp(spec->text, "host", 4) == 0 &&
        (spec->text[4] == '\0' || spec->text[4] == ','))
        return;
    if (!is_cpuid_leaf(spec->text))
        xk_spec_error(spec, 0,
                      "'%.64s' is neither \"host,FLAG=VALUE,...\" nor "
                      "\"LEAF:REGISTER=\" with 32 of 0, 1, x, k and s",
                      spec->text);
}

/* ---- the keys ---- */

static const struct {
    enum xk_key key;
    enum xk_option_set set;
    check_givens *check; /* NULL: none */
} lists[] = {
    {XK_KEY_P9, XK_OPTIONS_P9, NULL},
    {XK_KEY_VTPM, XK_OPTIONS_VTPM, NULL},
    {XK_KEY_PVCALLS, XK_OPTIONS_PVCALLS, NULL},
    {XK_KEY_CHANNEL, XK_OPTIONS_CHANNEL, check_channel},
    {XK_KEY_VFB, XK_OPTIONS_VFB, NULL},
    {XK_KEY_VKB, XK_OPTIONS_VKB, check_vkb},
    {XK_KEY_VDISPL, XK_OPTIONS_VDISPL, check_vdispl},
    {XK_KEY_USBCTRL, XK_OPTIONS_USBCTRL, NULL},
    {XK_KEY_USBDEV, XK_OPTIONS_USBDEV, NULL},
    {XK_KEY_PCI, XK_OPTIONS_PCI, check_pci},
    {XK_KEY_RDM, XK_OPTIONS_RDM, NULL},
};

static const struct {
    enum xk_key key;
    void (*check)(const struct xk_spec *spec);
} texts[] = {
    {XK_KEY_IOPORTS, check_ioports},
    {XK_KEY_IOMEM, check_iomem},
    {XK_KEY_IRQS, check_irqs},
    {XK_KEY_CPUID, check_cpuid},
};

static void
check_options(enum xk_option_set set, check_givens *check,
              const struct xk_spec *spec)
{
    XK_CLEANUP_GIVENS struct xk_givens givens = {0};

    if (xk_options_read(set, spec, &givens) == 0 && check != NULL)
        check(spec, &givens);
}

static void
check_sound(const struct xk_spec *spec)
{
    const char *options = NULL;
    enum xk_option_set set = xk_vsnd_part(spec->text, &options);
    size_t skipped;
    struct xk_spec rest = *spec;

    if (set == XK_OPTIONS_COUNT) {
        xk_spec_error(spec, 0, "the first word must be card, pcm or stream");
        return;
    }
    skipped = (size_t)(options - spec->text);
    rest.text = options;
    rest.where = xk_spec_at(spec, skipped);
    rest.raw = NULL;
    check_options(set, NULL, &rest);
}

/* Returns the value of a key in the file, or NULL if it is not set or had an
 * error. */
static const struct xk_cfg_value *
value_of(const struct xk_domain_config *config, const struct xk_cfg_file *file,
         enum xk_key key)
{
    if (!config->values[key].set)
        return NULL;
    return &xk_cfg_file_find(file, xk_key_info(key)->name)->value;
}

/* Returns how many texts a value has: one, or those of its list. */
static size_t
count_of(const struct xk_cfg_value *value)
{
    if (value == NULL)
        return 0;
    return value->kind == XK_CFG_TEXT ? 1 : value->count;
}

static struct xk_spec
spec_at(const struct xk_cfg_value *value, size_t i,
        struct xk_problems *problems)
{
    return xk_spec_of(value->kind == XK_CFG_TEXT ? value : &value->items[i],
                      problems);
}

void
xk_options_check(const struct xk_domain_config *config,
                 const struct xk_cfg_file *file, struct xk_problems *problems)
{
    const struct xk_cfg_value *cards = value_of(config, file, XK_KEY_VSND);

    for (size_t i = 0; i < XK_ARRAY_SIZE(lists); i++) {
        const struct xk_cfg_value *value = value_of(config, file, lists[i].key);

        for (size_t k = 0; k < count_of(value); k++) {
            struct xk_spec spec = spec_at(value, k, problems);

            check_options(lists[i].set, lists[i].check, &spec);
        }
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        const struct xk_cfg_value *value = value_of(config, file, texts[i].key);

        for (size_t k = 0; k < count_of(value); k++) {
            struct xk_spec spec = spec_at(value, k, problems);

            texts[i].check(&spec);
        }
    }
    for (size_t i = 0; i < count_of(cards); i++) {
        for (size_t k = 0; k < cards->items[i].count; k++) {
            struct xk_spec spec =
                xk_spec_of(&cards->items[i].items[k], problems);

            check_sound(&spec);
        }
    }
}
