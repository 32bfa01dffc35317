/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

int
main(void)
{
    xk_log(XK_LOG_ERROR, "no verb is built in yet");
    return 6;
}
