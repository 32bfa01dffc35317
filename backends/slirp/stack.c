/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/slirp/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <slirp/libslirp.h>

#include "base/deadline.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    POLL_MS = 10000, /* at most, where nothing is due */
    IPV6_PREFIX_BITS = 64,
    NS_PER_MS = 1000000,
};

/* libslirp arms timers for its own clock, in ms. */
struct timer {
    struct timer *next;
    SlirpTimerCb fire;
    void *context;
    int64_t due_ms; /* -1: not armed */
};

struct xk_stack {
    Slirp *slirp;
    struct timer *timers;
    struct pollfd *fds;
    size_t count, room;
    void (*send)(void *context, const void *frame, size_t bytes);
    void *context;
};

/* ---- what libslirp asks for ---- */

static ssize_t
send_packet(const void *frame, size_t bytes, void *opaque)
{
    const struct xk_stack *stack = opaque;

    stack->send(stack->context, frame, bytes);
    return (ssize_t)bytes;
}

static void
guest_error(const char *message, void *opaque)
{
    (void)opaque;
    xk_debug("the guest: %s", message);
}

static int64_t
clock_get_ns(void *opaque)
{
    (void)opaque;
    return xk_now_ns();
}

static void *
timer_new(SlirpTimerCb fire, void *context, void *opaque)
{
    struct xk_stack *stack = opaque;
    struct timer *timer = XK_NEW(struct timer);

    *timer = (struct timer){
        .next = stack->timers, .fire = fire, .context = context, .due_ms = -1};
    stack->timers = timer;
    return timer;
}

static void
timer_free(void *which, void *opaque)
{
    struct xk_stack *stack = opaque;
    struct timer **at = &stack->timers;

    while (*at != which)
        at = &(*at)->next;
    *at = (*at)->next;
    free(which);
}

static void
timer_mod(void *which, int64_t due_ms, void *opaque)
{
    (void)opaque;
    ((struct timer *)which)->due_ms = due_ms;
}

/* All descriptors are told before each poll. */
static void
register_fd(int fd, void *opaque)
{
    (void)fd;
    (void)opaque;
}

static void
notify(void *opaque)
{
    (void)opaque;
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = register_fd,
    .notify = notify,
};

/* ---- waiting ---- */

static const struct {
    int slirp;
    short poll;
} events_of[] = {
    {SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT},
    {SLIRP_POLL_PRI, POLLPRI}, {SLIRP_POLL_ERR, POLLERR},
    {SLIRP_POLL_HUP, POLLHUP},
};

static int
add_poll(int fd, int events, void *opaque)
{
    struct xk_stack *stack = opaque;
    short wanted = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(events_of); i++) {
        if ((events & events_of[i].slirp) != 0)
            wanted = (short)(wanted | events_of[i].poll);
    }
    if (stack->count == stack->room) {
        stack->room = stack->room * 2 + 16;
        stack->fds = xk_realloc(stack->fds, stack->room, sizeof(*stack->fds));
    }
    stack->fds[stack->count] = (struct pollfd){.fd = fd, .events = wanted};
    return (int)stack->count++;
}

static int
get_events(int index, void *opaque)
{
    const struct xk_stack *stack = opaque;
    int events = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(events_of); i++) {
        if ((stack->fds[index].revents & events_of[i].poll) != 0)
            events |= events_of[i].slirp;
    }
    return events;
}

static int
until_timer(const struct xk_stack *stack, uint32_t timeout_ms)
{
    int64_t now_ms = xk_now_ns() / NS_PER_MS;
    int64_t left = timeout_ms < POLL_MS ? (int64_t)timeout_ms : POLL_MS;

    for (const struct timer *timer = stack->timers; timer != NULL;
         timer = timer->next) {
        if (timer->due_ms != -1 && timer->due_ms - now_ms < left)
            left = timer->due_ms > now_ms ? timer->due_ms - now_ms : 0;
    }
    return (int)left;
}

/* A timer may arm or free itself, and arm others. */
static void
fire_timers(struct xk_stack *stack)
{
    int64_t now_ms = xk_now_ns() / NS_PER_MS;

    for (struct timer *timer = stack->timers, *next; timer != NULL;
         timer = next) {
        next = timer->next;
        if (timer->due_ms == -1 || timer->due_ms > now_ms)
            continue;
        timer->due_ms = -1;
        timer->fire(timer->context);
    }
}

void
xk_stack_run(struct xk_stack *stack, struct pollfd *fds, size_t count)
{
    uint32_t timeout_ms = UINT32_MAX;
    int ready;

    stack->count = 0;
    slirp_pollfds_fill(stack->slirp, &timeout_ms, add_poll, stack);
    for (size_t i = 0; i < count; i++)
        add_poll(fds[i].fd, 0, stack);
    for (size_t i = 0; i < count; i++)
        stack->fds[stack->count - count + i].events = fds[i].events;
    ready = poll(stack->fds, stack->count, until_timer(stack, timeout_ms));
    for (size_t i = 0; i < count; i++)
        fds[i].revents =
            ready > 0 ? stack->fds[stack->count - count + i].revents : 0;
    slirp_pollfds_poll(stack->slirp, ready == -1, get_events, stack);
    fire_timers(stack);
}

void
xk_stack_input(struct xk_stack *stack, const uint8_t *frame, size_t bytes)
{
    slirp_input(stack->slirp, frame, (int)bytes);
}

/* ---- its beginning ---- */

static int
take_address(const char *text, struct in_addr *address)
{
    if (text == NULL)
        return 0;
    return inet_pton(AF_INET, text, address) == 1 ? 0 : -1;
}

static int
add_forward(struct xk_stack *stack, const struct xk_stack_forward *forward,
            struct xk_error *err)
{
    struct in_addr host = {0}, guest = {0};
    const char *shown =
        forward->host_address != NULL ? forward->host_address : "";

    if (take_address(forward->host_address, &host) == -1 ||
        take_address(forward->guest_address, &guest) == -1)
        return xk_fail(
            err, XK_ERR_CONFIG,
            "hostfwd: \"%s\" or \"%s\" is not an IPv4 address", shown,
            forward->guest_address != NULL ? forward->guest_address : "");
    if (slirp_add_hostfwd(stack->slirp, forward->is_udp, host,
                          forward->host_port, guest, forward->guest_port) == 0)
        return 0;
    return xk_fail(err, errno == EADDRINUSE ? XK_ERR_IN_USE : XK_ERR_CONFIG,
                   "hostfwd: %s port %u of \"%s\": %s",
                   forward->is_udp ? "udp" : "tcp", forward->host_port, shown,
                   strerror(errno));
}

static struct in_addr
ipv4(const char *text)
{
    struct in_addr address = {0};

    inet_pton(AF_INET, text, &address);
    return address;
}

static struct in6_addr
ipv6(const char *text)
{
    struct in6_addr address = {0};

    inet_pton(AF_INET6, text, &address);
    return address;
}

static SlirpConfig
config_of(const struct xk_stack_options *options)
{
    return (SlirpConfig){
        .version = 1,
        .in_enabled = true,
        .vnetwork = ipv4("10.0.2.0"),
        .vnetmask = ipv4("255.255.255.0"),
        .vhost = ipv4("10.0.2.2"),
        .vdhcp_start = ipv4("10.0.2.15"),
        .vnameserver = ipv4("10.0.2.3"),
        .in6_enabled = true,
        .vprefix_addr6 = ipv6("fec0::"),
        .vprefix_len = IPV6_PREFIX_BITS,
        .vhost6 = ipv6("fec0::2"),
        .vnameserver6 = ipv6("fec0::3"),
        .if_mtu = options->mtu,
        .if_mru = options->mtu,
        .disable_host_loopback = !options->host_loopback,
    };
}

struct xk_stack *
xk_stack_new(const struct xk_stack_options *options,
             void (*send)(void *context, const void *frame, size_t bytes),
             void *context, struct xk_error *err)
{
    SlirpConfig config = config_of(options);
    struct xk_stack *stack = XK_NEW(struct xk_stack);

    *stack = (struct xk_stack){.send = send, .context = context};
    stack->slirp = slirp_new(&config, &callbacks, stack);
    if (stack->slirp == NULL) {
        xk_fail(err, XK_ERR_SYSTEM, "libslirp does not start");
        xk_stack_free(stack);
        return NULL;
    }
    for (size_t i = 0; i < options->forward_count; i++) {
        if (add_forward(stack, &options->forwards[i], err) == -1) {
            xk_stack_free(stack);
            return NULL;
        }
    }
    return stack;
}

void
xk_stack_free(struct xk_stack *stack)
{
    if (stack == NULL)
        return;
    if (stack->slirp != NULL)
        slirp_cleanup(stack->slirp);
    while (stack->timers != NULL)
        timer_free(stack->timers, stack);
    free(stack->fds);
    free(stack);
}
