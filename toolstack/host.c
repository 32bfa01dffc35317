/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/host.h"

#include <stdlib.h>
#include <string.h>

#include "toolstack/monitor_start.h"
#include "toolstack/recovery.h"

int
xk_host_adopt(struct xk_host *host, struct xk_hypervisor *hv, const char *verb,
              struct xk_deadline deadline, struct xk_error *err)
{
    size_t left;

    memset(host->drivers, 0, sizeof(host->drivers));
    host->drivers[0] = host->preferred = hv;
    host->wanted = xk_hv_name(hv);
    host->verb = verb;
    host->program = NULL;
    host->recovery = &xk_recoveries;
    return xk_recover_all(host, deadline, &left, err);
}

int
xk_host_open(struct xk_host *host, const char *hypervisor, const char *verb,
             struct xk_deadline deadline, struct xk_error *err)
{
    size_t left;

    if (xk_host_peek(host, hypervisor, err) == -1)
        return -1;
    host->verb = verb;
    host->program = realpath("/proc/self/exe", NULL);
    if (xk_recover_all(host, deadline, &left, err) == -1) {
        xk_host_close(host);
        return -1;
    }
    if (left > 0)
        xk_host_need_monitor(host);
    return 0;
}

int
xk_host_peek(struct xk_host *host, const char *hypervisor, struct xk_error *err)
{
    *host = (struct xk_host){.wanted = hypervisor,
                             .verb = "look",
                             .recovery = &xk_recoveries,
                             .state = {.run_fd = -1, .domains_fd = -1}};
    /* Do not make a state directory where no driver can run. */
    if (!xk_state_exists() && xk_driver_find(hypervisor, err) == NULL)
        return -1;
    return xk_state_open(&host->state, err);
}

void
xk_host_close(struct xk_host *host)
{
    xk_host_close_drivers(host);
    xk_state_close(&host->state);
    free(host->program);
    *host = (struct xk_host){.state = {.run_fd = -1, .domains_fd = -1}};
}
