/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/output.h"
#include "cli/report.h"

#define SHOWN_NS INT64_C(500000000) /* between two reports */
#define SECOND_NS INT64_C(1000000000)

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t cancelled;
static struct sigaction before[XK_ARRAY_SIZE(signals)];

static void
on_signal(int number)
{
    (void)number;
    cancelled = 1;
}

struct amounts {
    uint64_t done_bytes;
    uint64_t left_bytes; /* as far as known */
};

static uint64_t
rate_of(const struct xk_progress *progress, const struct amounts *amounts,
        int64_t now_ns)
{
    int64_t passed = now_ns - progress->started_ns;

    if (passed <= 0)
        return 0;
    return (uint64_t)((double)amounts->done_bytes * SECOND_NS / (double)passed);
}

/* The amounts of the disks while they are copied, otherwise of memory. */
static struct amounts
amounts_of(const struct xk_send_progress *state)
{
    if (!state->copying)
        return (struct amounts){state->sent_bytes, state->remaining_bytes};
    return (struct amounts){state->copied_bytes,
                            state->copy_bytes - state->copied_bytes};
}

static void
show_json(const struct xk_progress *progress,
          const struct xk_send_progress *state, const struct amounts *amounts,
          uint64_t rate)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&line, false);
    struct xk_error ignored;

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "progress");
    xk_json_put_string(writer, "verb", progress->invocation->command->name);
    xk_json_put_string(writer, "step", progress->step);
    xk_json_put_string(writer, "domain", progress->domain);
    xk_json_put_integer(writer, "sent_bytes", (int64_t)amounts->done_bytes);
    xk_json_put_integer(writer, "remaining_bytes",
                        (int64_t)amounts->left_bytes);
    xk_json_put_integer(writer, "rate_bytes_per_s", (int64_t)rate);
    xk_json_put_integer(writer, "rounds", state->rounds);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
    xk_buf_puts(&line, "\n");
    xk_output_flush(STDERR_FILENO, "standard error", &line, &ignored);
}

static void
show_line(const struct xk_progress *progress, const struct amounts *amounts,
          uint64_t rate)
{
    char text[128];

    snprintf(text, sizeof(text),
             "%s, %" PRIu64 " MiB done, %" PRIu64 " MiB left, %" PRIu64
             " MiB/s, %" PRIu64 " s left",
             progress->step, amounts->done_bytes >> 20,
             amounts->left_bytes >> 20, rate >> 20,
             rate > 0 ? amounts->left_bytes / rate : 0);
    xk_report_step(progress->invocation, text,
                   progress->domain != NULL ? progress->domain : "domain");
}

static bool
go_on(const struct xk_send_progress *state, void *context)
{
    struct xk_progress *progress = context;
    struct amounts amounts = amounts_of(state);
    int64_t now_ns = xk_now_ns();

    if (cancelled)
        return false;
    if (now_ns - progress->shown_ns < SHOWN_NS || amounts.done_bytes == 0)
        return true;
    progress->shown_ns = now_ns;
    if (progress->invocation->json)
        show_json(progress, state, &amounts,
                  rate_of(progress, &amounts, now_ns));
    else
        show_line(progress, &amounts, rate_of(progress, &amounts, now_ns));
    return true;
}

void
xk_progress_start(struct xk_progress *progress,
                  const struct xk_invocation *invocation, const char *domain,
                  const char *step)
{
    struct sigaction action = {.sa_handler = on_signal};

    *progress = (struct xk_progress){
        .invocation = invocation,
        .domain = domain,
        .step = step,
        .started_ns = xk_now_ns(),
        .watch = {go_on, progress},
    };
    cancelled = 0;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < XK_ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &action, &before[i]);
    xk_report_step(invocation, step, domain != NULL ? domain : "domain");
}

void
xk_progress_end(struct xk_progress *progress)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &before[i], NULL);
    xk_report_step(progress->invocation, "", "");
}
