/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/faulty_way.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "toolstack/migration/frame.h"

enum {
    ROOM = 1 << 20, /* of the pipe, for bytes that a stopped target leaves */
    LENGTH_AT = 16, /* offset of the payload's length in a header */
    CHUNK = 64 << 10,
};

struct direction {
    int in, out;
    bool from_target;
    unsigned frames; /* forwarded so far */
    struct xk_buf held;
};

struct carrier {
    const struct faulty_way *way;
    pid_t child;
    bool swallows;
    struct direction directions[2];
};

/* Returns the length of the first held frame if it is complete, else 0. */
static size_t
whole_frame(const struct direction *direction)
{
    const unsigned char *head = (const void *)direction->held.data;
    size_t length = XK_FRAME_HEADER_SIZE;

    if (direction->held.length < XK_FRAME_HEADER_SIZE)
        return 0;
    for (size_t i = 0, field = 0; i < 4; i++) {
        field = field << 8 | head[LENGTH_AT + i];
        if (i == 3)
            length += field;
    }
    return direction->held.length >= length ? length : 0;
}

static bool
is_struck(const struct carrier *carrier, const struct direction *direction)
{
    const struct faulty_way *way = carrier->way;

    return way->fault != WAY_SOUND &&
           direction->from_target == way->from_target &&
           direction->frames == way->index && access(way->once, F_OK) == -1;
}

/* Stop the target, and wait until it is stopped. */
static void
stop_target(const struct carrier *carrier)
{
    int fd = open(carrier->way->once, O_WRONLY | O_TRUNC | O_CLOEXEC);
    siginfo_t info;

    dprintf(fd, "%d", (int)carrier->child);
    close(fd);
    kill(carrier->child, SIGSTOP);
    waitid(P_PID, (id_t)carrier->child, &info, WSTOPPED | WEXITED | WNOWAIT);
}

/* Do what the fault does before the frame. False: do not forward the frame. */
static bool
strike_before(struct carrier *carrier, const struct direction *direction,
              size_t length)
{
    char *frame = direction->held.data;

    switch (carrier->way->fault) {
    case WAY_CUT:
        _exit(0);
    case WAY_CUT_AMID:
        xk_write_all(direction->out, frame, length / 2);
        _exit(0);
    case WAY_CHANGE_HEAD:
        frame[LENGTH_AT - 1] ^= 1;
        return true;
    case WAY_CHANGE_BODY:
        frame[length - 1] ^= 4;
        return true;
    case WAY_REPEAT:
        xk_write_all(direction->out, frame, length);
        return true;
    case WAY_SWALLOW:
        carrier->swallows = true;
        return false;
    case WAY_KILL_TARGET:
        kill(carrier->child, SIGKILL);
        return true;
    case WAY_KILL_SOURCE:
        kill(carrier->way->source, SIGKILL);
        return true;
    case WAY_STOP_TARGET:
        stop_target(carrier);
        return true;
    case WAY_STOP_SOURCE:
        kill(carrier->way->source, SIGSTOP);
        return true;
    case WAY_SOUND:
    case WAY_CUT_AFTER:
    case WAY_FAULTS:
    default:
        return true;
    }
}

static void
pass_frame(struct carrier *carrier, struct direction *direction, size_t length)
{
    bool struck = is_struck(carrier, direction);

    direction->frames++;
    if (struck)
        close(open(carrier->way->once, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (struck && !strike_before(carrier, direction, length))
        return;
    if (!carrier->swallows &&
        xk_write_all(direction->out, direction->held.data, length) == -1)
        _exit(0);
    if (struck && (carrier->way->fault == WAY_CUT_AFTER ||
                   carrier->way->fault == WAY_STOP_TARGET))
        _exit(0);
}

/* Forward once. False at the end of the direction. */
static bool
carry(struct carrier *carrier, struct direction *direction)
{
    struct xk_buf *held = &direction->held;
    ssize_t got = read(direction->in, xk_buf_reserve(held, CHUNK), CHUNK);
    size_t length;

    if (got <= 0)
        return false;
    held->length += (size_t)got;
    while ((length = whole_frame(direction)) > 0) {
        pass_frame(carrier, direction, length);
        xk_buf_consume(held, length);
    }
    return true;
}

static void
carry_all(struct carrier *carrier)
{
    struct pollfd pollers[2];

    for (;;) {
        for (int i = 0; i < 2; i++)
            pollers[i] = (struct pollfd){carrier->directions[i].in, POLLIN, 0};
        if (poll(pollers, 2, -1) == -1)
            return;
        for (int i = 0; i < 2; i++) {
            if (pollers[i].revents != 0 &&
                !carry(carrier, &carrier->directions[i]))
                return;
        }
    }
}

void
faulty_way_run(const struct faulty_way *way,
               int (*target)(int in_fd, int out_fd, void *context),
               void *context)
{
    struct carrier carrier = {.way = way};
    int in[2], out[2];

    signal(SIGPIPE, SIG_IGN);
    if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
        abort();
    fcntl(in[1], F_SETPIPE_SZ, ROOM);
    carrier.child = fork();
    if (carrier.child == 0) {
        close(in[1]);
        close(out[0]);
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        setsid(); /* else a stopped child is continued when we end */
        _exit(target(in[0], out[1], context) == 0 ? 0 : 1);
    }
    close(in[0]);
    close(out[1]);
    carrier.directions[0] =
        (struct direction){.in = STDIN_FILENO, .out = in[1]};
    carrier.directions[1] = (struct direction){
        .in = out[0], .out = STDOUT_FILENO, .from_target = true};
    carry_all(&carrier);
    _exit(0);
}
