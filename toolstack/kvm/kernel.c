/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/kernel.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    HEAD_SIZE = 1024,
    PROGRAM_HEADERS_MAX = 64,
    NOTES_MAX = 64 * 1024,
    NOTE_PVH_ENTRY = 18, /* XEN_ELFNOTE_PHYS32_ENTRY, xen/elfnote.h */
};

/* What the file may be instead of a kernel, by its first bytes. */
static const struct {
    const char *magic;
    size_t length;
    const char *what;
} others[] = {
    {"\x1f\x8b", 2,
     "compressed by gzip, which QEMU does not unpack; gunzip it"},
    {"\xfd"
     "7zXZ",
     5, "compressed by xz, which QEMU does not unpack; unxz it"},
    {"\x28\xb5\x2f\xfd", 4,
     "compressed by zstd, which QEMU does not unpack; unzstd it"},
    {"#!", 2, "a script"},
    {"070701", 6, "a cpio archive; is it the ramdisk?"},
};

/* A program header of either ELF class, widened. */
struct segment {
    uint32_t type;
    uint64_t offset, size; /* bytes in the file */
};

static bool
read_at(int fd, void *data, size_t length, uint64_t offset)
{
    return offset <= INT64_MAX &&
           pread(fd, data, length, (off_t)offset) == (ssize_t)length;
}

static bool
read_segment32(int fd, const unsigned char *head, unsigned i,
               struct segment *segment)
{
    Elf32_Ehdr ehdr;
    Elf32_Phdr phdr;

    memcpy(&ehdr, head, sizeof(ehdr));
    if (i >= ehdr.e_phnum || ehdr.e_phentsize != sizeof(phdr) ||
        !read_at(fd, &phdr, sizeof(phdr),
                 (uint64_t)ehdr.e_phoff + i * sizeof(phdr)))
        return false;
    *segment = (struct segment){phdr.p_type, phdr.p_offset, phdr.p_filesz};
    return true;
}

static bool
read_segment64(int fd, const unsigned char *head, unsigned i,
               struct segment *segment)
{
    Elf64_Ehdr ehdr;
    Elf64_Phdr phdr;

    memcpy(&ehdr, head, sizeof(ehdr));
    if (i >= ehdr.e_phnum || ehdr.e_phentsize != sizeof(phdr) ||
        ehdr.e_phoff > INT64_MAX ||
        !read_at(fd, &phdr, sizeof(phdr), ehdr.e_phoff + i * sizeof(phdr)))
        return false;
    *segment = (struct segment){phdr.p_type, phdr.p_offset, phdr.p_filesz};
    return true;
}

/* Notes follow one another: sizes and type, then name and value, each padded to
 * four bytes (elf(5)). */
static bool
notes_have_pvh_entry(const char *notes, size_t length)
{
    while (length >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        uint64_t name, whole;

        memcpy(&note, notes, sizeof(note));
        name = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        whole = sizeof(note) + name +
                (((uint64_t)note.n_descsz + 3) & ~UINT64_C(3));
        if (whole > length)
            return false;
        if (note.n_type == NOTE_PVH_ENTRY && note.n_namesz == 4 &&
            memcmp(notes + sizeof(note), "Xen", 4) == 0)
            return true;
        notes += whole;
        length -= whole;
    }
    return false;
}

static bool
elf_has_pvh_entry(int fd, const unsigned char *head)
{
    bool wide = head[EI_CLASS] == ELFCLASS64;
    struct segment segment;

    for (unsigned i = 0; i < PROGRAM_HEADERS_MAX; i++) {
        XK_CLEANUP_FREE char *notes = NULL;

        if (wide ? !read_segment64(fd, head, i, &segment)
                 : !read_segment32(fd, head, i, &segment))
            return false;
        if (segment.type != PT_NOTE || segment.size > NOTES_MAX)
            continue;
        notes = xk_calloc(segment.size + 1, 1);
        if (read_at(fd, notes, segment.size, segment.offset) &&
            notes_have_pvh_entry(notes, segment.size))
            return true;
    }
    return false;
}

static bool
is_bzimage(const unsigned char *head)
{
    /* Source: Documentation/arch/x86/boot.rst, "HdrS" at 0x202. */
    return memcmp(head + 0x202, "HdrS", 4) == 0;
}

int
xk_kvm_kernel_check(int fd, const char *path, struct xk_error *err)
{
    unsigned char head[HEAD_SIZE] = {0};
    ssize_t got = pread(fd, head, sizeof(head), 0);

    if (got == -1)
        return xk_fail_errno(err, "read kernel \"%s\"", path);
    if (is_bzimage(head))
        return 0;
    for (size_t i = 0; i < XK_ARRAY_SIZE(others); i++) {
        if (memcmp(head, others[i].magic, others[i].length) == 0)
            return xk_fail(err, XK_ERR_CONFIG, "kernel \"%s\" is %s", path,
                           others[i].what);
    }
    if (memcmp(head, ELFMAG, SELFMAG) != 0)
        return xk_fail(
            err, XK_ERR_CONFIG,
            "\"%s\" is not a kernel: neither a bzImage nor an ELF file", path);
    if (!elf_has_pvh_entry(fd, head))
        return xk_fail(err, XK_ERR_CONFIG,
                       "kernel \"%s\" has no PVH entry point (ELF note 18), so "
                       "it starts only as a Xen PV domain",
                       path);
    return 0;
}
