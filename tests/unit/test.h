/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka with what it needs in front of it. */
#ifndef XK_TESTS_UNIT_TEST_H
#define XK_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
