/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/screen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/status.h"
#include "toolstack/kvm/vnc.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

enum {
    PORT_MAX = 65535
};

/* The key's, or that of the framebuffer. */
static char *
find_password(const struct xk_domain_config *config)
{
    const struct xk_value *vfb = &config->values[XK_KEY_VFB];
    const char *password = xk_config_string(config, XK_KEY_VNCPASSWD);
    XK_CLEANUP_FREE char *text = NULL;
    struct xk_kvm_vnc vnc;

    if (config->type != XK_TYPE_HVM && vfb->item_count > 0 &&
        xk_kvm_vnc_parse_vfb(vfb->items[0], &text, &vnc, NULL) == 0)
        password = vnc.password;
    return password == NULL || password[0] == '\0' ? NULL : xk_strdup(password);
}

static bool
is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, bytes) == 1 ||
           inet_pton(AF_INET6, text, bytes) == 1;
}

static int
take_answer(const struct xk_json *vnc, const struct xk_record *record,
            struct xk_screen *screen, struct xk_error *err)
{
    const char *family = xk_json_string(xk_json_get(vnc, "family"));
    const char *host = xk_json_string(xk_json_get(vnc, "host"));
    const char *service = xk_json_string(xk_json_get(vnc, "service"));
    uint64_t port;

    if (!xk_json_is_true(xk_json_get(vnc, "enabled")) || family == NULL)
        return xk_fail(err, XK_ERR_NOT_FOUND, "it has no screen");
    if (strcmp(family, "unix") == 0) {
        screen->path = xk_asprintf("%s/%s", record->path, XK_KVM_FILE_SCREEN);
        return 0;
    }
    /* It becomes an argument of a viewer. */
    if (host == NULL || !is_address(host) || service == NULL ||
        !xk_parse_u64(service, PORT_MAX, &port))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "QEMU does not say where its screen is");
    screen->address = xk_strdup(host);
    screen->port = (unsigned)port;
    return 0;
}

int
xk_kvm_screen(struct xk_hypervisor *hv, const struct xk_domain *domain,
              struct xk_screen *screen, struct xk_deadline deadline,
              struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    (void)hv;
    if (dirfd == -1)
        return -1;
    config = xk_record_load_config(domain->record, err);
    if (config == NULL)
        return -1;
    qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL)
        return -1;
    if (xk_qmp_execute(qmp, "query-vnc", NULL, &answer, deadline, err) == -1)
        return -1;
    if (take_answer(xk_json_get(answer, "return"), domain->record, screen,
                    err) == -1)
        return -1;
    screen->password = find_password(config);
    return 0;
}
