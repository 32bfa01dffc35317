/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answer questions and run orders of the control socket (contracts/device.h).
 */
#include <stdio.h>
#include <string.h>

#include "backends/life/device_internal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "contracts/device.h"
#include "xenstore-helpers/xenbus.h"

static const char *
state_word(const struct xk_device *device)
{
    if (device->phase == XK_DEVICE_DRAINING)
        return "draining";
    if (device->phase == XK_DEVICE_SERVING &&
        device->state == XK_XENBUS_CONNECTED)
        return "connected";
    if (device->reason[0] != '\0')
        return "stopped";
    if (device->state == XK_XENBUS_CLOSED)
        return "closed";
    return device->state == XK_XENBUS_CLOSING ? "closing" : "waiting";
}

static void
answer_status(struct xk_device *device, struct xk_json_writer *writer)
{
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, XK_STATUS_STATE, state_word(device));
    xk_json_put_string(writer, XK_STATUS_REASON,
                       device->reason[0] != '\0' ? device->reason : NULL);
    device->kind->put_status(device, writer);
    xk_json_close_object(writer);
}

static void
add_counts(const struct xk_worker *worker,
           void (*read)(const struct xk_worker *worker, void *counts),
           uint64_t sums[XK_DEVICE_COUNTS_MAX])
{
    uint64_t counts[XK_DEVICE_COUNTS_MAX] = {0};

    read(worker, counts);
    for (size_t i = 0; i < XK_DEVICE_COUNTS_MAX; i++)
        sums[i] += counts[i];
}

void
xk_device_put_counts(const struct xk_device *device,
                     struct xk_json_writer *writer,
                     void (*read)(const struct xk_worker *worker, void *counts),
                     const struct xk_device_count *rows, size_t count)
{
    uint64_t sums[XK_DEVICE_COUNTS_MAX] = {0};

    for (unsigned i = 0; i < device->worker_count; i++)
        add_counts(device->workers[i], read, sums);
    for (size_t i = 0; i < count; i++)
        xk_json_put_integer(writer, rows[i].name,
                            (int64_t)sums[rows[i].at / sizeof(uint64_t)]);
}

static void
put_error(struct xk_json_writer *writer, const struct xk_error *err)
{
    xk_json_open_object(writer, NULL);
    xk_json_put_error_member(writer, XK_DEVICE_ERROR, err);
    xk_json_close_object(writer);
}

static int
stop(struct xk_device *device, struct xk_error *err)
{
    (void)err;
    xk_device_stop(device);
    return 0;
}

static int
leave(struct xk_device *device, struct xk_error *err)
{
    (void)err;
    xk_device_leave(device);
    return 0;
}

static const struct xk_device_order of_all[] = {
    {XK_ORDER_LEAVE, leave},
    {XK_ORDER_STOP, stop},
};

static const struct xk_device_order *
find_order(const struct xk_device_order *orders, size_t count,
           const struct xk_json *asked)
{
    for (size_t i = 0; i < count; i++) {
        if (xk_json_is_true(xk_json_get(asked, orders[i].name)))
            return &orders[i];
    }
    return NULL;
}

static void
add_words(struct xk_buf *words, const struct xk_device_order *orders,
          size_t count)
{
    for (size_t i = 0; i < count; i++)
        xk_buf_printf(words, " or {\"%s\":true}", orders[i].name);
}

static int
refuse(const struct xk_device *device, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf words = {0};

    xk_buf_puts(&words, XK_DEVICE_ASK_STATUS);
    add_words(&words, device->kind->orders, device->kind->order_count);
    add_words(&words, of_all, XK_ARRAY_SIZE(of_all));
    return xk_fail(err, XK_ERR_USAGE, "ask %s", words.data);
}

static int
run_order(struct xk_device *device, const struct xk_json *asked,
          struct xk_error *err)
{
    const struct xk_device_order *order =
        find_order(of_all, XK_ARRAY_SIZE(of_all), asked);

    if (order == NULL)
        order =
            find_order(device->kind->orders, device->kind->order_count, asked);
    return order == NULL ? refuse(device, err) : order->run(device, err);
}

static void
answer_order(struct xk_device *device, const struct xk_json *asked,
             struct xk_json_writer *writer)
{
    struct xk_error err;

    if (run_order(device, asked, &err) == -1)
        put_error(writer, &err);
    else
        answer_status(device, writer);
}

void
xk_device_answer(void *context, const struct xk_json *asked,
                 struct xk_buf *answer)
{
    struct xk_device *device = (struct xk_device *)context;
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(answer, false);
    const char *query = xk_json_string(xk_json_get(asked, XK_DEVICE_QUERY));

    if (query != NULL && strcmp(query, XK_DEVICE_QUERY_STATUS) == 0)
        answer_status(device, writer);
    else
        answer_order(device, asked, writer);
}
