/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the driver keeps in a domain's record. All but the folder belong to the
 * caller and are closed to QEMU, which gets descriptors. */
#ifndef XK_TOOLSTACK_KVM_FILES_H
#define XK_TOOLSTACK_KVM_FILES_H

#define XK_KVM_FILE_CLAIM "claim.json"    /* the uid, the time of making */
#define XK_KVM_FILE_PROCESS "qemu.json"   /* which process QEMU is */
#define XK_KVM_FILE_QMP "qmp.sock"        /* commands */
#define XK_KVM_FILE_COPIES "copies.sock"  /* its disks, on their way here */
#define XK_KVM_FILE_EVENTS "events.log"   /* every event, a line each */
#define XK_KVM_FILE_TAKEN "events.json"   /* what was taken from that */
#define XK_KVM_FILE_QEMU_LOG "qemu.log"   /* what QEMU prints */
#define XK_KVM_FILE_CONSOLE "console.log" /* what the guest prints */
#define XK_KVM_FILE_SCREEN "screen.sock"  /* VNC, where no port was asked for  \
                                           */
#define XK_KVM_FILE_REBOOT "reboot"       /* it was asked to, and when */
#define XK_KVM_FILE_PAUSED "paused"       /* it was us who stopped it */

/* QEMU's working directory. It can look for names there, but make none. */
#define XK_KVM_FOLDER "qemu"
#define XK_KVM_FIFO "console.in" /* in that folder: what is typed */
#define XK_KVM_SINK "console.out"

#endif
