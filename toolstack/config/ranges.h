/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parse what keys say about a host's hardware: CPUs, I/O ports, I/O memory,
 * interrupts and PCI devices. The parsers are strict: they return false for any
 * other text. */
#ifndef XK_TOOLSTACK_CONFIG_RANGES_H
#define XK_TOOLSTACK_CONFIG_RANGES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    XK_CPU_MAX = 65535
};

/* A term of cpus=, such as "^2-3", "nodes:0" or "all". */
struct xk_cpu_term {
    bool negated; /* remove them from the set */
    bool nodes;   /* first and last are NUMA nodes */
    bool all;
    unsigned first, last;
};

/* Take the next term of *text and move *text behind it. Returns false at the
 * end, and also for an invalid term: then *wrong says what is wrong. */
bool xk_cpu_term_next(const char **text, struct xk_cpu_term *term,
                      const char **wrong);

/* "2f8-2ff" or "2f8", hexadecimal. */
bool xk_ioports_parse(const char *text, uint32_t *first, uint32_t *last);

bool xk_irq_parse(const char *text, uint32_t *irq);

/* "PAGE,COUNT[@GUEST_PAGE]", hexadecimal. */
struct xk_iomem {
    uint64_t start, count;
    bool has_guest;
    uint64_t guest;
};

bool xk_iomem_parse(const char *text, struct xk_iomem *iomem);

/* "[DDDD:]BB:DD.F[@SLOT]", hexadecimal. F may be '*': all functions. */
struct xk_pci_address {
    uint16_t domain;
    uint8_t bus, device, function;
    bool all_functions;
    int slot; /* in the guest; -1: not given */
};

bool xk_pci_parse(const char *text, struct xk_pci_address *address);

/* A slot in the guest, 0 to 1f, hexadecimal. */
bool xk_pci_slot_parse(const char *text, int *slot);

#endif
