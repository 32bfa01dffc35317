/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a PVH guest begins: protected mode, flat, no paging, no stack. */
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
    cli
    cld
    mov $bss_begin, %edi
    mov $bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb           /* after a reset it has what was there */
    mov $stack_end, %esp
    lgdt gdt_where
    ljmp $8, $1f
1:  mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    call machine_main
2:  hlt
    jmp 2b

    /* The timer: it only wakes us. */
    .globl on_tick
on_tick:
    push %eax
    incl ticks
    mov $0x20, %al
    out %al, $0x20
    pop %eax
    iret

    .balign 8
gdt:
    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_where:
    .word . - gdt - 1
    .long gdt

    .bss
    .balign 16
    .skip 16384
stack_end:

    .section .note.GNU-stack, "", @progbits
