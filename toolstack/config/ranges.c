/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/ranges.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"

static bool
skip(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* Accept only digits: strtoul(3) would also accept blanks, signs and "0x". */
static bool
take_hex(const char **p, uint64_t max, uint64_t *number)
{
    const char *start = *p;

    for (*number = 0; isxdigit((unsigned char)**p); (*p)++) {
        unsigned digit = (unsigned)(**p <= '9' ? **p - '0' : (**p | 0x20) - 87);

        if (*number > (max - digit) / 16)
            return false;
        *number = 16 * *number + digit;
    }
    return *p != start;
}

/* The same, with an optional "0x". */
static bool
take_page(const char **p, uint64_t *number)
{
    if ((*p)[0] == '0' && ((*p)[1] | 0x20) == 'x')
        *p += 2;
    return take_hex(p, UINT64_MAX, number);
}

bool
xk_ioports_parse(const char *text, uint32_t *first, uint32_t *last)
{
    uint64_t from, to;

    if (!take_page(&text, &from))
        return false;
    to = from;
    if (skip(&text, '-') && !take_page(&text, &to))
        return false;
    if (*text != '\0' || from > to || to > 0xffff)
        return false;
    *first = (uint32_t)from;
    *last = (uint32_t)to;
    return true;
}

bool
xk_irq_parse(const char *text, uint32_t *irq)
{
    uint64_t number;

    if (!xk_parse_u64(text, UINT32_MAX - 1, &number))
        return false;
    *irq = (uint32_t)number;
    return true;
}

bool
xk_iomem_parse(const char *text, struct xk_iomem *iomem)
{
    *iomem = (struct xk_iomem){0};
    if (!take_page(&text, &iomem->start) || !skip(&text, ',') ||
        !take_page(&text, &iomem->count) || iomem->count == 0)
        return false;
    iomem->has_guest = skip(&text, '@');
    if (iomem->has_guest && !take_page(&text, &iomem->guest))
        return false;
    return *text == '\0' && iomem->start + iomem->count > iomem->start;
}

bool
xk_pci_slot_parse(const char *text, int *slot)
{
    uint64_t number;

    if (!take_page(&text, &number) || *text != '\0' || number > 0x1f)
        return false;
    *slot = (int)number;
    return true;
}

static bool
take_function(const char **p, struct xk_pci_address *address)
{
    if (skip(p, '*')) {
        address->all_functions = true;
        return true;
    }
    if (**p < '0' || **p > '7')
        return false;
    address->function = (uint8_t)(*(*p)++ - '0');
    return true;
}

bool
xk_pci_parse(const char *text, struct xk_pci_address *address)
{
    uint64_t domain = 0, bus, device;
    const char *colon = strchr(text, ':');

    *address = (struct xk_pci_address){.slot = -1};
    if (colon != NULL && strchr(colon + 1, ':') != NULL &&
        (!take_hex(&text, 0xffff, &domain) || !skip(&text, ':')))
        return false;
    if (!take_hex(&text, 0xff, &bus) || !skip(&text, ':') ||
        !take_hex(&text, 0x1f, &device) || !skip(&text, '.') ||
        !take_function(&text, address))
        return false;
    address->domain = (uint16_t)domain;
    address->bus = (uint8_t)bus;
    address->device = (uint8_t)device;
    if (skip(&text, '@'))
        return xk_pci_slot_parse(text, &address->slot);
    return *text == '\0';
}
