/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/console_pump.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 4096,      /* a writable pipe takes PIPE_BUF at once */
    INPUT_CHUNK = 256, /* a writable pseudo-terminal takes this much */
};

/* The bytes in transit in one direction. */
struct flow {
    char data[CHUNK];
    size_t begin, end;
};

struct work {
    struct xk_console_pump *pump;
    struct flow in;     /* from the person to the domain */
    struct flow out;    /* from the domain to the person */
    bool input_ended;   /* no more is typed, or the domain reads none */
    bool out_exhausted; /* everything available was read */
    bool out_ended;     /* no more will come */
    bool left;          /* the escape byte was typed */
};

enum {
    POLL_INPUT,
    POLL_GUEST_INPUT,
    POLL_GUEST_OUTPUT, /* the log's change, or the stream */
    POLL_OUTPUT,
    POLL_END,
    POLL_INTERRUPT,
    POLL_COUNT,
};

static bool
is_empty(const struct flow *flow)
{
    return flow->begin == flow->end;
}

static bool
is_transient(int error)
{
    return error == EINTR || error == EAGAIN;
}

/* Return the length of the input before the escape byte; the rest was not meant
 * for the guest. */
static size_t
cut_at_escape(struct work *work, const char *data, size_t length)
{
    const char *escape = memchr(data, XK_CONSOLE_PUMP_ESCAPE, length);

    if (!work->pump->escape || escape == NULL)
        return length;
    work->left = true;
    work->input_ended = true;
    return (size_t)(escape - data);
}

/* Read even if the guest takes nothing, so that a person can always leave.
 * Input beyond the buffer is lost, as on a real serial line. */
static int
read_input(struct work *work, struct xk_error *err)
{
    struct flow *in = &work->in;
    char surplus[64];
    bool full = in->end == sizeof(in->data);
    char *to = full ? surplus : in->data + in->end;
    ssize_t length = read(work->pump->input_fd, to,
                          full ? sizeof(surplus) : sizeof(in->data) - in->end);

    if (length == -1 && is_transient(errno))
        return 0;
    /* EIO: the terminal is gone, or belongs to another process group. */
    if (length == -1 && errno != EIO)
        return xk_fail_errno(err, "read standard input");
    if (length <= 0) {
        work->input_ended = true;
        return 0;
    }
    length = (ssize_t)cut_at_escape(work, to, (size_t)length);
    if (!full)
        in->end += (size_t)length;
    return 0;
}

/* If the guest reads no more, drop the input: the end of the guest is reported
 * by other descriptors. */
static void
write_guest(struct work *work)
{
    struct flow *in = &work->in;
    size_t most = in->end - in->begin;
    ssize_t length = write(work->pump->console->input_fd, in->data + in->begin,
                           most < INPUT_CHUNK ? most : INPUT_CHUNK);

    if (length >= 0) {
        in->begin += (size_t)length;
    } else if (!is_transient(errno)) {
        in->begin = in->end;
        work->input_ended = !work->pump->escape;
    }
    if (is_empty(in))
        in->begin = in->end = 0;
}

/* Skip the hole at the front of a log, which reads as zeros, to the next byte
 * that was kept. If the file system cannot tell, stay. */
static void
skip_hole(int fd, off_t *offset)
{
    off_t kept = lseek(fd, *offset, SEEK_DATA);

    if (kept > *offset)
        *offset = kept;
}

/* Return the offset of the last byte seen in a log that was cut, and so is
 * shorter than it was. If that offset cannot be known, return the end of the
 * log. */
static off_t
find_again(const struct xk_console *console, off_t seen, off_t size)
{
    if (console->log_cut == 0)
        return size;
    if (seen > size)
        seen -= (seen - size + console->log_cut - 1) / console->log_cut *
                console->log_cut;
    return seen > 0 ? seen : 0;
}

static ssize_t
read_log(struct work *work)
{
    struct xk_console_pump *pump = work->pump;
    int fd = pump->console->log_fd;
    struct stat st;
    ssize_t length;

    if (pump->console->fetch != NULL)
        pump->console->fetch(pump->console->source);
    if (fstat(fd, &st) == 0 && st.st_size < pump->log_offset)
        pump->log_offset =
            find_again(pump->console, pump->log_offset, st.st_size);
    skip_hole(fd, &pump->log_offset);
    length =
        pread(fd, work->out.data, sizeof(work->out.data), pump->log_offset);
    if (length > 0)
        pump->log_offset += length;
    return length;
}

static int
read_guest(struct work *work, struct xk_error *err)
{
    const struct xk_console *console = work->pump->console;
    bool has_log = console->log_fd != -1;
    ssize_t length = has_log ? read_log(work)
                             : read(console->output_fd, work->out.data,
                                    sizeof(work->out.data));

    if (length == -1 && is_transient(errno)) {
        work->out_exhausted = true;
        return 0;
    }
    if (length == -1 && (has_log || errno != EIO))
        return xk_fail_errno(err, "read the console");
    work->out.begin = 0;
    work->out.end = length > 0 ? (size_t)length : 0;
    work->out_exhausted = length <= 0 || !has_log;
    work->out_ended = !has_log && length <= 0;
    return 0;
}

/* Returns 1 if the reader of the output is gone. */
static int
write_output(struct work *work, struct xk_error *err)
{
    struct flow *out = &work->out;
    ssize_t length = write(work->pump->output_fd, out->data + out->begin,
                           out->end - out->begin);

    if (length == -1 && is_transient(errno))
        return 0;
    if (length == -1 && (errno == EPIPE || errno == EIO))
        return 1;
    if (length == -1)
        return xk_fail_errno(err, "write to standard output");
    out->begin += (size_t)length;
    return 0;
}

static void
drain(int fd)
{
    char events[4096];

    if (read(fd, events, sizeof(events)) == -1)
        return; /* no event after all */
}

static void
fill(const struct work *work, struct pollfd fds[static POLL_COUNT])
{
    const struct xk_console_pump *pump = work->pump;
    const struct xk_console *console = pump->console;
    bool wants_input =
        !work->input_ended && (pump->escape || is_empty(&work->in));
    bool wants_output = is_empty(&work->out) && !work->out_ended;
    int guest_output =
        console->log_fd != -1 ? console->change_fd : console->output_fd;

    fds[POLL_INPUT] =
        (struct pollfd){wants_input ? pump->input_fd : -1, POLLIN, 0};
    fds[POLL_GUEST_INPUT] = (struct pollfd){
        is_empty(&work->in) ? -1 : console->input_fd, POLLOUT, 0};
    fds[POLL_GUEST_OUTPUT] =
        (struct pollfd){wants_output ? guest_output : -1, POLLIN, 0};
    fds[POLL_OUTPUT] =
        (struct pollfd){pump->output_fd, is_empty(&work->out) ? 0 : POLLOUT, 0};
    fds[POLL_END] = (struct pollfd){console->end_fd, POLLIN, 0};
    fds[POLL_INTERRUPT] = (struct pollfd){pump->interrupt_fd, POLLIN, 0};
}

/* Move the bytes that poll() allows. Returns like write_output(). */
static int
move(struct work *work, const struct pollfd fds[static POLL_COUNT],
     struct xk_error *err)
{
    bool has_log = work->pump->console->log_fd != -1;

    if (fds[POLL_INPUT].revents != 0 && read_input(work, err) == -1)
        return -1;
    if (fds[POLL_GUEST_INPUT].revents != 0)
        write_guest(work);
    if (fds[POLL_GUEST_OUTPUT].revents != 0) {
        if (has_log)
            drain(fds[POLL_GUEST_OUTPUT].fd);
        work->out_exhausted = false;
    }
    if (fds[POLL_OUTPUT].revents != 0 && !is_empty(&work->out))
        return write_output(work, err);
    if ((fds[POLL_OUTPUT].revents & (POLLERR | POLLNVAL)) != 0)
        return 1;
    return 0;
}

/* Return the end of the pump, or -1 to continue. All available output is
 * written before the end of the domain is reported. Input before the escape
 * byte is sent first, unless the guest does not take it. */
static int
end_of(const struct work *work, const struct pollfd fds[static POLL_COUNT])
{
    const struct pollfd *guest = &fds[POLL_GUEST_INPUT];
    bool all_written = is_empty(&work->out) && work->out_exhausted;

    if (fds[POLL_INTERRUPT].revents != 0)
        return XK_CONSOLE_PUMP_INTERRUPTED;
    if (work->left &&
        (is_empty(&work->in) || (guest->fd != -1 && guest->revents == 0)))
        return XK_CONSOLE_PUMP_LEFT;
    if (fds[POLL_END].revents != 0 && all_written)
        return XK_CONSOLE_PUMP_GONE;
    return -1;
}

/* Read if the buffer is empty. A log can always be read, a stream only if
 * poll() said so. */
static int
refill(struct work *work, struct xk_error *err)
{
    if (!is_empty(&work->out) || work->out_exhausted || work->out_ended)
        return 0;
    return read_guest(work, err);
}

/* Read the log once more: the guest may have written between our last read and
 * its end. */
static int
look_again(struct work *work, struct xk_error *err)
{
    if (work->pump->console->log_fd == -1 || !work->out_exhausted ||
        !is_empty(&work->out))
        return 0;
    work->out_exhausted = false;
    return refill(work, err);
}

static int
turn(struct work *work, struct xk_deadline deadline, int *end,
     struct xk_error *err)
{
    struct pollfd fds[POLL_COUNT];
    int count, unread;

    if (refill(work, err) == -1)
        return -1;
    if (work->out_ended && is_empty(&work->out)) {
        *end = XK_CONSOLE_PUMP_GONE;
        return 0;
    }
    fill(work, fds);
    count =
        poll(fds, POLL_COUNT, work->left ? 0 : xk_deadline_poll_ms(deadline));
    if (count == -1 && errno != EINTR)
        return xk_fail_errno(err, "poll");
    if (count == -1)
        return 0;
    if (count == 0 && !work->left && xk_deadline_left_ms(deadline) == 0)
        return xk_fail(err, XK_ERR_TIMEOUT,
                       "the time limit of the console has passed");
    if (fds[POLL_END].revents != 0 && look_again(work, err) == -1)
        return -1;
    unread = move(work, fds, err);
    if (unread == -1)
        return -1;
    *end = unread == 1 ? XK_CONSOLE_PUMP_UNREAD : end_of(work, fds);
    return 0;
}

int
xk_console_pump_run(struct xk_console_pump *pump, struct xk_deadline deadline,
                    struct xk_error *err)
{
    struct work work = {
        .pump = pump,
        .input_ended = pump->input_fd == -1,
        .out_exhausted = pump->console->log_fd == -1,
    };
    int end = -1;

    while (end == -1) {
        if (turn(&work, deadline, &end, err) == -1)
            return -1;
    }
    /* The next run of the pump reads again what was read but not written. */
    pump->log_offset -= (off_t)(work.out.end - work.out.begin);
    return end;
}

off_t
xk_console_history_start(int log_fd, int lines)
{
    char block[CHUNK];
    struct stat st;
    off_t begin = 0;
    off_t end;

    skip_hole(log_fd, &begin);
    if (lines < 0 || fstat(log_fd, &st) == -1)
        return begin;
    if (lines == 0)
        return st.st_size;
    for (end = st.st_size; end > begin;) {
        size_t want = end - begin < CHUNK ? (size_t)(end - begin) : CHUNK;

        if (pread(log_fd, block, want, end - (off_t)want) != (ssize_t)want)
            return st.st_size;
        /* The newline at the end of the log begins no further line. */
        for (; want > 0; want--, end--) {
            if (block[want - 1] == '\n' && end != st.st_size && --lines == 0)
                return end;
        }
    }
    return begin;
}
