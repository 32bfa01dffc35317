/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/kvm/plan_files.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/unit/test.h"

enum {
    DEADLINE_MS = 30000,
    TEXT_MAX = 1 << 20
};

static void
run(const char *const *argv)
{
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    struct xk_error err;
    int status = -1;

    if (xk_process_run(argv, TEXT_MAX, &out, &errors,
                       xk_deadline_in_ms(DEADLINE_MS), &status, &err) == -1)
        fail_msg("%s", err.message);
    if (status != 0)
        fail_msg("%s: %s", argv[0], errors.length > 0 ? errors.data : "failed");
}

bool
plan_has_program(const char *name)
{
    const char *const argv[] = {name, "--version", NULL};
    XK_CLEANUP_BUF struct xk_buf out = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int status = -1;

    return xk_process_run(argv, TEXT_MAX, &out, &errors,
                          xk_deadline_in_ms(DEADLINE_MS), &status, NULL) == 0 &&
           status == 0;
}

void
plan_write(const char *dir, const char *name, const void *data, size_t length)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", dir, name);
    XK_CLEANUP_CLOSE int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_int_not_equal(fd, -1);
    assert_int_equal(xk_write_all(fd, data, length), 0);
}

void
plan_write_kernel(const char *dir, const char *name, bool pvh)
{
    struct {
        Elf32_Ehdr head;
        Elf32_Phdr load, note;
        Elf32_Nhdr note_head;
        char note_name[4];
        uint32_t entry;
        unsigned char code[4];
    } kernel = {
        .head = {.e_type = ET_EXEC,
                 .e_machine = EM_386,
                 .e_version = EV_CURRENT,
                 .e_entry = 0x100000,
                 .e_phoff = sizeof(Elf32_Ehdr),
                 .e_ehsize = sizeof(Elf32_Ehdr),
                 .e_phentsize = sizeof(Elf32_Phdr),
                 .e_phnum = 2},
        .load = {.p_type = PT_LOAD,
                 .p_vaddr = 0x100000,
                 .p_paddr = 0x100000,
                 .p_flags = PF_R | PF_X,
                 .p_align = 1},
        .note = {.p_type = PT_NOTE, .p_align = 4},
        .note_head = {.n_namesz = 4, .n_descsz = 4, .n_type = pvh ? 18 : 1},
        .note_name = "Xen",
        .entry = 0x100000,
        .code = {0xfb, 0xf4, 0xeb, 0xfd}, /* sti; 1: hlt; jmp 1b */
    };

    memcpy(kernel.head.e_ident, ELFMAG, SELFMAG);
    kernel.head.e_ident[EI_CLASS] = ELFCLASS32;
    kernel.head.e_ident[EI_DATA] = ELFDATA2LSB;
    kernel.head.e_ident[EI_VERSION] = EV_CURRENT;
    kernel.load.p_offset = (Elf32_Off)((char *)kernel.code - (char *)&kernel);
    kernel.load.p_filesz = kernel.load.p_memsz = sizeof(kernel.code);
    kernel.note.p_offset =
        (Elf32_Off)((char *)&kernel.note_head - (char *)&kernel);
    kernel.note.p_filesz = kernel.note.p_memsz = sizeof(kernel.note_head) +
                                                 sizeof(kernel.note_name) +
                                                 sizeof(kernel.entry);
    plan_write(dir, name, &kernel, sizeof(kernel));
}

void
plan_write_raw(const char *dir, const char *name, long long bytes)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", dir, name);

    plan_write(dir, name, "", 0);
    assert_int_equal(truncate(path, bytes), 0);
}

void
plan_create_image(const char *dir, const char *name, const char *format,
                  const char *const *options)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", dir, name);
    const char *argv[16] = {"qemu-img", "create", "-q", "-f", format};
    size_t argc = 5;

    while (options != NULL && *options != NULL && argc < 12)
        argv[argc++] = *options++;
    argv[argc++] = path;
    argv[argc++] = "1M";
    argv[argc] = NULL;
    run(argv);
}

char *
plan_case_path(const char *name, const char *suffix)
{
    const char *top = getenv("srcdir");

    return xk_asprintf("%s/tests/unit/data/kvm/%s%s", top != NULL ? top : ".",
                       name, suffix);
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
plan_list_cases(size_t *count)
{
    XK_CLEANUP_FREE char *path = plan_case_path("", "");
    XK_CLEANUP_DIR DIR *dir = opendir(path);
    const struct dirent *entry;
    char **names = NULL;

    *count = 0;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *dot = strstr(entry->d_name, ".cfg");

        if (dot == NULL || dot[4] != '\0')
            continue;
        XK_GROW(names, *count);
        names[(*count)++] =
            xk_strndup(entry->d_name, (size_t)(dot - entry->d_name));
    }
    if (*count > 0)
        qsort(names, *count, sizeof(*names), compare);
    return names;
}

struct xk_domain_config *
plan_parse(const char *text)
{
    struct xk_problems problems = {0};
    struct xk_error err;
    struct xk_domain_config *config =
        xk_config_parse("t.cfg", text, strlen(text), NULL, 0, &problems, &err);

    xk_problems_free(&problems);
    if (config == NULL)
        fail_msg("%s", err.message);
    return config;
}

char *
plan_case_text(const char *name, const char *dir)
{
    static const char word[] = "/images/";
    XK_CLEANUP_FREE char *path = plan_case_path(name, ".cfg");
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_BUF struct xk_buf result = {0};
    const char *at, *hit;

    assert_int_equal(xk_read_file(AT_FDCWD, path, TEXT_MAX, &text, NULL), 0);
    for (at = text.data; (hit = strstr(at, word)) != NULL;
         at = hit + strlen(word)) {
        xk_buf_append(&result, at, (size_t)(hit - at));
        xk_buf_printf(&result, "%s/", dir);
    }
    xk_buf_puts(&result, at);
    return xk_buf_take(&result);
}

void
plan_print(const struct xk_kvm_plan *plan, struct xk_buf *out)
{
    for (size_t i = 0; i < plan->argc; i++) {
        if (i > 0)
            xk_buf_puts(out, plan->argv[i][0] == '-' ? "\n" : " ");
        for (const char *p = plan->argv[i]; *p != '\0'; p++)
            xk_buf_append(out, *p == '\n' ? "\\n" : p, *p == '\n' ? 2 : 1);
    }
    xk_buf_puts(out, "\n");
    for (size_t i = 0; i < plan->fd_count; i++)
        xk_buf_printf(out, "descriptor %zu: %s\n", XK_KVM_FIRST_FD + i,
                      plan->fds[i].what);
}
