/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/hmp.h"

#include "base/json.h"
#include "base/mem.h"

char *
xk_kvm_hmp_ask(struct xk_qmp *qmp, const char *line,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const char *said;

    if (xk_qmp_execute_with(qmp, "human-monitor-command", "command-line", line,
                            &answer, deadline, err) == -1)
        return NULL;
    said = xk_json_need_string(answer, "return", err);
    return said != NULL ? xk_strdup(said) : NULL;
}
