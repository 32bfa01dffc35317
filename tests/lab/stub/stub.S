/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest PVH guest: its only vCPU halts with interrupts on, for ever.
 * For timing the toolstack alone: nothing in it boots. With interrupts off
 * Xen would take the halted vCPU for a shutdown.
 */
    .section .note.xen, "a", @note
    .align 4
    .long 4             /* name: "Xen" and its NUL */
    .long 4             /* value: one address */
    .long 18            /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long _start

    .text
    .globl _start
_start:
    sti
1:  hlt
    jmp 1b

    .section .note.GNU-stack, "", @progbits
