/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/util.h"
#include "tests/lab/blkif/cases.h"

static void
nothing(struct loop_device *device)
{
    (void)device;
}

const struct loop_case kill_cases[] = {
    {"nothing", "served", nothing, NULL, true, NULL, false},
};
const size_t kill_count = XK_ARRAY_SIZE(kill_cases);
