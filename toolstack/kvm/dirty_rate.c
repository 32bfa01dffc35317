/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/dirty_rate.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/status.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

enum {
    TICK_MS = 50,
    MEASURE_MS = 5000, /* for one second of guest time */
};

#define MIB (UINT64_C(1) << 20)

/* 1: measured, 0: not yet, -1: error. */
static int
look(struct xk_qmp *qmp, uint64_t *rate, struct xk_deadline deadline,
     struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *result;
    const char *status;
    int64_t mib = 0;

    if (xk_qmp_execute(qmp, "query-dirty-rate", NULL, &answer, deadline, err) ==
        -1)
        return -1;
    result = xk_json_get(answer, "return");
    status = xk_json_string(xk_json_get(result, "status"));
    if (status == NULL || strcmp(status, "measured") != 0)
        return 0;
    if (!xk_json_integer(xk_json_get(result, "dirty-rate"), &mib) || mib < 0)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "QEMU does not say how fast memory changes");
    *rate = (uint64_t)mib * MIB;
    return 1;
}

static int
measure_rate(struct xk_qmp *qmp, uint64_t *rate, struct xk_deadline deadline,
             struct xk_error *err)
{
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(MEASURE_MS));
    if (xk_qmp_execute(qmp, "calc-dirty-rate", "{\"calc-time\":1}", NULL,
                       deadline, err) == -1)
        return -1;
    for (;;) {
        int r = look(qmp, rate, deadline, err);

        if (r != 0)
            return r == 1 ? 0 : -1;
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "QEMU did not measure how fast memory changes");
        xk_qmp_wait_some(qmp,
                         xk_deadline_min(deadline, xk_deadline_in_ms(TICK_MS)));
    }
}

/* Memory that a guest never used, QEMU never had. */
static int
measure_memory(const struct xk_record *record, const struct xk_process *process,
               uint64_t *bytes, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(record, err);
    struct xk_process_stat stat;

    if (config == NULL)
        return -1;
    *bytes = config->maxmem_mib * MIB;
    if (xk_process_read_stat(process->pid, &stat) == 0 &&
        stat.resident_bytes < *bytes)
        *bytes = stat.resident_bytes;
    return 0;
}

int
xk_kvm_measure(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_load *load, struct xk_deadline deadline,
               struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    struct xk_kvm_status status;

    (void)hv;
    *load = (struct xk_load){0};
    if (dirfd == -1 ||
        xk_kvm_status_read(dirfd, &status, deadline, err) == -1 ||
        measure_memory(domain->record, &status.process, &load->memory_bytes,
                       err) == -1)
        return -1;
    if (status.state != XK_STATE_RUNNING)
        return 0;
    qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    return qmp == NULL ? -1
                       : measure_rate(qmp, &load->dirty_rate, deadline, err);
}
