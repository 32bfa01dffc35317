/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/migrate_plan.h"

#include "toolstack/migration/migrate.h"

#include <inttypes.h>

#define MIB_SHIFT 20
#define SECOND 1e9 /* nanoseconds */

static void
put_json(struct xk_invocation *invocation, const struct xk_domain *domain,
         const char *host, const struct xk_migrate_plan *plan)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&invocation->out, false);
    const struct xk_forecast_input *input = &plan->input;
    const struct xk_forecast *forecast = &plan->forecast;
    char uuid[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&domain->uuid, uuid);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "name", domain->name);
    xk_json_put_string(writer, "uuid", uuid);
    xk_json_put_string(writer, "host", host);
    xk_json_put_bool(writer, "moved", false);
    xk_json_put_bool(writer, "live", input->live);
    xk_json_put_integer(writer, "memory_bytes",
                        (int64_t)input->load.memory_bytes);
    if (plan->rate_is_known)
        xk_json_put_integer(writer, "dirty_bytes_per_s",
                            (int64_t)input->load.dirty_rate);
    else
        xk_json_put_null(writer, "dirty_bytes_per_s");
    xk_json_put_integer(writer, "disk_bytes", (int64_t)input->disk_bytes);
    xk_json_put_integer(writer, "link_bytes_per_s", (int64_t)input->link.rate);
    xk_json_put_double(writer, "round_trip_s",
                       (double)input->link.round_trip_ns / SECOND);
    xk_json_put_double(writer, "total_s", (double)forecast->total_ns / SECOND);
    xk_json_put_double(writer, "downtime_s",
                       (double)forecast->downtime_ns / SECOND);
    xk_json_put_integer(writer, "rounds", forecast->rounds);
    xk_json_put_bool(writer, "converges", forecast->converges);
    xk_json_close_object(writer);
}

static void
put_text(struct xk_invocation *invocation, const struct xk_domain *domain,
         const char *host, const struct xk_migrate_plan *plan)
{
    const struct xk_forecast_input *input = &plan->input;
    const struct xk_forecast *forecast = &plan->forecast;
    struct xk_buf *out = &invocation->out;

    xk_buf_printf(out, "domain \"%s\" could be moved to \"%s\"\n", domain->name,
                  host);
    xk_buf_printf(out, "memory    %" PRIu64 " MiB",
                  input->load.memory_bytes >> MIB_SHIFT);
    if (plan->rate_is_known)
        xk_buf_printf(out, ", %" PRIu64 " MiB/s of it change",
                      input->load.dirty_rate >> MIB_SHIFT);
    xk_buf_printf(out, "\ndisks     %" PRIu64 " MiB\n",
                  input->disk_bytes >> MIB_SHIFT);
    xk_buf_printf(out, "link      %" PRIu64 " MiB/s, %.1f ms round trip\n",
                  input->link.rate >> MIB_SHIFT,
                  (double)input->link.round_trip_ns / SECOND * 1e3);
    xk_buf_printf(out,
                  "forecast  %.1f s in total, the guest is paused for "
                  "%.0f ms%s\n",
                  (double)forecast->total_ns / SECOND,
                  (double)forecast->downtime_ns / SECOND * 1e3,
                  forecast->converges
                      ? ""
                      : " or longer: it writes faster than the link sends, "
                        "and would be slowed down");
}

void
xk_put_plan(struct xk_invocation *invocation, const struct xk_domain *domain,
            const char *host, const struct xk_migrate_plan *plan)
{
    if (invocation->json)
        put_json(invocation, domain, host, plan);
    else
        put_text(invocation, domain, host, plan);
}
