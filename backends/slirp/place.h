/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The namespaces and privileges that xk-slirp works with. The guest chooses the
 * bytes that libslirp parses, so assume that it controls this process: the
 * process has the network of the host and nothing else of the host.
 */
#ifndef XK_BACKENDS_SLIRP_PLACE_H
#define XK_BACKENDS_SLIRP_PLACE_H

#include <stdint.h>

#include "base/error.h"

/* Started by root: leave the host's files but the list of its name servers, and
 * become the user. Started by another: keep that user and its view of the
 * files, to read only. Then drop all system calls that a network does not need:
 * nothing can be run, written to a file, or done to another process. dir: an
 * empty file system is laid over it, for this process only. */
int xk_slirp_enter_place(const char *dir, uint32_t uid, uint32_t gid,
                         struct xk_error *err);

#endif
