/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A card is a list of lines: "card,..." for the card, then "pcm,..." for each
 * device, each followed by "stream,..." for each of its streams. A stream
 * without a device before it creates one. */
#include "toolstack/xen/to_libxl/config_sound.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/config/value.h"
#include "toolstack/xen/to_libxl/config_options.h"

static int
put_rates(const struct xk_given *given, libxl_vsnd_params *to)
{
    const char *rest = given->text;
    char part[64];
    size_t count = 0;
    int64_t rate;

    while (xk_option_part(&rest, part, sizeof(part)) &&
           xk_number_parse(part, &rate)) {
        XK_GROW(to->sample_rates, count);
        to->sample_rates[count++] = (uint32_t)rate;
        to->num_sample_rates = (int)count;
    }
    return 0;
}

static int
put_formats(const struct xk_given *given, libxl_vsnd_params *to,
            struct xk_error *err)
{
    const char *rest = given->text;
    char part[64];
    size_t count = 0;

    while (xk_option_part(&rest, part, sizeof(part))) {
        XK_GROW(to->sample_formats, count);
        if (libxl_vsnd_pcm_format_from_string(part,
                                              &to->sample_formats[count]) != 0)
            return xk_fail(err, XK_ERR_UNSUPPORTED,
                           "vsnd: libxl has no format \"%s\"", part);
        to->num_sample_formats = (int)++count;
    }
    return 0;
}

/* rates and formats are the two options in one of the three sets. */
static int
put_params(const struct xk_givens *givens, enum xk_option_id rates,
           enum xk_option_id formats, libxl_vsnd_params *to,
           struct xk_error *err)
{
    const struct xk_given *given = xk_given(givens, rates);

    if (given != NULL && put_rates(given, to) == -1)
        return -1;
    given = xk_given(givens, formats);
    return given != NULL ? put_formats(given, to, err) : 0;
}

static libxl_vsnd_pcm *
add_pcm(libxl_device_vsnd *card)
{
    size_t count = (size_t)card->num_vsnd_pcms;

    XK_GROW(card->pcms, count);
    libxl_vsnd_pcm_init(&card->pcms[count]);
    card->num_vsnd_pcms++;
    return &card->pcms[count];
}

static libxl_vsnd_stream *
add_stream(libxl_device_vsnd *card)
{
    libxl_vsnd_pcm *pcm = card->num_vsnd_pcms > 0
                              ? &card->pcms[card->num_vsnd_pcms - 1]
                              : add_pcm(card);
    size_t count = (size_t)pcm->num_vsnd_streams;

    XK_GROW(pcm->streams, count);
    libxl_vsnd_stream_init(&pcm->streams[count]);
    pcm->num_vsnd_streams++;
    return &pcm->streams[count];
}

static int
put_part(enum xk_option_set set, const struct xk_givens *givens,
         libxl_device_vsnd *card, struct xk_error *err)
{
    libxl_vsnd_stream *stream;
    libxl_vsnd_pcm *pcm;

    if (set == XK_OPTIONS_VSND_PCM) {
        pcm = add_pcm(card);
        return xk_xen_put_givens(givens, pcm, err) == -1
                   ? -1
                   : put_params(givens, XK_OPTION_VSND_PCM_RATES,
                                XK_OPTION_VSND_PCM_FORMATS, &pcm->params, err);
    }
    if (set == XK_OPTIONS_VSND_STREAM) {
        stream = add_stream(card);
        return xk_xen_put_givens(givens, stream, err) == -1
                   ? -1
                   : put_params(givens, XK_OPTION_VSND_STREAM_RATES,
                                XK_OPTION_VSND_STREAM_FORMATS, &stream->params,
                                err);
    }
    return xk_xen_put_givens(givens, card, err) == -1
               ? -1
               : put_params(givens, XK_OPTION_VSND_CARD_RATES,
                            XK_OPTION_VSND_CARD_FORMATS, &card->params, err);
}

static int
put_text(const char *text, libxl_device_vsnd *card, struct xk_error *err)
{
    XK_CLEANUP_GIVENS struct xk_givens givens = {0};
    const char *options;
    enum xk_option_set set = xk_vsnd_part(text, &options);

    if (set == XK_OPTIONS_COUNT)
        return xk_fail(err, XK_ERR_CONFIG,
                       "vsnd: \"%.64s\" begins with neither card, pcm nor "
                       "stream",
                       text);
    if (xk_options_again(set, options, &givens, err) == -1)
        return -1;
    return put_part(set, &givens, card, err);
}

static int
put_card(const char *text, libxl_device_vsnd *card, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copied = xk_strdup(text);
    char *state = NULL;

    for (char *line = strtok_r(copied, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        if (put_text(line, card, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_config_sound(const struct xk_domain_config *config,
                    libxl_domain_config *to, struct xk_error *err)
{
    const struct xk_value *cards = &config->values[XK_KEY_VSND];

    to->vsnds = xk_calloc(cards->item_count, sizeof(*to->vsnds));
    for (size_t i = 0; i < cards->item_count; i++) {
        libxl_device_vsnd_init(&to->vsnds[i]);
        to->vsnds[i].devid = (int)i;
        to->num_vsnds = (int)i + 1;
        if (put_card(cards->items[i], &to->vsnds[i], err) == -1)
            return -1;
    }
    return 0;
}
