/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the driver in a domain's record. All but the folder belong to the
 * caller and are not accessible to QEMU, which gets descriptors. */
#ifndef XK_TOOLSTACK_KVM_FILES_H
#define XK_TOOLSTACK_KVM_FILES_H

#define XK_KVM_FILE_CLAIM "claim.json"    /* QEMU's uid, first build */
#define XK_KVM_FILE_PROCESS "qemu.json"   /* which process QEMU is */
#define XK_KVM_FILE_QMP "qmp.sock"        /* commands */
#define XK_KVM_FILE_COPIES "copies.sock"  /* NBD, for copied disks */
#define XK_KVM_FILE_EVENTS "events.log"   /* every event, a line each */
#define XK_KVM_FILE_TAKEN "events.json"   /* state saved from it */
#define XK_KVM_FILE_QEMU_LOG "qemu.log"   /* what QEMU prints */
#define XK_KVM_FILE_CONSOLE "console.log" /* what the guest prints */
#define XK_KVM_FILE_SCREEN "screen.sock"  /* VNC, unless on a TCP port */
#define XK_KVM_FILE_REBOOT "reboot"       /* asked for, and when */
#define XK_KVM_FILE_PAUSED "paused"       /* xk paused the guest */

/* QEMU's working directory: it can look up names there, but create none. */
#define XK_KVM_FOLDER "qemu"
#define XK_KVM_FIFO "console.in" /* in that folder: console input */
#define XK_KVM_SINK "console.out"

#endif
