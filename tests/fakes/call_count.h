/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting the system calls of a function, ptrace(2). */
#ifndef XK_TESTS_CALL_COUNT_H
#define XK_TESTS_CALL_COUNT_H

/* Run the function in a child of the test, which it leaves as it is. Returns
 * how many system calls it made between two calls of call_count_mark(); -1:
 * the child did not end well. */
int call_count_of(void (*run)(unsigned argument), unsigned argument);

/* Begin to count, and end. */
void call_count_mark(void);

#endif
