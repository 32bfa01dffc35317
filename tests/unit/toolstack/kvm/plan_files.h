/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files for plans to open: a kernel, ramdisk and images in one directory, and
 * the configurations of tests/unit/data/kvm. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_KVM_PLAN_FILES_H
#define XK_TESTS_UNIT_TOOLSTACK_KVM_PLAN_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"

/* Whether a program is in PATH and starts. */
bool plan_has_program(const char *name);

/* Write bytes to DIR/NAME. */
void plan_write(const char *dir, const char *name, const void *data,
                size_t length);

/* Write a 32-bit ELF kernel of a few bytes that halts, with a PVH entry point,
 * or without the note that names it. */
void plan_write_kernel(const char *dir, const char *name, bool pvh);

/* Make a sparse raw file of that many bytes. */
void plan_write_raw(const char *dir, const char *name, long long bytes);

/* Run qemu-img create -f FORMAT [OPTIONS...] DIR/NAME 1M; options end with
 * NULL. */
void plan_create_image(const char *dir, const char *name, const char *format,
                       const char *const *options);

/* Return the names of all configurations without ".cfg", sorted; free each and
 * the array. */
char **plan_list_cases(size_t *count);

/* Return the path of data/kvm/NAMESUFFIX. */
char *plan_case_path(const char *name, const char *suffix);

/* Parse text; fail the test if it has errors. */
struct xk_domain_config *plan_parse(const char *text);

/* Return the text of a case with every "/images/" replaced by DIR/. */
char *plan_case_text(const char *name, const char *dir);

/* Return one line per option with its value; newlines as \n. */
void plan_print(const struct xk_kvm_plan *plan, struct xk_buf *out);

#endif
