/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop-domain DOMID REASON: stop a domain as if it had done so itself, by the
 * number of the reason (SCHEDOP_remote_shutdown, xen/include/public/sched.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xencall.h>

#define __XEN_TOOLS__ 1 /* the newest of all interfaces */
#include <xen/sched.h>
#include <xen/xen.h>

int
main(int argc, char **argv)
{
    xencall_handle *xen = xencall_open(NULL, 0);
    struct sched_remote_shutdown *stop;

    if (argc != 3 || xen == NULL) {
        fprintf(stderr, "usage: stop-domain DOMID REASON, in a dom0\n");
        return 2;
    }
    stop = xencall_alloc_buffer(xen, sizeof(*stop));
    if (stop == NULL)
        return 1;
    stop->domain_id = (domid_t)atoi(argv[1]);
    stop->reason = (unsigned)atoi(argv[2]);
    if (xencall2(xen, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown,
                 (uint64_t)(uintptr_t)stop) != 0) {
        perror("stop-domain");
        return 1;
    }
    return 0;
}
