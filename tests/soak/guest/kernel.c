/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer's machine on KVM: a q35 of QEMU that was started as PVH. A serial
 * line, the timer, and one disk of virtio 1.0 on PCI; no interrupts but the
 * timer's.
 * Source: virtio 1.1, 4.1 (PCI), 2.6 (split queues), 5.2 (block devices).
 */
#include <stddef.h>

#include "tests/soak/guest/writer.h"

enum {
    SERIAL = 0x3f8,
    TIMER_HZ = 100,
    REST_TICKS = 4,
    TIMER_VECTOR = 0x20,
};

void machine_main(void);
extern char on_tick[];
volatile uint32_t ticks;

static inline void
out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t
in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void
out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t
in32(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void
halt(void)
{
    __asm__ volatile("sti; hlt" : : : "memory");
}

void
machine_put(const char *text)
{
    for (; *text != '\0'; text++) {
        while ((in8(SERIAL + 5) & 0x20) == 0)
            ;
        out8(SERIAL, (uint8_t)*text);
    }
}

void
machine_rest(void)
{
    uint32_t begin = ticks;

    while (ticks - begin < REST_TICKS)
        halt();
}

static void
give_up(const char *why)
{
    machine_put("? ");
    machine_put(why);
    machine_put("\n");
    for (;;)
        halt();
}

/* ---- the timer ---- */

struct gate {
    uint16_t low, selector, flags, high;
} __attribute__((packed));

static void
start_timer(void)
{
    static struct gate gates[TIMER_VECTOR + 8];
    static const uint8_t pic[][2] = {
        {0x20, 0x11}, {0xa0, 0x11}, {0x21, TIMER_VECTOR},
        {0xa1, 0x70}, {0x21, 4},    {0xa1, 2},
        {0x21, 1},    {0xa1, 1},    {0x21, 0xfe},
        {0xa1, 0xff},
    };
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) where = {sizeof(gates) - 1, (uint32_t)gates};
    uint32_t at = (uint32_t)on_tick;
    uint32_t divisor = 1193182 / TIMER_HZ;

    gates[TIMER_VECTOR] =
        (struct gate){(uint16_t)at, 8, 0x8e00, (uint16_t)(at >> 16)};
    __asm__ volatile("lidt %0" : : "m"(where));
    for (size_t i = 0; i < sizeof(pic) / sizeof(pic[0]); i++)
        out8(pic[i][0], pic[i][1]);
    out8(0x43, 0x34);
    out8(0x40, (uint8_t)divisor);
    out8(0x40, (uint8_t)(divisor >> 8));
}

/* ---- the disk on PCI ---- */

struct common {
    uint32_t device_feature_select, device_feature;
    uint32_t driver_feature_select, driver_feature;
    uint16_t msix_config, num_queues;
    uint8_t device_status, config_generation;
    uint16_t queue_select, queue_size, queue_msix_vector, queue_enable;
    uint16_t queue_notify_off;
    uint32_t queue_desc[2], queue_driver[2], queue_device[2];
};

static volatile struct common *common;
static volatile uint16_t *doorbell;
static uint32_t notify_base, notify_multiplier;

static uint32_t
pci_read(uint32_t device, uint32_t offset)
{
    out32(0xcf8, 0x80000000 | device | (offset & 0xfc));
    return in32(0xcfc);
}

static uint32_t
find_disk(void)
{
    for (uint32_t device = 0; device < 32 << 16; device += 1 << 8) {
        uint32_t what = pci_read(device, 0);

        if (what == 0x10421af4 || what == 0x10011af4)
            return device;
    }
    give_up("no disk");
    return 0;
}

static void
take_capability(uint32_t device, uint32_t at)
{
    uint32_t kind = pci_read(device, at) >> 24;
    uint32_t bar = pci_read(device, at + 4) & 0xff;
    uint32_t base = pci_read(device, 0x10 + 4 * bar) & ~15u;

    base += pci_read(device, at + 8);
    if (kind == 1)
        common = (void *)base;
    if (kind == 2) {
        notify_base = base;
        notify_multiplier = pci_read(device, at + 16);
    }
}

static void
map_disk(void)
{
    uint32_t device = find_disk();
    uint32_t at = pci_read(device, 0x34) & 0xfc;

    while (at != 0) {
        uint32_t head = pci_read(device, at);

        if ((head & 0xff) == 9)
            take_capability(device, at);
        at = head >> 8 & 0xfc;
    }
    if (common == NULL || notify_base == 0)
        give_up("an old disk");
    out32(0xcf8, 0x80000000 | device | 4);
    out32(0xcfc, in32(0xcfc) | 6); /* memory, bus master */
}

/* ---- its queue ---- */

enum {
    QUEUE = 32,
    NEXT = 1,
    DEVICE_WRITES = 2
};
enum {
    IN = 0,
    OUT = 1,
    FLUSH = 4
};

static struct {
    uint32_t address[2], length;
    uint16_t flags, next;
} table[QUEUE] __attribute__((aligned(16)));
static struct {
    uint16_t flags, index, ring[QUEUE];
} avail __attribute__((aligned(16)));
static volatile struct {
    uint16_t flags, index;
    uint32_t ring[QUEUE][2];
} used __attribute__((aligned(16)));
static struct {
    uint32_t type, reserved, sector[2];
} headers[BATCH];
static volatile uint8_t results[BATCH];

static void
start_queue(void)
{
    common->queue_select = 0;
    common->queue_size = QUEUE;
    common->queue_msix_vector = 0xffff;
    common->queue_desc[0] = (uint32_t)table;
    common->queue_driver[0] = (uint32_t)&avail;
    common->queue_device[0] = (uint32_t)&used;
    common->queue_desc[1] = 0;
    common->queue_driver[1] = 0;
    common->queue_device[1] = 0;
    doorbell =
        (void *)(notify_base + common->queue_notify_off * notify_multiplier);
    common->queue_enable = 1;
    avail.flags = 1; /* no interrupts */
}

static void
start_disk(void)
{
    map_disk();
    common->device_status = 0;
    while (common->device_status != 0)
        ;
    common->device_status = 3;
    common->device_feature_select = 0;
    if ((common->device_feature & 1 << 9) == 0)
        give_up("a disk without flushes");
    common->driver_feature_select = 0;
    common->driver_feature = 1 << 9;
    common->driver_feature_select = 1;
    common->driver_feature = 1; /* virtio 1.0 */
    common->device_status = 11;
    if ((common->device_status & 8) == 0)
        give_up("features");
    start_queue();
    common->device_status = 15;
}

static void
describe(uint32_t at, const volatile void *memory, uint32_t length,
         uint32_t flags)
{
    table[at].address[0] = (uint32_t)memory;
    table[at].length = length;
    table[at].flags = (uint16_t)flags;
    table[at].next = (uint16_t)(at + 1);
}

static void
ask(uint32_t number, uint32_t type, uint32_t block, const void *memory)
{
    uint32_t at = number * 3;

    headers[number].type = type;
    headers[number].sector[0] = block * (BLOCK_BYTES / 512);
    results[number] = 0xff;
    describe(at, &headers[number], sizeof(headers[0]), NEXT);
    if (memory != NULL)
        describe(at + 1, memory, BLOCK_BYTES,
                 NEXT | (type == IN ? DEVICE_WRITES : 0));
    else
        table[at].next = (uint16_t)(at + 2);
    describe(at + 2, &results[number], 1, DEVICE_WRITES);
    avail.ring[(uint16_t)(avail.index + number) % QUEUE] = (uint16_t)at;
}

/* Wait until this many requests are answered. */
static bool
await(uint32_t count)
{
    bool done = true;

    __asm__ volatile("" : : : "memory");
    *(volatile uint16_t *)&avail.index = (uint16_t)(avail.index + count);
    __sync_synchronize();
    *doorbell = 0;
    while (used.index != avail.index)
        halt();
    __asm__ volatile("" : : : "memory");
    for (uint32_t i = 0; i < count; i++)
        done = done && results[i] == 0;
    return done;
}

bool
machine_read(uint32_t block, void *to)
{
    ask(0, IN, block, to);
    return await(1);
}

bool
machine_write(uint32_t block, const void *from)
{
    for (uint32_t i = 0; i < BATCH; i++)
        ask(i, OUT, block + i, (const char *)from + i * BLOCK_BYTES);
    return await(BATCH);
}

bool
machine_flush(void)
{
    ask(0, FLUSH, 0, NULL);
    return await(1);
}

void
machine_main(void)
{
    start_timer();
    start_disk();
    writer_run();
}
