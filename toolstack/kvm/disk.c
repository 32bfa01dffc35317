/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks: each is a chain of block nodes over descriptors that are handed in,
 * and a device. Names follow from vdev, so that later verbs find them:
 *
 *   disk-VDEV           the node that the device uses, and the device's id
 *   disk-VDEV-file      the protocol node below it
 *   disk-VDEV-N[-file]  the N-th backing file
 *
 *   kind of disk                   device
 *   CD-ROM drive                   ide-cd on a SATA port
 *   hd*, hvm                       ide-hd on SATA port 0 to 3 (hda to hdd)
 *   sd*                            scsi-hd, one virtio-scsi for all
 *   other                          virtio-blk-pci on a port of its own
 */
#include "toolstack/kvm/disk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/image/image.h"
#include "toolstack/kvm/plan_internal.h"

enum {
    NODE_MAX = XK_KVM_DISK_NAME_SIZE + 12,
    SCSI_LUN_MAX = 255
};

/* The nodes of one layer: the format and the protocol ("file") below it. */
struct node {
    char name[NODE_MAX];
    char file[NODE_MAX + 8];
    char backing[NODE_MAX]; /* "": none */
};

void
xk_kvm_disk_name(const char *vdev, char name[XK_KVM_DISK_NAME_SIZE])
{
    snprintf(name, XK_KVM_DISK_NAME_SIZE, "disk-%.12s", vdev);
}

bool
xk_kvm_is_copied(const struct xk_disk *disk)
{
    return disk->target != NULL && disk->read_write && !disk->cdrom;
}

static void
name_layer(char name[NODE_MAX], const char *vdev, size_t layer)
{
    char top[XK_KVM_DISK_NAME_SIZE];

    xk_kvm_disk_name(vdev, top);
    if (layer == 0)
        snprintf(name, NODE_MAX, "%s", top);
    else
        snprintf(name, NODE_MAX, "%s-%u", top, (unsigned)layer);
}

static void
name_node(struct node *node, const char *vdev, size_t layer, size_t layers)
{
    name_layer(node->name, vdev, layer);
    snprintf(node->file, sizeof(node->file), "%s-file", node->name);
    node->backing[0] = '\0';
    if (layer + 1 < layers)
        name_layer(node->backing, vdev, layer + 1);
}

/* Both nodes of a layer must say so, else QEMU drops the request on the way. */
static void
put_discard(struct xk_json_writer *w, bool discard)
{
    xk_json_put_string(w, "discard", discard ? "unmap" : "ignore");
}

static void
add_file_node(struct xk_kvm_plan *plan, const struct node *node,
              const struct xk_disk *disk, struct xk_image_layer *layer)
{
    bool direct = disk->direct_io_safe && layer->direct;
    struct xk_json_writer *w;
    char path[32];
    int set;

    /* Since 9.1 QEMU refuses a descriptor without O_DIRECT for this. */
    if (direct)
        fcntl(layer->fd, F_SETFL, fcntl(layer->fd, F_GETFL) | O_DIRECT);
    set = xk_kvm_plan_fdset(plan, layer->fd, "image %s", layer->path);
    layer->fd = -1;
    snprintf(path, sizeof(path), "/dev/fdset/%d", set);
    w = xk_kvm_option_open(plan, "-blockdev");
    xk_json_put_string(w, "driver", layer->block ? "host_device" : "file");
    xk_json_put_string(w, "node-name", node->file);
    xk_json_put_string(w, "filename", path);
    xk_json_put_string(w, "locking", "on");
    xk_json_put_string(w, "aio", direct ? "native" : "threads");
    xk_json_put_bool(w, "read-only", !layer->read_write);
    xk_json_put_bool(w, "auto-read-only", false);
    put_discard(w, layer->read_write && disk->discard);
    xk_json_open_object(w, "cache");
    xk_json_put_bool(w, "direct", direct);
    xk_json_put_bool(w, "no-flush", false);
    xk_json_close_object(w);
    xk_kvm_option_close(plan);
}

/* Whether the format can have a backing file. Such a node is always told its
 * backing node, even that there is none, so that no name in a header counts. */
static bool
may_have_backing(enum xk_disk_format format)
{
    return format == XK_FORMAT_QCOW || format == XK_FORMAT_QCOW2 ||
           format == XK_FORMAT_QED || format == XK_FORMAT_VMDK;
}

static void
add_format_node(struct xk_kvm_plan *plan, const struct node *node,
                const struct xk_disk *disk, const struct xk_image_layer *layer)
{
    struct xk_json_writer *w = xk_kvm_option_open(plan, "-blockdev");

    xk_json_put_string(w, "driver", xk_disk_format_qemu_name(layer->format));
    xk_json_put_string(w, "node-name", node->name);
    xk_json_put_string(w, "file", node->file);
    xk_json_put_bool(w, "read-only", !layer->read_write);
    put_discard(w, layer->read_write && disk->discard);
    if (may_have_backing(layer->format))
        xk_json_put_string(w, "backing",
                           node->backing[0] != '\0' ? node->backing : NULL);
    xk_kvm_option_close(plan);
}

static void
add_nodes(struct xk_kvm_plan *plan, const struct xk_disk *disk,
          struct xk_image *image)
{
    for (size_t i = image->count; i-- > 0;) {
        struct node node;

        name_node(&node, disk->vdev, i, image->count);
        add_file_node(plan, &node, disk, &image->layers[i]);
        add_format_node(plan, &node, disk, &image->layers[i]);
    }
}

/* The same file may be used twice if nobody writes it. */
static int
note_use(struct xk_kvm_plan *plan, const struct xk_disk *disk,
         const struct xk_image_layer *layer, struct xk_error *err)
{
    struct xk_kvm_layout *layout = plan->layout;
    struct xk_kvm_image_use *use;

    for (size_t i = 0; i < layout->image_count; i++) {
        use = &layout->images[i];
        if (use->device != layer->device || use->inode != layer->inode)
            continue;
        if (use->read_write || layer->read_write)
            return xk_fail(err, XK_ERR_CONFIG,
                           "image \"%s\" is part of disk %s already, and one "
                           "of the two writes",
                           layer->path, use->vdev);
    }
    XK_GROW(layout->images, layout->image_count);
    use = &layout->images[layout->image_count++];
    use->device = layer->device;
    use->inode = layer->inode;
    use->read_write = layer->read_write;
    use->vdev = xk_strdup(disk->vdev);
    return 0;
}

static int
open_image(struct xk_kvm_plan *plan, const struct xk_disk *disk,
           struct xk_image *image, struct xk_error *err)
{
    bool write = disk->read_write && !disk->cdrom;

    if (xk_image_open(disk->target, disk->format, write, image, err) == -1)
        return -1;
    for (size_t i = 0; i < image->count; i++) {
        if (note_use(plan, disk, &image->layers[i], err) == -1)
            return -1;
    }
    /* The image is open on the source; QEMU locks it when it takes over. */
    if (plan->incoming)
        return 0;
    return xk_image_check_free(image, plan->state, err);
}

/* For a dry run: the chain if it can be read, else the one file. */
static void
read_image(const struct xk_disk *disk, struct xk_image *image)
{
    if (xk_image_open(disk->target, disk->format, false, image, NULL) == -1) {
        image->count = 1;
        image->layers[0] = (struct xk_image_layer){
            .path = xk_strdup(disk->target), .format = disk->format, .fd = -1};
    }
    image->layers[0].read_write = disk->read_write && !disk->cdrom;
}

static int
add_image(struct xk_kvm_plan *plan, const struct xk_disk *disk,
          struct xk_error *err)
{
    struct xk_image image = {0};
    int r = 0;

    if (plan->dry ||
        (plan->probe && plan->copies != NULL && xk_kvm_is_copied(disk)))
        read_image(disk, &image);
    else
        r = open_image(plan, disk, &image, err);
    if (r == 0)
        add_nodes(plan, disk, &image);
    xk_image_close(&image);
    return r;
}

/* ---- devices ---- */

static struct xk_json_writer *
open_device(struct xk_kvm_plan *plan, const struct xk_disk *disk,
            const char *driver, const char *bus)
{
    struct xk_json_writer *w = xk_kvm_option_open(plan, "-device");
    char name[XK_KVM_DISK_NAME_SIZE];

    xk_kvm_disk_name(disk->vdev, name);
    xk_json_put_string(w, "driver", driver);
    xk_json_put_string(w, "id", name);
    xk_json_put_string(w, "bus", bus);
    if (disk->target != NULL)
        xk_json_put_string(w, "drive", name);
    return w;
}

/* If the file system is full, the guest is paused and its write does not fail.
 * The write is retried on unpause, once there is room. */
static void
close_device(struct xk_kvm_plan *plan, const struct xk_disk *disk,
             struct xk_json_writer *w)
{
    if (disk->target != NULL && disk->read_write && !disk->cdrom)
        xk_json_put_string(w, "werror", "enospc");
    xk_json_put_string(w, "serial", disk->vdev);
    xk_kvm_put_boot_index(plan, w,
                          disk->cdrom ? XK_KVM_BOOT_CDROM : XK_KVM_BOOT_DISK);
    xk_kvm_option_close(plan);
}

static int
add_virtio(struct xk_kvm_plan *plan, const struct xk_disk *disk,
           struct xk_error *err)
{
    char bus[XK_KVM_BUS_MAX];

    if (xk_kvm_port_add(plan, bus, err) == -1)
        return -1;
    close_device(plan, disk, open_device(plan, disk, "virtio-blk-pci", bus));
    return 0;
}

static int
add_scsi(struct xk_kvm_plan *plan, const struct xk_disk *disk,
         struct xk_error *err)
{
    struct xk_json_writer *w;

    if (disk->index > SCSI_LUN_MAX)
        return xk_fail(err, XK_ERR_UNSUPPORTED, "more than %d SCSI disks",
                       SCSI_LUN_MAX + 1);
    if (!plan->layout->scsi) {
        plan->layout->scsi = true;
        xk_kvm_device_open(plan, "virtio-scsi-pci", "scsi", XK_KVM_SLOT_SCSI);
        xk_kvm_option_close(plan);
    }
    w = open_device(plan, disk, "scsi-hd", "scsi.0");
    xk_json_put_integer(w, "channel", 0);
    xk_json_put_integer(w, "scsi-id", 0);
    xk_json_put_integer(w, "lun", disk->index);
    close_device(plan, disk, w);
    return 0;
}

static int
add_sata(struct xk_kvm_plan *plan, const struct xk_disk *disk, unsigned port,
         struct xk_error *err)
{
    char bus[16];

    /* QEMU's IDE and SATA disks cannot be read-only. */
    if (!disk->cdrom && !disk->read_write)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s: an IDE or SATA disk cannot be read-only: name it "
                       "xvda or sda, or make it a CD-ROM drive "
                       "(devtype=cdrom)",
                       disk->vdev);
    if (port >= XK_KVM_SATA_PORTS)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s: there are %d SATA ports, for hda to hdd and CD-ROM "
                       "drives; use xvd* or sd* for disks",
                       disk->vdev, XK_KVM_SATA_PORTS);
    plan->layout->sata_taken |= 1U << port;
    snprintf(bus, sizeof(bus), "ide.%u", port);
    close_device(
        plan, disk,
        open_device(plan, disk, disk->cdrom ? "ide-cd" : "ide-hd", bus));
    return 0;
}

/* A CD-ROM drive with a name of another bus gets the first free port. */
static unsigned
free_sata_port(const struct xk_kvm_plan *plan)
{
    return (unsigned)__builtin_ctz(~plan->layout->sata_taken);
}

static bool
has_fixed_sata_port(const struct xk_domain_config *config,
                    const struct xk_disk *disk)
{
    return disk->bus == XK_BUS_HD &&
           (disk->cdrom || config->type == XK_TYPE_HVM);
}

static int
add_device(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
           const struct xk_disk *disk, struct xk_error *err)
{
    if (has_fixed_sata_port(config, disk))
        return add_sata(plan, disk, disk->index, err);
    if (disk->cdrom)
        return add_sata(plan, disk, free_sata_port(plan), err);
    if (disk->bus == XK_BUS_SD && !disk->virtio)
        return add_scsi(plan, disk, err);
    return add_virtio(plan, disk, err);
}

static int
add_disk(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
         const struct xk_disk *disk, struct xk_error *err)
{
    if (disk->target == NULL && !disk->cdrom)
        return xk_fail(err, XK_ERR_CONFIG, "disk %s has no image", disk->vdev);
    if (disk->target != NULL && add_image(plan, disk, err) == -1)
        return -1;
    return add_device(plan, config, disk, err);
}

int
xk_kvm_part_disks(struct xk_kvm_plan *plan,
                  const struct xk_domain_config *config, struct xk_error *err)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        if (has_fixed_sata_port(config, &config->disks[i]) &&
            config->disks[i].index < XK_KVM_SATA_PORTS)
            plan->layout->sata_taken |= 1U << config->disks[i].index;
    }
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];

        if (add_disk(plan, config, disk, err) == -1 &&
            xk_kvm_part_failed(plan, &disk->where, err) == -1)
            return -1;
    }
    return 0;
}
