/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every reader of a file of ours, with every single change of what it reads, as
 * another version of xk or damage would have it: a reader takes it or says what
 * is wrong. Run under the sanitizers as well.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/block/config.h"
#include "backends/block/inflight.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "net-helpers/plug_mark.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/json_mutations.h"
#include "toolstack/created_file.h"
#include "toolstack/journal.h"
#include "toolstack/migration/handover.h"
#include "toolstack/migration/manifest.h"
#include "toolstack/migration/save.h"
#ifdef XK_WITH_KVM
#include "toolstack/kvm/copy_target.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/migration_needs.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/uid.h"
#endif
#ifdef XK_WITH_XEN
#include "toolstack/create.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/list.h"
#include "toolstack/migration/resolve.h"
#include "toolstack/record_config.h"
#include "toolstack/record_facts.h"
#include "toolstack/xen/device/device.h"
#endif

enum {
    LONG_MS = 5000,
    FILE_BYTES_MAX = 1 << 20,
};

struct fixture {
    char *scratch;
    char *world;
    struct xk_host host;
    struct xk_record *record;
    struct xk_error err;
};

static const char config_text[] =
    "name = 'a'\ntype = 'hvm'\nmemory = 64\nmaxmem = 128\nvcpus = 2\n"
    "uuid = '6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab'\n"
    "on_crash = 'preserve'\nboot = 'dc'\nserial = ['pty', 'null']\n"
    "disk = ['/d.img,raw,xvda,rw', '/c.iso,raw,hdc,ro,cdrom']\n"
    "vif = ['mac=00:16:3e:01:02:03,type=user,hostfwd=tcp::2222-:22']\n";

static const char uuid_text[] = "6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab";

/* ---- the world ---- */

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(LONG_MS);
}

static struct xk_domain_config *
read_config(void)
{
    struct xk_problems problems = {0};
    struct xk_error err = {0};
    struct xk_domain_config *config = xk_config_parse(
        "test.cfg", config_text, strlen(config_text), NULL, 0, &problems, &err);

    if (config == NULL)
        fail_msg("%s", err.message);
    xk_problems_free(&problems);
    return config;
}

static int
open_host(struct fixture *f)
{
    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    return xk_host_adopt(&f->host, xk_fake_open(&f->host.state, f->world),
                         "test", soon(), &f->err);
}

static struct xk_hypervisor *
hv_of(struct fixture *f)
{
    return xk_host_default(&f->host, &f->err);
}

static void
make_domain(struct fixture *f)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_config();
    struct xk_domain domain;

    assert_int_equal(
        xk_domain_create(&f->host, config, false, &domain, soon(), &f->err), 0);
    xk_domain_close(&domain);
    f->record = xk_record_open(&f->host.state, &config->uuid, &f->err);
    assert_non_null(f->record);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->world = xk_asprintf("%s/world", f->scratch);
    mkdir(f->world, 0700);
    *context = f;
    if (open_host(f) == -1)
        return -1;
    make_domain(f);
    return 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_record_cleanup(&f->record);
    xk_host_close(&f->host);
    free(f->world);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static void
write_in(const struct fixture *f, const char *name, const struct xk_buf *text)
{
    struct xk_error err = {0};

    if (xk_write_file(f->record->dir_fd, name, text->data, text->length, false,
                      &err) == -1)
        fail_msg("%s", err.message);
}

static void
read_from(const struct fixture *f, const char *name, struct xk_buf *text)
{
    struct xk_error err = {0};

    if (xk_read_file(f->record->dir_fd, name, FILE_BYTES_MAX, text, &err) == -1)
        fail_msg("%s", err.message);
}

/* ---- those who read a JSON document ---- */

struct reader {
    const char *name;
    bool versioned; /* it says so of a document of another version */
    void (*make)(struct fixture *f, struct xk_buf *text);
    /* 0, or -1 with an error. */
    int (*read)(struct fixture *f, const struct xk_buf *text,
                struct xk_error *err);
};

static void
make_config(struct fixture *f, struct xk_buf *text)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_config();

    (void)f;
    xk_config_to_record(config, text);
}

static int
load_config(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_domain_config *config;

    write_in(f, "config.json", text);
    config = xk_record_load_config(f->record, err);
    xk_config_free(config);
    return config != NULL ? 0 : -1;
}

static int
load_next(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_domain_config *config;

    write_in(f, "next.json", text);
    config = xk_record_load_next(f->record, err);
    xk_config_free(config);
    return config != NULL ? 0 : -1;
}

static void
make_manifest(struct fixture *f, struct xk_buf *text)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_config();
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);
    struct xk_domain domain = {.hv = hv_of(f),
                               .uuid = config->uuid,
                               .name = config->name,
                               .record = f->record};

    xk_json_open_object(writer, NULL);
    assert_int_equal(
        xk_manifest_put(&domain, config, true, NULL, writer, soon(), &f->err),
        0);
    xk_json_close_object(writer);
}

static int
take_manifest(struct fixture *f, const struct xk_buf *text,
              struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(text->data, text->length, "test", err);
    XK_CLEANUP_MANIFEST struct xk_manifest manifest = {0};
    struct xk_problems problems = {0};
    int r;

    assert_non_null(json);
    if (xk_manifest_take(&json, "test", &manifest, err) == -1)
        return -1;
    r = xk_manifest_check(&f->host, &manifest, manifest.config, true, &problems,
                          soon(), err);
    xk_problems_free(&problems);
    return r;
}

/* ---- what operations keep in the journal ---- */

static void
write_journal(const struct fixture *f, const char *operation,
              const struct xk_buf *detail, const char *note)
{
    struct xk_error err = {0};

    unlinkat(f->record->dir_fd, "journal", 0);
    if (xk_journal_append(f->record, XK_JOURNAL_BEGIN, operation, detail->data,
                          &err) == -1 ||
        (note != NULL &&
         xk_journal_append(f->record, XK_JOURNAL_NOTE, note, NULL, &err) == -1))
        fail_msg("%s", err.message);
}

static struct xk_domain
domain_of(struct fixture *f)
{
    return (struct xk_domain){.hv = hv_of(f),
                              .uuid = f->record->uuid,
                              .domid = -1,
                              .record = f->record};
}

typedef int recover_call(struct xk_host *host, struct xk_domain *domain,
                         struct xk_deadline deadline, struct xk_error *err);

/* As a verb does that finds the operation unfinished. */
static int
recover_locked(struct fixture *f, recover_call *recover, struct xk_error *err)
{
    struct xk_domain domain = domain_of(f);
    XK_CLEANUP_FREE char *name = domain.name = xk_strdup("a");
    int r;

    assert_int_equal(xk_record_try_lock(f->record, "test", NULL), 1);
    r = recover(&f->host, &domain, soon(), err);
    xk_record_unlock(f->record);
    return r;
}

static void
make_save(struct fixture *f, struct xk_buf *text)
{
    xk_buf_printf(text,
                  "{\"path\":\"%s/file\",\"temporary\":\"%s/file.part\","
                  "\"then\":1,\"runs\":true}",
                  f->scratch, f->scratch);
}

static int
recover_save(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    write_journal(f, XK_OP_SAVE, text, NULL);
    return recover_locked(f, xk_save_recover, err);
}

static void
make_move(struct fixture *f, struct xk_buf *text)
{
    (void)f;
    xk_buf_printf(text,
                  "{\"move\":\"%s\",\"runs\":true,\"host\":\"h\","
                  "\"command\":[\"false\"]}",
                  uuid_text);
}

static int
recover_move(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    write_journal(f, XK_OP_MIGRATE, text, NULL);
    return recover_locked(f, xk_migrate_recover, err);
}

/* "false" never answers, so none of them can tell whose the domain is. */
static int
resolve_move(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_domain domain = domain_of(f);
    XK_CLEANUP_FREE char *name = domain.name = xk_strdup("a");
    enum xk_handover fate;

    write_journal(f, XK_OP_MIGRATE, text, XK_NOTE_COMMIT);
    (void)xk_record_is_in_doubt(f->record);
    assert_int_equal(xk_migrate_resolve(&f->host, &domain, XK_RESOLVE_ASK,
                                        &fate, soon(), err),
                     -1);
    return -1;
}

static void
make_made_file(struct fixture *f, struct xk_buf *text)
{
    xk_buf_printf(text, "{\"path\":\"%s/made\",\"device\":1,\"inode\":2}",
                  f->scratch);
}

static int
remove_made_file(struct fixture *f, const struct xk_buf *text,
                 struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf none = {0};

    write_journal(f, XK_OP_RECEIVE, &none, NULL);
    if (xk_journal_append(f->record, XK_JOURNAL_DONE, "made-file", text->data,
                          err) == -1 ||
        xk_journal_append(f->record, XK_JOURNAL_INTENT, "made-file", text->data,
                          err) == -1)
        return -1;
    xk_made_files_remove(f->record);
    return 0;
}

static void
make_line(struct fixture *f, struct xk_buf *text)
{
    (void)f;
    xk_buf_puts(text, "{\"kind\":\"begin\",\"what\":\"save\",\"detail\":\"d\","
                      "\"time_ms\":1}");
}

/* The sum of each line is right: it was written so. */
static int
read_journal(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};
    struct xk_journal journal;

    xk_buf_printf(&line, "%08" PRIx32 " %s\n",
                  xk_crc32c(0, text->data, text->length), text->data);
    write_in(f, "journal", &line);
    if (xk_journal_read(f->record, &journal, err) == -1)
        return -1;
    (void)xk_journal_unfinished(&journal);
    (void)xk_journal_is_whole(f->record);
    xk_journal_free(&journal);
    return 0;
}

static void
make_named(struct fixture *f, struct xk_buf *text)
{
    const struct xk_process process = {.pid = 1, .start_ticks = 1};

    assert_int_equal(
        xk_process_save(f->record->dir_fd, "process.json", &process, &f->err),
        0);
    read_from(f, "process.json", text);
}

static int
load_named(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_process process;

    write_in(f, "process.json", text);
    return xk_process_load(f->record->dir_fd, "process.json", &process, err);
}

/* ---- the driver of KVM ---- */

#ifdef XK_WITH_KVM
static const struct xk_kvm_claim claim = {.uid = 1000, .made_ns = 1};

static void
make_process(struct fixture *f, struct xk_buf *text)
{
    assert_int_equal(
        xk_kvm_identity_save_self(f->record->dir_fd, &claim, &f->err), 0);
    read_from(f, XK_KVM_FILE_PROCESS, text);
}

static int
load_process(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_kvm_claim read;
    struct xk_process process;

    write_in(f, XK_KVM_FILE_PROCESS, text);
    return xk_kvm_identity_load(f->record->dir_fd, &process, &read, err);
}

static void
make_claim(struct fixture *f, struct xk_buf *text)
{
    struct xk_kvm_claim made;
    int held = -1;

    assert_int_equal(
        xk_kvm_claim_make(f->record, &made, &held, soon(), &f->err), 0);
    xk_kvm_uid_release(made.uid, held);
    read_from(f, XK_KVM_FILE_CLAIM, text);
}

static int
load_claim(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_kvm_claim read;

    write_in(f, XK_KVM_FILE_CLAIM, text);
    return xk_kvm_claim(f->record, &read, err);
}

static void
make_taken(struct fixture *f, struct xk_buf *text)
{
    (void)f;
    xk_buf_puts(text, "{\"offset\":0,\"state\":1,\"reason\":0,"
                      "\"powered_off\":false,\"ending\":false,"
                      "\"stop_unexplained\":false,\"negotiated\":true}");
}

static int
read_taken(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf log = {0};
    struct xk_kvm_run run;

    xk_buf_puts(&log, "{\"timestamp\":{},\"event\":\"STOP\"}\n");
    write_in(f, XK_KVM_FILE_EVENTS, &log);
    write_in(f, XK_KVM_FILE_TAKEN, text);
    return xk_kvm_events_read(f->record->dir_fd, &run, soon(), err);
}

static void
make_needs(struct fixture *f, struct xk_buf *text)
{
    (void)f;
    xk_buf_puts(text, "{\"machine\":\"pc-q35-7.2\",\"accelerator\":\"tcg\","
                      "\"qemu_major\":7,\"qemu_minor\":2,\"copies\":"
                      "[{\"vdev\":\"xvda\",\"bytes\":4096,\"allocated\":0}]}");
}

static int
take_needs(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_config();
    XK_CLEANUP_JSON struct xk_json *needs =
        xk_json_parse(text->data, text->length, "test", err);
    const struct xk_json *copies = xk_kvm_copies(needs);
    struct xk_problems problems = {0};
    struct xk_kvm_plan plan;
    int r;

    xk_kvm_plan_init(&plan, false);
    r = xk_kvm_needs_apply(needs, &plan, err);
    if (r == 0 && copies != NULL)
        r = xk_kvm_copies_read(copies, config, err);
    if (r == 0 && copies != NULL)
        xk_kvm_copies_check(copies, config, &f->host.state, &problems);
    xk_problems_free(&problems);
    xk_kvm_plan_free(&plan);
    return r;
}
#endif

/* ---- a device ---- */

static void
make_device(struct fixture *f, struct xk_buf *text)
{
    (void)f;
    xk_buf_puts(text,
                "{\"version\":1,\"domid\":1,\"devid\":51712,\"uid\":2000000001,"
                "\"gid\":2000000001,\"vdev\":\"xvda\",\"frontend\":"
                "\"/local/domain/1/device/vbd/51712\",\"backend\":"
                "\"/local/domain/0/backend/xkvbd/1/51712\",\"target\":\"/d\","
                "\"format\":\"qcow2\",\"engine\":\"nbd\",\"socket\":\"/s\","
                "\"readonly\":false,\"cdrom\":false,\"discard\":true,"
                "\"untrusted\":false,\"direct\":false}");
}

static void
write_device(struct fixture *f, const struct xk_buf *text)
{
    mkdirat(f->record->dir_fd, "vbd-51712", 0700);
    write_in(f, "vbd-51712/device.json", text);
}

static int
read_as_backend(struct fixture *f, const struct xk_buf *text,
                struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/vbd-51712", f->record->path);
    struct xk_block_config config;

    write_device(f, text);
    if (xk_block_config_read(path, &config, err) == -1)
        return -1;
    xk_block_config_free(&config);
    return 0;
}

#ifdef XK_WITH_XEN
static int
read_as_toolstack(struct fixture *f, const struct xk_buf *text,
                  struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    const struct xk_xen_device *device;

    write_device(f, text);
    if (xk_xen_devices_list(f->record, &devices, err) == -1)
        return -1;
    assert_int_equal(devices.count, 1);
    device = &devices.items[0];
    assert_true((device->json != NULL) == (device->unknown == NULL));
    (void)xk_xen_devices_need_start(f->record);
    if (device->json == NULL)
        assert_int_equal(xk_xen_devices_start(NULL, f->record, soon(), err),
                         -1);
    return xk_xen_device_need_known(device, err);
}
#endif

static void
make_mark(struct fixture *f, struct xk_buf *text)
{
    const struct xk_plug plug = {
        .script = "vif-openvswitch", .bridge = "ovsbr0.10", .ip = "10.1.2.3"};
    const struct xk_plug_card card = {
        .device = "vif3.0",
        .mac = "00:16:3e:00:00:01",
        .domain = "7259efc7-ef9a-4735-aff4-57467f02a1e2",
        .dir_fd = f->record->dir_fd,
        .mark = "plugged",
        .mtu = 1400,
    };

    assert_int_equal(xk_plug_mark_write(&plug, &card, &f->err), 0);
    read_from(f, "plugged", text);
}

static int
read_mark(struct fixture *f, const struct xk_buf *text, struct xk_error *err)
{
    struct xk_plug_mark mark;

    assert_int_equal(xk_write_file(f->record->dir_fd, "plugged", text->data,
                                   text->length, false, &f->err),
                     0);
    if (xk_plug_mark_read(f->record->dir_fd, "plugged", &mark, err) == -1)
        return -1;
    assert_non_null(mark.card.device);
    assert_non_null(mark.plug.script);
    xk_plug_mark_free(&mark);
    return 0;
}

static const struct reader readers[] = {
    {"config.json", true, make_config, load_config},
    {"next.json", true, make_config, load_next},
    {"a manifest", false, make_manifest, take_manifest},
    {"a save in the journal", false, make_save, recover_save},
    {"a move in the journal", false, make_move, recover_move},
    {"a move in doubt", false, make_move, resolve_move},
    {"a made file in the journal", false, make_made_file, remove_made_file},
    {"a line of the journal", false, make_line, read_journal},
    {"a process", true, make_named, load_named},
    {"device.json, by xk-backend", true, make_device, read_as_backend},
#ifdef XK_WITH_XEN
    {"device.json, by xk", true, make_device, read_as_toolstack},
#endif
    {"the mark of a plug", true, make_mark, read_mark},
#ifdef XK_WITH_KVM
    {"qemu.json", true, make_process, load_process},
    {"claim.json", true, make_claim, load_claim},
    {"events.json", false, make_taken, read_taken},
    {"what a guest of KVM needs", false, make_needs, take_needs},
#endif
};

static bool
feed(struct fixture *f, const struct reader *reader,
     const struct xk_json *document, size_t number)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_BUF struct xk_buf what = {0};
    struct xk_error err = {0};

    if (!json_mutation(document, number, &text, &what))
        return false;
    if (reader->read(f, &text, &err) == -1 && err.message[0] == '\0')
        fail_msg("%s, %s: no word of what is wrong", reader->name, what.data);
    return true;
}

static void
feed_all(struct fixture *f, const struct reader *reader)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *document = NULL;
    size_t number = 0;

    reader->make(f, &text);
    document = xk_json_parse(text.data, text.length, reader->name, &f->err);
    assert_non_null(document);
    while (feed(f, reader, document, number))
        number++;
    assert_true(number > 0);
}

static void
every_reader_takes_each_change_of_a_document_or_says_what_is_wrong(
    void **context)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(readers); i++)
        feed_all(*context, &readers[i]);
}

static void
what_a_reader_reads_is_what_its_writer_writes(void **context)
{
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(readers); i++) {
        XK_CLEANUP_BUF struct xk_buf text = {0};
        struct xk_error err = {0};

        readers[i].make(f, &text);
        if (readers[i].versioned && readers[i].read(f, &text, &err) == -1)
            fail_msg("%s: %s", readers[i].name, err.message);
    }
}

/* A document with another number in its member "version", or with one more. */
static void
set_version(const struct xk_buf *document, const char *version,
            struct xk_buf *text)
{
    static const char first[] = "{\"version\":1,";
    size_t skipped = strlen(first);

    if (strncmp(document->data, first, skipped) != 0)
        fail_msg("it has no version: %s", document->data);
    xk_buf_printf(text, "{\"version\":%s,%s", version,
                  document->data + skipped);
}

static void
a_document_of_another_version_is_refused_by_saying_so(void **context)
{
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(readers); i++) {
        XK_CLEANUP_BUF struct xk_buf document = {0};
        XK_CLEANUP_BUF struct xk_buf text = {0};
        struct xk_error err = {0};

        if (!readers[i].versioned)
            continue;
        readers[i].make(f, &document);
        set_version(&document, "97", &text);
        assert_int_equal(readers[i].read(f, &text, &err), -1);
        assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
        if (strstr(err.message, "version 97") == NULL)
            fail_msg("%s: %s", readers[i].name, err.message);
    }
}

/* A verb recovers first, and whoever looks at the domain next reads it all. */
static void
look_at_it(struct fixture *f)
{
    struct xk_domain_list list = {0};

    xk_host_close(&f->host);
    assert_int_equal(open_host(f), 0);
    if (xk_domain_list(&f->host, &list, soon(), &f->err) == 0)
        xk_domain_list_free(&list);
}

static void
no_change_of_a_configuration_ends_its_domain(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *document = NULL;

    make_config(f, &text);
    document = xk_json_parse(text.data, text.length, "test", &f->err);
    for (size_t number = 0;; number++) {
        XK_CLEANUP_BUF struct xk_buf changed = {0};

        if (!json_mutation(document, number, &changed, NULL))
            break;
        write_in(f, "config.json", &changed);
        look_at_it(f);
        assert_int_equal(xk_fake_count(hv_of(f)), 1);
    }
}

static void
no_change_of_what_a_save_noted_ends_its_domain(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *document = NULL;

    make_save(f, &text);
    document = xk_json_parse(text.data, text.length, "test", &f->err);
    for (size_t number = 0;; number++) {
        XK_CLEANUP_BUF struct xk_buf changed = {0};

        if (!json_mutation(document, number, &changed, NULL))
            break;
        if (strstr(changed.data, "\"then\":0") != NULL)
            continue; /* it says that the domain is to end */
        write_journal(f, XK_OP_SAVE, &changed, NULL);
        assert_int_equal(xk_journal_append(f->record, XK_JOURNAL_DONE,
                                           "save-written", NULL, &f->err),
                         0);
        look_at_it(f);
        assert_int_equal(xk_fake_count(hv_of(f)), 1);
    }
}

/* ---- files that are no JSON ---- */

static void
every_change_of_an_in_flight_log_is_taken_or_refused(void **context)
{
    static const uint32_t words[] = {0, 1, 2, 0x7fffffff, UINT32_MAX};
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/inflight", f->scratch);

    for (size_t i = 0; i < 10 * XK_ARRAY_SIZE(words); i++) {
        struct xk_inflight_offer offer = {1, 0, 11};
        struct xk_error err = {0};
        struct xk_inflight *log = xk_inflight_open(path, &offer, &err);
        int fd;

        assert_non_null(log);
        xk_inflight_close(log);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, &words[i % XK_ARRAY_SIZE(words)], 4,
                                (off_t)(i / XK_ARRAY_SIZE(words)) * 4),
                         4);
        close(fd);
        log = xk_inflight_open(path, &offer, &err);
        if (log == NULL && err.message[0] == '\0')
            fail_msg("word %zu: no word of what is wrong", i);
        xk_inflight_close(log);
        unlink(path);
    }
}

static void
an_in_flight_log_of_another_version_is_refused_by_saying_so(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/inflight", f->scratch);
    struct xk_inflight_offer offer = {1, 0, 11};
    struct xk_error err = {0};
    const uint32_t version = 97;
    int fd;

    xk_inflight_close(xk_inflight_open(path, &offer, &err));
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, &version, 4, 4), 4);
    close(fd);
    assert_null(xk_inflight_open(path, &offer, &err));
    assert_non_null(strstr(err.message, "version"));
}

static void
a_handover_that_says_something_else_is_no_decision(void **context)
{
    static const char *const texts[] = {
        "", "own", "ownedx", "OWNED", "open", "owned\nrefused", "\xff"};
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *folder =
        xk_asprintf("%s/moves", f->host.state.lib_path);
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", folder, uuid_text);

    assert_int_equal(xk_make_dirs(folder, 0700, &f->err), 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        enum xk_handover fate = XK_HANDOVER_OWNED;
        struct xk_error err = {0};

        assert_int_equal(xk_write_file(AT_FDCWD, path, texts[i],
                                       strlen(texts[i]), false, &err),
                         0);
        assert_int_equal(
            xk_handover_read(&f->host.state, &f->record->uuid, &fate, &err),
            -1);
        assert_int_not_equal(err.message[0], '\0');
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_reader_takes_each_change_of_a_document_or_says_what_is_wrong),
        T(what_a_reader_reads_is_what_its_writer_writes),
        T(a_document_of_another_version_is_refused_by_saying_so),
        T(no_change_of_a_configuration_ends_its_domain),
        T(no_change_of_what_a_save_noted_ends_its_domain),
        T(every_change_of_an_in_flight_log_is_taken_or_refused),
        T(an_in_flight_log_of_another_version_is_refused_by_saying_so),
        T(a_handover_that_says_something_else_is_no_decision),
    };

    signal(SIGPIPE, SIG_IGN);
    xk_log_set_level(XK_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
