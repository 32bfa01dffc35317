/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/frontends/block/block.h"

const struct loop_list loop_lists[] = {
    {"conformance", conformance_cases, &conformance_count},
    {"hostile", hostile_request_cases, &hostile_request_count},
    {"hostile", hostile_device_cases, &hostile_device_count},
    {"kill", kill_cases, &kill_count},
    {NULL, NULL, NULL},
};
