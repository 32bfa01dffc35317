/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/user.h"

#include <grp.h>
#include <unistd.h>

int
xk_sandbox_limit(int what, rlim_t value, struct xk_error *err)
{
    struct rlimit limits = {value, value};

    if (setrlimit(what, &limits) == -1)
        return xk_fail_errno(err, "set a resource limit");
    return 0;
}

int
xk_sandbox_become(uint32_t uid, uint32_t gid, struct xk_error *err)
{
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
        setresuid(uid, uid, uid) == -1)
        return xk_fail_errno(err, "become user %u, group %u", uid, gid);
    if (uid != 0 && setresuid(0, 0, 0) == 0)
        return xk_fail(err, XK_ERR_SYSTEM, "could become root again");
    return 0;
}
