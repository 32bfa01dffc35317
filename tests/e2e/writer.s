# SPDX-License-Identifier: GPL-2.0-or-later
# A guest in one sector that writes numbered sectors to its disk, and reports
# each on the serial line once the disk has completed it: "W 0000002a".
#
# Sector 2048 + (number mod 2048) is 64 times {number, its complement}, 32 bits
# each. A word other than "W" reports a disk error.
    .code16
    .intel_syntax noprefix
    .globl _start
    .set buffer, 0x8000
    .set first, 2048
    .set ring, 2048

_start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    cld
    mov byte ptr [drive], dl

next:
    inc dword ptr [number]
    mov eax, dword ptr [number]
    mov di, buffer
    mov cx, 64
fill:
    stosd
    not eax
    stosd
    not eax
    loop fill

    and eax, ring - 1
    add eax, first
    mov dword ptr [packet + 8], eax
    mov si, offset packet
    mov dl, byte ptr [drive]
    mov ax, 0x4300
    int 0x13
    mov al, 'W'
    jnc tell
    mov al, 'E'
tell:
    call put
    mov al, ' '
    call put
    mov ebx, dword ptr [number]
    mov cx, 8
digit:
    rol ebx, 4
    mov al, bl
    and al, 15
    add al, '0'
    cmp al, '9'
    jbe decimal
    add al, 'a' - '9' - 1
decimal:
    call put
    loop digit
    mov al, '\n'
    call put
    # Leave processor time to the host.
    test byte ptr [number], 15
    jnz next
    hlt
    jmp next

put:
    push ax
    mov dx, 0x3fd
ready:
    in al, dx
    test al, 0x20
    jz ready
    pop ax
    mov dx, 0x3f8
    out dx, al
    ret

drive:
    .byte 0
    .balign 4
number:
    .long 0
packet:
    .byte 16, 0
    .word 1, buffer, 0
    .long 0, 0

    .org 510
    .word 0xaa55
