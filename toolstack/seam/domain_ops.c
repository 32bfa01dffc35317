/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/seam/domain_ops.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "toolstack/seam/call_internal.h"

/* ---- what the calls give ---- */

void
xk_console_close(struct xk_console *console)
{
    const int fds[] = {console->log_fd, console->input_fd, console->output_fd,
                       console->change_fd, console->end_fd};

    for (size_t i = 0; i < XK_ARRAY_SIZE(fds); i++) {
        if (fds[i] != -1)
            close(fds[i]);
    }
    if (console->end != NULL)
        console->end(console->source);
    *console = XK_CONSOLE_NONE;
}

void
xk_screen_free(struct xk_screen *screen)
{
    free(screen->path);
    free(screen->address);
    free(screen->password);
    *screen = (struct xk_screen){0};
}

/* ---- looks ---- */

int
xk_hv_list(struct xk_hypervisor *hv, struct xk_domain_list *list,
           struct xk_deadline deadline, struct xk_error *err)
{
    return XK_CALL(hv, domain, list, NULL, err, list, deadline);
}

int
xk_hv_get(struct xk_hypervisor *hv, const struct xk_domain *domain,
          struct xk_domain_info *info, struct xk_deadline deadline,
          struct xk_error *err)
{
    return XK_CALL(hv, domain, get, &domain->uuid, err, domain, info, deadline);
}

int
xk_hv_check(struct xk_hypervisor *hv, const struct xk_domain_config *config,
            struct xk_problems *problems, struct xk_error *err)
{
    return XK_CALL(hv, domain, check, &config->uuid, err, config, problems);
}

int
xk_hv_describe(struct xk_hypervisor *hv, const struct xk_domain_config *config,
               struct xk_json_writer *writer, struct xk_error *err)
{
    return XK_CALL(hv, domain, describe, &config->uuid, err, config, writer);
}

int
xk_hv_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
              unsigned number, struct xk_console *console, struct xk_error *err)
{
    return XK_CALL(hv, domain, console, &domain->uuid, err, domain, number,
                   console);
}

int
xk_hv_screen(struct xk_hypervisor *hv, const struct xk_domain *domain,
             struct xk_screen *screen, struct xk_deadline deadline,
             struct xk_error *err)
{
    if (!XK_HAS(hv, domain, screen))
        return xk_call_unsupported(hv,
                                   "say where a screen is: point a viewer at "
                                   "the domain's vnclisten and vncdisplay",
                                   err);
    return XK_CALL(hv, domain, screen, &domain->uuid, err, domain, screen,
                   deadline);
}

int
xk_hv_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
           uint64_t *cookie, struct xk_deadline deadline, struct xk_error *err)
{
    return XK_CALL(hv, domain, wait, &domain->uuid, err, domain, cookie,
                   deadline);
}

/* ---- changes ---- */

int
xk_hv_build(struct xk_hypervisor *hv, struct xk_record *record,
            const struct xk_domain_config *config, struct xk_deadline deadline,
            struct xk_error *err)
{
    xk_call_assert_held(record);
    return XK_CALL(hv, domain, build, &record->uuid, err, record, config,
                   deadline);
}

int
xk_hv_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, teardown, &domain->uuid, err, domain, deadline);
}

int
xk_hv_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
            struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, pause, &domain->uuid, err, domain, deadline);
}

int
xk_hv_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
              struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, unpause, &domain->uuid, err, domain, deadline);
}

int
xk_hv_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
             enum xk_signal signal, bool acpi_fallback,
             struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, signal, &domain->uuid, err, domain, signal,
                   acpi_fallback, deadline);
}

int
xk_hv_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
            struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, reset, &domain->uuid, err, domain, deadline);
}

int
xk_hv_restart(struct xk_hypervisor *hv, struct xk_record *record,
              const struct xk_domain_config *config,
              struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_held(record);
    return XK_CALL(hv, domain, restart, &record->uuid, err, record, config,
                   deadline);
}

int
xk_hv_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, preserve, &domain->uuid, err, domain, deadline);
}

int
xk_hv_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const char *path, struct xk_deadline deadline,
                struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, core_dump, &domain->uuid, err, domain, path,
                   deadline);
}

int
xk_hv_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
             const char *name, struct xk_deadline deadline,
             struct xk_error *err)
{
    xk_call_assert_locked(domain);
    return XK_CALL(hv, domain, rename, &domain->uuid, err, domain, name,
                   deadline);
}
