/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/frontends/net/net.h"

const struct loop_list loop_lists[] = {
    {"conformance", net_conformance_cases, &net_conformance_count},
    {"conformance", net_receive_cases, &net_receive_count},
    {"hostile", net_hostile_cases, &net_hostile_count},
    {"hostile", net_hostile_device_cases, &net_hostile_device_count},
    {"hostile", net_hostile_receive_cases, &net_hostile_receive_count},
    {"kill", net_kill_cases, &net_kill_count},
    {NULL, NULL, NULL},
};
