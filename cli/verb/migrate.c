/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "base/util.h"
#include "cli/invocation.h"
#include "cli/migrate_plan.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "toolstack/find.h"
#include "toolstack/migration/cancel.h"
#include "toolstack/migration/handover.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/migration/resolve.h"

enum {
    OPTION_LIVE,
    OPTION_NO_LIVE,
    OPTION_BANDWIDTH,
    OPTION_DOWNTIME,
    OPTION_COMPRESS,
    OPTION_TRANSPORT,
    OPTION_PROGRAM,
    OPTION_SILENCE,
    OPTION_COPY_DISKS,
    OPTION_DRY_RUN,
    OPTION_PLAN,
    OPTION_CANCEL,
    OPTION_RESOLVE,
    OPTION_KEEP,
    OPTION_GONE,
    OPTION_SSH,
    OPTION_CONFIG,
    OPTION_DEBUG,
    OPTION_COUNT,
};

#define MIB (UINT64_C(1) << 20)
#define MS_NS INT64_C(1000000)

/* ---- the options ---- */

static uint64_t
number_of(const struct xk_invocation *invocation, int option)
{
    const char *text = xk_option_value(invocation, option);
    uint64_t value = 0;

    if (text != NULL)
        xk_parse_u64(text, UINT32_MAX, &value);
    return value;
}

/* Refuse 0, which means "not given" in struct xk_migrate_options. */
static int
check_limits(const struct xk_invocation *invocation, struct xk_error *err)
{
    static const struct {
        int option;
        const char *name;
    } rows[] = {
        {OPTION_BANDWIDTH, "bandwidth"},
        {OPTION_DOWNTIME, "max-downtime"},
        {OPTION_SILENCE, "silence"},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        if (xk_option_given(invocation, rows[i].option) &&
            number_of(invocation, rows[i].option) == 0)
            return xk_fail(err, XK_ERR_USAGE,
                           "--%s must be more than 0; omit it for the default",
                           rows[i].name);
    }
    return 0;
}

static int
read_options(const struct xk_invocation *invocation,
             struct xk_migrate_options *options, struct xk_error *err)
{
    const char *compress = xk_option_value(invocation, OPTION_COMPRESS);

    options->compression = XK_COMPRESSION_AUTO;
    if (compress != NULL &&
        !xk_compression_by_name(compress, &options->compression))
        return xk_fail(err, XK_ERR_USAGE,
                       "--compress \"%s\": only \"auto\", \"zstd\" and "
                       "\"none\" are known",
                       compress);
    if (check_limits(invocation, err) == -1)
        return -1;
    if (xk_option_given(invocation, OPTION_LIVE) &&
        xk_option_given(invocation, OPTION_NO_LIVE))
        return xk_fail(err, XK_ERR_USAGE,
                       "--live and --no-live exclude each other");
    options->live = xk_option_given(invocation, OPTION_LIVE) ? XK_LIVE
                    : xk_option_given(invocation, OPTION_NO_LIVE)
                        ? XK_NOT_LIVE
                        : XK_LIVE_IF_POSSIBLE;
    options->bandwidth = number_of(invocation, OPTION_BANDWIDTH) * MIB;
    options->max_downtime_ms = (unsigned)number_of(invocation, OPTION_DOWNTIME);
    options->silence_ms = (int64_t)number_of(invocation, OPTION_SILENCE) * 1000;
    options->copy_disks = xk_option_given(invocation, OPTION_COPY_DISKS);
    options->dry_run = xk_option_given(invocation, OPTION_DRY_RUN);
    return 0;
}

static int
make_link(const struct xk_invocation *invocation, struct xk_link *link,
          struct xk_error *err)
{
    const char *command = xk_option_value(invocation, OPTION_TRANSPORT);
    const char *host = invocation->arguments[1];

    if (command != NULL)
        return xk_link_by_command(link, host, command, err);
    return xk_link_by_ssh(link, host,
                          xk_option_value(invocation, OPTION_PROGRAM), err);
}

/* ---- the result ---- */

static void
put_json(struct xk_invocation *invocation, const struct xk_domain *domain,
         const struct xk_migrate_result *result)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&invocation->out, false);
    char uuid[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&domain->uuid, uuid);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "name", domain->name);
    xk_json_put_string(writer, "uuid", uuid);
    xk_json_put_string(writer, "host", invocation->arguments[1]);
    xk_json_put_bool(writer, "moved",
                     !xk_option_given(invocation, OPTION_DRY_RUN));
    xk_json_put_bool(writer, "live", result->live);
    xk_json_put_double(writer, "total_s", (double)result->total_ns / 1e9);
    xk_json_put_double(writer, "downtime_s", (double)result->downtime_ns / 1e9);
    xk_json_put_integer(writer, "bytes", (int64_t)result->bytes);
    xk_json_put_integer(writer, "wire_bytes", (int64_t)result->wire_bytes);
    xk_json_put_integer(writer, "disk_bytes", (int64_t)result->copied_bytes);
    xk_json_put_integer(writer, "rounds", result->rounds);
    xk_json_close_object(writer);
}

static void
put_text(struct xk_invocation *invocation, const struct xk_domain *domain,
         const struct xk_migrate_result *result)
{
    if (xk_option_given(invocation, OPTION_DRY_RUN)) {
        xk_buf_printf(&invocation->out,
                      "domain \"%s\" could be moved to \"%s\"\n", domain->name,
                      invocation->arguments[1]);
        return;
    }
    xk_buf_printf(&invocation->out,
                  "domain \"%s\" is on \"%s\": %.2f s in total, the guest was "
                  "paused for %" PRId64 " ms, %" PRIu64 " MiB in %u round%s, "
                  "%" PRIu64 " MiB on the wire\n",
                  domain->name, invocation->arguments[1],
                  (double)result->total_ns / 1e9, result->downtime_ns / MS_NS,
                  result->bytes / MIB, result->rounds,
                  result->rounds == 1 ? "" : "s", result->wire_bytes / MIB);
}

static void
show_phase(const char *phase, void *context)
{
    struct xk_progress *progress = context;

    progress->step = phase;
    progress->started_ns = xk_now_ns();
    xk_report_step(progress->invocation, phase, progress->domain);
}

/* Ask the target until it answers. The monitor would ask too, but a person
 * waits for the end of this verb. */
static int
end_doubt(struct xk_invocation *invocation, struct xk_domain *domain,
          struct xk_error *err)
{
    enum xk_handover fate;
    struct xk_error why = {0};

    if (xk_migrate_resolve(&invocation->host, domain, XK_RESOLVE_ASK, &fate,
                           xk_deadline_never(), &why) == -1)
        return xk_wrap(
            err,
            "domain \"%s\" is in doubt: it does not run here until \"%s\" says "
            "whether it runs there; the monitor asks until it knows, \"xk "
            "migrate --resolve %s\" asks at once (%s)",
            domain->name, invocation->arguments[1], domain->name, why.message);
    return fate == XK_HANDOVER_OWNED ? 0 : -1;
}

static int
migrate(struct xk_invocation *invocation, struct xk_domain *domain,
        struct xk_link *link, struct xk_error *err)
{
    struct xk_migrate_options options = {0};
    struct xk_migrate_result result;
    struct xk_migrate_plan plan;
    struct xk_progress progress;
    bool doubt;
    int rc;

    if (read_options(invocation, &options, err) == -1)
        return -1;
    xk_progress_start(&progress, invocation, domain->name, "connecting");
    options.watch = &progress.watch;
    options.phase = show_phase;
    options.phase_context = &progress;
    if (xk_option_given(invocation, OPTION_PLAN))
        options.plan = &plan;
    rc = xk_domain_migrate(&invocation->host, domain, link, &options, &result,
                           &doubt, invocation->deadline, err);
    xk_progress_end(&progress);
    if (rc == -1 && (!doubt || end_doubt(invocation, domain, err) == -1))
        return -1;
    if (options.plan != NULL)
        xk_put_plan(invocation, domain, invocation->arguments[1], &plan);
    else if (invocation->json)
        put_json(invocation, domain, &result);
    else
        put_text(invocation, domain, &result);
    return 0;
}

/* ---- the other forms ---- */

static int
resolve(struct xk_invocation *invocation, struct xk_domain *domain,
        struct xk_error *err)
{
    bool keep = xk_option_given(invocation, OPTION_KEEP);
    bool gone = xk_option_given(invocation, OPTION_GONE);
    enum xk_handover fate;

    if (keep && gone)
        return xk_fail(err, XK_ERR_USAGE,
                       "--keep and --gone exclude each other");
    if (xk_migrate_resolve(&invocation->host, domain,
                           keep   ? XK_RESOLVE_KEEP
                           : gone ? XK_RESOLVE_GONE
                                  : XK_RESOLVE_ASK,
                           &fate, invocation->deadline, err) == -1)
        return -1;
    xk_invocation_put_handle(invocation, domain, "move",
                             xk_handover_name(fate));
    if (!invocation->json)
        xk_buf_printf(&invocation->out, "domain \"%s\" %s\n", domain->name,
                      fate == XK_HANDOVER_OWNED
                          ? "is on the other host, and no longer here"
                          : "continues here");
    return 0;
}

static int
run_migrate(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    bool cancels = xk_option_given(invocation, OPTION_CANCEL);
    bool resolves = xk_option_given(invocation, OPTION_RESOLVE);
    struct xk_link link = {.fd = -1};
    int rc;

    if (!resolves && (xk_option_given(invocation, OPTION_KEEP) ||
                      xk_option_given(invocation, OPTION_GONE)))
        return xk_fail(err, XK_ERR_USAGE, "--keep and --gone need --resolve");
    if (invocation->argument_count != (cancels || resolves ? 1 : 2))
        return xk_fail(err, XK_ERR_USAGE,
                       "\"migrate\" takes a domain and a host, with --cancel "
                       "and --resolve only a domain");
    if (xk_domain_find(&invocation->host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1)
        return -1;
    if (resolves)
        return resolve(invocation, &domain, err);
    if (cancels)
        return xk_migrate_cancel(&invocation->host, &domain,
                                 invocation->deadline, err);
    rc = make_link(invocation, &link, err);
    if (rc == 0)
        rc = migrate(invocation, &domain, &link, err);
    xk_link_free(&link);
    return rc;
}

static const struct xk_option options[] = {
    [OPTION_LIVE] = XK_FLAG(0, "live", "move it live or not at all"),
    [OPTION_NO_LIVE] =
        XK_FLAG(0, "no-live", "pause the guest for the whole move"),
    [OPTION_BANDWIDTH] = XK_VALUE(0, "bandwidth", XK_ARG_NUMBER, "MIB",
                                  "send at most MIB mebibytes a second"),
    [OPTION_DOWNTIME] = XK_VALUE(0, "max-downtime", XK_ARG_NUMBER, "MS",
                                 "how long the guest may be paused at the end"),
    [OPTION_COMPRESS] = XK_VALUE(0, "compress", XK_ARG_TEXT, "METHOD",
                                 "compression of the stream: auto, zstd, none"),
    [OPTION_TRANSPORT] = XK_VALUE(0, "transport", XK_ARG_TEXT, "CMD",
                                  "the command that connects to HOST"),
    [OPTION_PROGRAM] = XK_VALUE(0, "remote-program", XK_ARG_TEXT, "PATH",
                                "the path of xk on the other host"),
    [OPTION_SILENCE] =
        XK_VALUE(0, "silence", XK_ARG_NUMBER, "SECONDS",
                 "abandon the move after this silence of the other host (30)"),
    [OPTION_COPY_DISKS] =
        XK_FLAG(0, "copy-disks", "copy its disks too, except read-only ones"),
    [OPTION_DRY_RUN] =
        XK_FLAG('n', "dry-run", "only ask whether it could be moved"),
    [OPTION_PLAN] =
        XK_FLAG(0, "plan", "measure, and print what the move would take"),
    [OPTION_CANCEL] =
        XK_FLAG(0, "cancel", "cancel the move of DOMAIN that is in progress"),
    [OPTION_RESOLVE] = XK_FLAG(
        0, "resolve", "ask the other host about DOMAIN, which is in doubt"),
    [OPTION_KEEP] = XK_FLAG(0, "keep", "with --resolve: it continues here"),
    [OPTION_GONE] =
        XK_FLAG(0, "gone", "with --resolve: it runs there, end it here"),
    [OPTION_SSH] =
        XK_REFUSED_VALUE('s', NULL, XK_ARG_TEXT, "CMD", "the ssh command of xl",
                         "use --transport, which takes a whole command"),
    [OPTION_CONFIG] = XK_REFUSED_VALUE(
        'C', NULL, XK_ARG_FILE, "FILE", "another configuration",
        "a domain is moved with the configuration it has"),
    [OPTION_DEBUG] = XK_FLAG(0, "debug", "accepted and ignored: use -v"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_migrate = {
    .name = "migrate",
    .summary = "move a domain to another host",
    .details =
        "Connects to HOST by ssh, where xk must be installed, and moves the "
        "domain there. Its disks must be reachable on both hosts at the same "
        "paths, or be copied (--copy-disks). The guest runs while its memory "
        "is sent, and is paused only for the last part of it.\n\n"
        "First the other host checks whether it can take the domain. If it "
        "cannot, all reasons are printed, and nothing has been touched. "
        "--dry-run ends there. --plan then measures how fast the guest writes "
        "to its memory and how fast the link is, and prints how long the move "
        "would take and for how long the guest would be paused; nothing is "
        "moved.\n\n"
        "Until the domain is handed over, any failure lets it continue here "
        "and leaves nothing there: a lost connection, Ctrl-C, a killed "
        "process, \"xk migrate --cancel DOMAIN\". The hand-over is one "
        "decision, which the other host makes once and for all. If the "
        "connection is lost at that moment, the domain is \"in-doubt\": it "
        "runs on one host at most, and does not run here until the other host "
        "has reported its decision. The monitor asks until it has an answer; "
        "--resolve asks at once.\n\n"
        "If the other host is gone for good, --resolve --keep lets the domain "
        "continue here: be certain that it does not run there, or the two "
        "copies destroy its disks. --resolve --gone ends it here.\n\n"
        "With --copy-disks the disks that the guest can write, raw and qcow2 "
        "images, are copied first, over a second connection, while the guest "
        "keeps writing. They have the same paths on the other host: an image "
        "that is missing there is created, and one of the same size that "
        "nobody uses is overwritten. If the move fails, the images that were "
        "created are removed. The images here are kept in any case.\n\n"
        "The stream is compressed where that saves time: on a slow link, or an "
        "encrypted one, but not on a fast one. Both ways are tried and "
        "measured now and then. --compress chooses one instead.\n\n"
        "--transport runs CMD instead of ssh; its standard input and output "
        "must lead to an \"xk migrate-receive\". CMD is split into words as by "
        "a shell, 64 at most, but no shell is run. If the domain is in doubt, "
        "the same command asks for the decision, perhaps from another "
        "directory.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN},
                    {"HOST", XK_ARG_TEXT, .optional = true}},
    .needs_host = true,
    .run = run_migrate,
};
