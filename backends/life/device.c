/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/life/device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backends/block/engine/flusher.h"
#include "backends/life/device_internal.h"
#include "backends/life/jail.h"
#include "backends/ring/xen_guest.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"

enum {
    QUEUES_CHOSEN_MAX = 8, /* more than a guest's vCPUs do not help */
    TAKE_OVER_MS = 10000,  /* for I/O that a killed process left behind */
};

/* Whoever wants us to end has no other way to know which process this is. What
 * we hold open once we are jailed, the lock, is for people. */
static int
sign(int fd, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/backend.json", dir);
    struct xk_process self;
    char text[16];
    int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    /* In this order, so that it needs no room that it did not have. */
    if (pwrite(fd, text, (size_t)length, 0) != length ||
        ftruncate(fd, length) == -1)
        return xk_fail_errno(err, "write to the lock of \"%s\"", dir);
    if (!xk_process_identify(getpid(), &self))
        return xk_fail(err, XK_ERR_HOST, "/proc does not tell who we are");
    return xk_process_save(AT_FDCWD, path, &self, err);
}

static int
take_directory(struct xk_block *block, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/lock", dir);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    block->lock_fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (block->lock_fd == -1)
        return xk_fail_errno(err, "open \"%s\"", path);
    if (fcntl(block->lock_fd, F_OFD_SETLK, &lock) == 0)
        return sign(block->lock_fd, dir, err);
    if (errno == EAGAIN || errno == EACCES)
        return xk_fail(err, XK_ERR_IN_USE,
                       "another xk-backend serves \"%s\" already", dir);
    return xk_fail_errno(err, "lock \"%s\"", path);
}

static struct xk_engine *
open_engine(const struct xk_backend_config *config, struct xk_error *err)
{
    static struct xk_engine *(*const open[XK_ENGINE_COUNT])(
        const struct xk_engine_options *, struct xk_error *) = {
        [XK_ENGINE_FILE] = xk_file_engine_open,
        [XK_ENGINE_NBD] = xk_nbd_engine_open,
        [XK_ENGINE_NULL] = xk_null_engine_open,
    };
    bool is_empty = config->cdrom && config->engine == XK_ENGINE_FILE &&
                    config->target[0] == '\0';
    struct xk_engine_options options = {
        .path =
            config->engine == XK_ENGINE_NBD ? config->socket : config->target,
        .null_bytes = config->null_bytes,
        .read_only = config->read_only || config->cdrom,
        .discard = config->discard,
        .direct = config->direct,
        .lock_deadline = xk_deadline_in_ms(TAKE_OVER_MS),
    };

    if (is_empty)
        return xk_empty_engine_new();
    return open[config->engine](&options, err);
}

static unsigned
choose_queues(const struct xk_block *block)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (block->device.engine->one_queue)
        return 1;
    if (block->config.queues != 0)
        return block->config.queues;
    if (processors < 1)
        return 1;
    return processors < QUEUES_CHOSEN_MAX ? (unsigned)processors
                                          : QUEUES_CHOSEN_MAX;
}

static int
open_device(struct xk_block *block, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/inflight", dir);
    struct xk_engine *engine = open_engine(&block->config, err);

    if (engine == NULL)
        return -1;
    block->device.engine = engine;
    block->device.limits = (struct xk_blkif_limits){
        .sectors = engine->bytes / XK_BLKIF_SECTOR_BYTES,
        .logical_sectors = 1,
        .read_only = engine->read_only,
        .discard = engine->discard,
    };
    block->device.poll_us = block->config.poll_us;
    block->offer =
        (struct xk_inflight_offer){.queues = choose_queues(block),
                                   .ring_order = XK_BLKIF_RING_ORDER_MAX,
                                   .segments = XK_BLKIF_MAX_SEGMENTS};
    block->device.log = xk_inflight_open(path, &block->offer, err);
    if (block->device.log == NULL)
        return -1;
    if (xk_inflight_change_server(block->device.log, engine->server)) {
        xk_warn("%s: the process that served the image has ended with writes "
                "that were not flushed",
                block->config.vdev);
        xk_inflight_set_poisoned(block->device.log, true);
    }
    block->device.poisoned = xk_inflight_is_poisoned(block->device.log);
    block->device.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (block->device.changed_fd == -1)
        return xk_fail_errno(err, "make an eventfd");
    return 0;
}

/* What became of a flush under way is known to the process that made it. Where
 * that has gone as well nobody knows, and it cannot be asked for again; unless
 * one was made after it, of all there was (settle.h). It is noted before there
 * is another, which would be taken for one that knows. */
static void
note_lost_flush(struct xk_block *block)
{
    struct xk_blkif_device *device = &block->device;

    if (!xk_blkif_flush_is_lost(device->log))
        return;
    xk_warn("%s: the processes that wrote and flushed the image have ended "
            "during a flush",
            block->config.vdev);
    xk_inflight_set_poisoned(device->log, true);
    device->poisoned = true;
}

static int
find_or_start_flusher(struct xk_block *block,
                      const struct xk_flusher_options *options,
                      struct xk_error *err)
{
    int found = xk_flusher_find(options, err);

    if (found == 0) {
        note_lost_flush(block);
        return xk_flusher_start(options, err);
    }
    if (found == 1)
        block->device.engine->owed = xk_blkif_flush_is_lost(block->device.log);
    return found;
}

static int
take_flusher(struct xk_block *block, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/flusher", dir);
    struct xk_engine *engine = block->device.engine;
    struct xk_flusher_options options = {.path = path,
                                         .image_fd = xk_engine_image_fd(engine),
                                         .jail = xk_jail_enter_flusher,
                                         .context = &block->config};
    int known;

    if (options.image_fd == -1)
        return 0;
    known = find_or_start_flusher(block, &options, err);
    if (known == -1)
        return -1;
    block->flusher = XK_TAKE(path);
    engine->flusher = block->flusher;
    block->flusher_fd = xk_flusher_connect(block->flusher, err);
    if (block->flusher_fd == -1)
        return -1;
    block->has_new_flusher = known == 0;
    return 0;
}

static int
start_queues(struct xk_block *block, struct xk_error *err)
{
    for (unsigned i = 0; i < block->offer.queues; i++) {
        struct xk_guest *guest = xk_xen_guest_open(block->config.domid, err);

        if (guest == NULL)
            return -1;
        block->queues[i] = xk_blkif_queue_new(&block->device, guest, i, err);
        if (block->queues[i] == NULL)
            return -1;
        block->queue_count++;
    }
    return 0;
}

static int
await_queues(struct xk_block *block, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(TAKE_OVER_MS);
    uint64_t value;

    for (unsigned i = 0; i < block->queue_count; i++) {
        const struct xk_blkif_queue *queue = block->queues[i];

        while (xk_blkif_queue_state(queue) == XK_BLKIF_QUEUE_STARTING) {
            if (xk_deadline_poll(deadline, block->device.changed_fd, POLLIN,
                                 "a queue's thread", err) == -1)
                return -1;
            (void)!read(block->device.changed_fd, &value, sizeof(value));
        }
        if (xk_blkif_queue_state(queue) == XK_BLKIF_QUEUE_FAILED)
            return xk_fail(err, XK_ERR_HOST, "%s",
                           xk_blkif_queue_reason(queue));
    }
    return 0;
}

/* Before any thread is made, so that all of them leave signals to us. */
static int
catch_signals(struct xk_block *block, struct xk_error *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) == -1)
        return xk_fail_errno(err, "block signals");
    sigdelset(&signals, SIGPIPE);
    sigdelset(&signals, SIGHUP);
    block->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (block->signal_fd == -1)
        return xk_fail_errno(err, "make a signalfd");
    return 0;
}

/* Only single nodes: a guest that fills its directory makes no events here. */
static int
watch(struct xk_block *block, struct xk_error *err)
{
    const struct {
        const char *path, *node;
    } nodes[] = {
        {block->config.frontend, "state"},
        {block->config.backend, "state"},
        {block->config.backend, "online"},
    };

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/%s", nodes[i].path, nodes[i].node);

        if (xk_store_watch(block->store, path, "x", xk_block_deadline(), err) ==
            -1)
            return -1;
    }
    return 0;
}

static int
open_all(struct xk_block *block, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *control = xk_asprintf("%s/control", dir);

    if (catch_signals(block, err) == -1 ||
        xk_backend_config_read(dir, &block->config, err) == -1 ||
        take_directory(block, dir, err) == -1 ||
        open_device(block, dir, err) == -1 ||
        take_flusher(block, dir, err) == -1 || start_queues(block, err) == -1)
        return -1;
    block->store = xk_store_open(NULL, xk_block_deadline(), err);
    if (block->store == NULL)
        return -1;
    block->control = xk_control_open(control, xk_block_answer, block, err);
    if (block->control == NULL || await_queues(block, err) == -1)
        return -1;
    return xk_jail_enter(block->config.uid, block->config.gid, err);
}

/* Rings need no xenstored: what is connected goes on without. */
static void
lose_store(struct xk_block *block, const struct xk_error *err)
{
    xk_log(XK_LOG_ERROR, "%s: xenstored: %s: going on without",
           block->config.vdev, err->message);
    xk_store_close(block->store);
    block->store = NULL;
    block->look = false;
}

static void
take_events(struct xk_block *block)
{
    XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};
    struct xk_error err;
    int rc;

    while (block->store != NULL &&
           (rc = xk_store_next_event(block->store, &event, &err)) != 0) {
        if (rc == -1) {
            lose_store(block, &err);
            return;
        }
        block->look = true;
        xk_store_event_free(&event);
    }
}

static int
ms_until(int64_t when_ns)
{
    int64_t left = when_ns - xk_now_ns();

    return left <= 0 ? 0 : (int)(left / 1000000 + 1);
}

static bool
waits_for_image(const struct xk_block *block)
{
    return block->stopping && !block->stuck &&
           block->phase == XK_BLOCK_DRAINING;
}

static bool
is_look_due(const struct xk_block *block)
{
    return block->look && ms_until(block->look_after_ns) == 0;
}

static int
timeout_ms(const struct xk_block *block)
{
    int look = block->look ? ms_until(block->look_after_ns) : -1;
    int end = waits_for_image(block) ? ms_until(block->abandon_ns) : -1;

    if (look == -1 || end == -1)
        return look > end ? look : end;
    return look < end ? look : end;
}

static void
take_signals(struct xk_block *block)
{
    struct signalfd_siginfo info;

    if (read(block->signal_fd, &info, sizeof(info)) > 0)
        xk_block_stop(block);
}

static void
carry_on(struct xk_block *block, int rc, const struct xk_error *err)
{
    if (rc == 0)
        return;
    if (err->kind == XK_ERR_TIMEOUT) {
        xk_warn("%s: %s", block->config.vdev, err->message);
        block->look = true; /* again, when it is awake */
    } else if (block->store != NULL)
        lose_store(block, err);
}

static void
run_once(struct xk_block *block)
{
    enum {
        STORE,
        CHANGED,
        SIGNALS,
        CONTROL
    };
    struct pollfd fds[CONTROL + XK_CONTROL_FDS];
    struct xk_error err;
    uint64_t value;

    take_events(block);
    fds[STORE] = (struct pollfd){
        .fd = block->store != NULL ? xk_store_fd(block->store) : -1,
        .events = POLLIN};
    fds[CHANGED] =
        (struct pollfd){.fd = block->device.changed_fd, .events = POLLIN};
    fds[SIGNALS] = (struct pollfd){.fd = block->signal_fd, .events = POLLIN};
    xk_control_poll(block->control, fds + CONTROL);
    if (poll(fds, CONTROL + XK_CONTROL_FDS, timeout_ms(block)) == -1)
        return;
    if (fds[SIGNALS].revents != 0)
        take_signals(block);
    if (fds[CHANGED].revents != 0) {
        (void)!read(block->device.changed_fd, &value, sizeof(value));
        carry_on(block, xk_block_queues_changed(block, &err), &err);
    }
    xk_control_serve(block->control, fds + CONTROL);
    take_events(block);
    if (waits_for_image(block) && ms_until(block->abandon_ns) == 0) {
        xk_block_abandon(block);
        block->stuck = true; /* whoever waits for our end kills us */
    }
    if (is_look_due(block) && block->store != NULL)
        carry_on(block, xk_block_look(block, &err), &err);
    if (block->store == NULL && block->stopping &&
        block->phase == XK_BLOCK_STILL)
        block->done = true;
}

static int
begin(struct xk_block *block, struct xk_error *err)
{
    if (watch(block, err) == -1)
        return -1;
    /* Not before: one that cannot begin has not written anything. */
    xk_inflight_set_settled(block->device.log, false);
    if (xk_block_begin(block, err) == -1)
        return -1;
    while (block->phase == XK_BLOCK_CONNECTING) /* taking over; has an end */
        run_once(block);
    return 0;
}

struct xk_block *
xk_block_open(const char *dir, struct xk_error *err)
{
    struct xk_block *block = XK_NEW(struct xk_block);

    block->lock_fd = block->signal_fd = block->device.changed_fd = -1;
    block->flusher_fd = -1;
    if (open_all(block, dir, err) == 0 && begin(block, err) == 0)
        return block;
    if (block->has_new_flusher)
        xk_flusher_end(block->flusher_fd);
    xk_block_close(block);
    return NULL;
}

/* The process that flushes stays: whoever stops us asks it (settle.h). */
int
xk_block_run(struct xk_block *block, struct xk_error *err)
{
    (void)err;
    while (!block->done)
        run_once(block);
    return 0;
}

void
xk_block_close(struct xk_block *block)
{
    if (block == NULL)
        return;
    for (unsigned i = 0; i < block->queue_count; i++)
        xk_blkif_queue_free(block->queues[i]);
    xk_control_close(block->control);
    xk_store_close(block->store);
    xk_inflight_close(block->device.log);
    xk_engine_close(block->device.engine);
    if (block->device.changed_fd != -1)
        close(block->device.changed_fd);
    if (block->signal_fd != -1)
        close(block->signal_fd);
    if (block->lock_fd != -1)
        close(block->lock_fd);
    if (block->flusher_fd != -1)
        close(block->flusher_fd);
    free(block->flusher);
    xk_backend_config_free(&block->config);
    free(block);
}
