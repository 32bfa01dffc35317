/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verb "info": facts about the host, named as "xl info" names them. */
#include <inttypes.h>
#include <libxl_utils.h>
#include <string.h>

#include "base/cleanup.h"
#include "toolstack/xen/libxl/call.h"

static void
put_version(struct xk_libxl *call, struct xk_json_writer *w)
{
    const libxl_version_info *version = libxl_get_version_info(call->ctx);

    if (version == NULL)
        return;
    xk_json_put_integer(w, "xen_major", version->xen_version_major);
    xk_json_put_integer(w, "xen_minor", version->xen_version_minor);
    xk_json_put_string(w, "xen_extra", version->xen_version_extra);
    xk_json_put_string(w, "xen_caps", version->capabilities);
    xk_json_put_integer(w, "xen_pagesize", version->pagesize);
    xk_json_put_string(w, "xen_changeset", version->changeset);
    xk_json_put_string(w, "xen_commandline", version->commandline);
    xk_json_put_string(w, "cc_compiler", version->compiler);
    xk_json_put_string(w, "cc_compile_date", version->compile_date);
}

static int
put_physinfo(struct xk_libxl *call, struct xk_json_writer *w,
             struct xk_error *err)
{
    uint64_t page = 4096;
    libxl_physinfo info;
    int rc;

    libxl_physinfo_init(&info);
    rc = libxl_get_physinfo(call->ctx, &info);
    if (rc != 0) {
        libxl_physinfo_dispose(&info);
        return xk_libxl_fail(call, rc, NULL, err, "ask the hypervisor");
    }
    xk_json_put_integer(w, "nr_cpus", info.nr_cpus);
    xk_json_put_integer(w, "max_cpu_id", info.max_cpu_id);
    xk_json_put_integer(w, "nr_nodes", info.nr_nodes);
    xk_json_put_integer(w, "cores_per_socket", info.cores_per_socket);
    xk_json_put_integer(w, "threads_per_core", info.threads_per_core);
    xk_json_put_integer(w, "cpu_mhz", info.cpu_khz / 1000);
    xk_json_put_integer(w, "total_memory",
                        (int64_t)(info.total_pages * page >> 20));
    xk_json_put_integer(w, "free_memory",
                        (int64_t)(info.free_pages * page >> 20));
    xk_json_put_bool(w, "cap_hvm", info.cap_hvm);
    xk_json_put_bool(w, "cap_pv", info.cap_pv);
    xk_json_put_bool(w, "cap_hvm_directio", info.cap_hvm_directio);
    xk_json_put_bool(w, "cap_hap", info.cap_hap);
    xk_json_put_bool(w, "cap_shadow", info.cap_shadow);
    xk_json_put_bool(w, "cap_iommu_hap_pt_share", info.cap_iommu_hap_pt_share);
    libxl_physinfo_dispose(&info);
    return 0;
}

int
xk_libxl_info(struct xk_libxl *call, struct xk_error *err)
{
    put_version(call, call->answer);
    return put_physinfo(call, call->answer, err);
}
