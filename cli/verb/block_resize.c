/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/invocation.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

/* Parse a size: "512", "20G"; K, M, G and T are powers of 1024. */
static int
read_size(const char *text, uint64_t *bytes, struct xk_error *err)
{
    static const char units[] = "KMGT";
    XK_CLEANUP_FREE char *digits = xk_strdup(text);
    size_t length = strlen(digits);
    const char *unit = length > 1 ? strchr(units, digits[length - 1]) : NULL;
    unsigned shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);

    if (unit != NULL)
        digits[length - 1] = '\0';
    if (!xk_parse_u64(digits, (uint64_t)INT64_MAX >> shift, bytes) ||
        *bytes == 0)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" is not a size: give a number of bytes, or a "
                       "number followed by K, M, G or T",
                       text);
    *bytes <<= shift;
    return 0;
}

static int
run_block_resize(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;
    uint64_t bytes = 0;

    if ((invocation->argument_count > 2 &&
         read_size(invocation->arguments[2], &bytes, err) == -1) ||
        xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        xk_domain_resize_disk(host, &domain, invocation->arguments[1], bytes,
                              invocation->deadline, err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

const struct xk_command xk_command_block_resize = {
    .name = "block-resize",
    .summary = "tell a guest that a disk has grown",
    .details = "Without SIZE, the image or block device has already been "
               "enlarged, and the guest is told. With SIZE, a raw file, or an "
               "image of a format that QEMU can resize (qcow2, qed), is "
               "enlarged to SIZE first. An image is never made smaller. Only "
               "on Xen: on KVM "
               "the disks of a domain are fixed while it exists.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN},
                    {"VDEV", XK_ARG_TEXT},
                    {"SIZE", XK_ARG_TEXT, .optional = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_block_resize,
};
