/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/link_speed.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    CHUNK = 256 << 10,
    BYTES_MAX = 64 << 20, /* per measurement */
    BYTES_FIRST = 1 << 20,
    TRIPS = 3,
    ENOUGH_MS = 300, /* a shorter transfer measures buffers, not the link */
};

#define SECOND_NS INT64_C(1000000000)
#define MS_NS INT64_C(1000000)

/* ---- the source ---- */

static int
put_bytes(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    const size_t *bytes = context;

    (void)err;
    xk_json_put_integer(writer, "bytes", (int64_t)*bytes);
    return 0;
}

static int
send_bytes(struct xk_talk *talk, const char *chunk, size_t bytes,
           struct xk_error *err)
{
    while (bytes > 0) {
        size_t length = bytes < CHUNK ? bytes : CHUNK;

        if (xk_frame_write(talk->to, XK_FRAME_DATA, 0, chunk, length, length,
                           xk_deadline_in_ms(talk->silence_ms), err) == -1)
            return -1;
        bytes -= length;
    }
    return 0;
}

/* Returns the nanoseconds from the first byte sent to the target's answer that
 * all arrived; -1 on error. */
static int64_t
time_bytes(struct xk_talk *talk, const char *chunk, size_t bytes,
           struct xk_deadline deadline, struct xk_error *err)
{
    int64_t begin_ns = xk_now_ns();

    if (xk_talk_say(talk, XK_FRAME_MEASURE, put_bytes, &bytes, err) == -1 ||
        send_bytes(talk, chunk, bytes, err) == -1 ||
        xk_talk_hear(talk, XK_FRAME_MEASURED, NULL, deadline, err) == -1)
        return -1;
    return xk_now_ns() - begin_ns;
}

/* Incompressible data, so that a link that compresses (ssh -C) does not look
 * faster than it is. */
static char *
make_chunk(void)
{
    uint32_t state = 1, *words = xk_calloc(1, CHUNK);

    for (size_t i = 0; i < CHUNK / sizeof(*words); i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        words[i] = state;
    }
    return (char *)words;
}

static int
measure_trip(struct xk_talk *talk, struct xk_link_speed *speed,
             struct xk_deadline deadline, struct xk_error *err)
{
    speed->round_trip_ns = INT64_MAX;
    for (int i = 0; i < TRIPS; i++) {
        int64_t ns = time_bytes(talk, NULL, 0, deadline, err);

        if (ns == -1)
            return -1;
        if (ns < speed->round_trip_ns)
            speed->round_trip_ns = ns;
    }
    return 0;
}

int
xk_measure_link(struct xk_talk *talk, struct xk_link_speed *speed,
                struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *chunk = make_chunk();
    size_t bytes = BYTES_FIRST;
    int64_t ns = 0;

    if (measure_trip(talk, speed, deadline, err) == -1)
        return -1;
    for (;; bytes *= 2) {
        ns = time_bytes(talk, chunk, bytes, deadline, err);
        if (ns == -1)
            return -1;
        if (ns >= ENOUGH_MS * MS_NS || bytes == BYTES_MAX)
            break;
    }
    if (ns > 2 * speed->round_trip_ns)
        ns -= speed->round_trip_ns;
    speed->rate = (uint64_t)((double)bytes * SECOND_NS / (double)(ns + 1));
    return 0;
}

/* ---- the target ---- */

int
xk_measure_answer(struct xk_talk *talk, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_frame_parse(&talk->frame, talk->from->what, err);
    int64_t left = -1;

    if (json == NULL)
        return -1;
    if (!xk_json_integer(xk_json_get(json, "bytes"), &left) || left < 0 ||
        left > BYTES_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s wants to measure with %lld bytes", talk->from->what,
                       (long long)left);
    while (left > 0) {
        if (xk_frame_read(talk->from, &talk->frame,
                          xk_deadline_in_ms(talk->silence_ms), err) == -1)
            return -1;
        if (talk->frame.type != XK_FRAME_DATA || talk->frame.expanded == 0 ||
            (int64_t)talk->frame.expanded > left)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "%s sent other data than it announced",
                           talk->from->what);
        left -= (int64_t)talk->frame.expanded;
    }
    return xk_talk_say(talk, XK_FRAME_MEASURED, NULL, NULL, err);
}
