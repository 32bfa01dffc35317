/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration as JSON and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/toolstack/config/support.h"

static const char everything[] =
    "name = 'web \"1\"'\ntype = 'hvm'\n"
    "uuid = 'c0de0000-1111-2222-3333-444455556666'\n"
    "memory = 256\nmaxmem = 512\nvcpus = 2\nmaxvcpus = 4\n"
    "on_crash = 'preserve'\n"
    "disk = [ '/srv/a,raw,xvda,w', ',hdc:cdrom,r',\n"
    "  'vdev=sdb3,format=vhd,backend=s,backendtype=tap,script=x,no-discard,"
    "untrusted,direct-io-safe,specification=virtio,grant_usage=1,"
    "target=/a,b=\\t ' ]\n"
    "vif = [ '', "
    "'type=user,hostfwd=tcp::22-:22,hostfwd=udp:[::1]:5-:6,hostloopback=0',\n"
    "  'mac=00:16:3e:00:00:01,bridge=b,model=e1000,vifname=v,script=s,ip=i,"
    "backend=d,backendtype=xk,rate=1MB/"
    "s,devid=9,mtu=9000,vlan=1p,untrusted,gatewaydev=g,spoofcheck=1' ]\n"
    "rtc_timeoffset = '-3600'\nacpi = 0\nserial = ['pty','none']\n"
    "vnuma = [['pnode=0','size=512','vcpus=0-3','vdistances=10']]\n"
    "cpus = '0-1'\ncpus_soft = ['0']\nviridian = 0\nvncpasswd = "
    "''\ndevice_model_args = []\n"
    "extra = 'gr\xc3\xbc\xc3\x9f'\n";

static struct xk_domain_config *
from_json(const char *text, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(text, strlen(text), "test", err);

    assert_non_null(json);
    return xk_config_from_json(json, err);
}

static void
assert_same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL)
        assert_string_equal(a, b);
}

/* Compare each member: a member missing from the tables would be lost in both
 * directions, and the JSON would still be equal. */
static void
assert_same_disk(const struct xk_disk *a, const struct xk_disk *b)
{
    assert_same_text(a->target, b->target);
    assert_int_equal(a->format, b->format);
    assert_same_text(a->vdev, b->vdev);
    assert_int_equal(a->bus, b->bus);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->partition, b->partition);
    assert_int_equal(a->read_write, b->read_write);
    assert_int_equal(a->cdrom, b->cdrom);
    assert_int_equal(a->backend, b->backend);
    assert_same_text(a->backend_domain, b->backend_domain);
    assert_same_text(a->script, b->script);
    assert_int_equal(a->direct_io_safe, b->direct_io_safe);
    assert_int_equal(a->discard, b->discard);
    assert_int_equal(a->untrusted, b->untrusted);
    assert_int_equal(a->virtio, b->virtio);
    assert_int_equal(a->grant_usage, b->grant_usage);
}

static void
assert_same_vif(const struct xk_vif *a, const struct xk_vif *b)
{
    assert_memory_equal(a->mac, b->mac, sizeof(a->mac));
    assert_int_equal(a->mac_given, b->mac_given);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->backend, b->backend);
    assert_same_text(a->bridge, b->bridge);
    assert_same_text(a->gatewaydev, b->gatewaydev);
    assert_same_text(a->model, b->model);
    assert_same_text(a->vifname, b->vifname);
    assert_same_text(a->script, b->script);
    assert_same_text(a->ip, b->ip);
    assert_same_text(a->backend_domain, b->backend_domain);
    assert_int_equal(a->rate_bytes_per_interval, b->rate_bytes_per_interval);
    assert_int_equal(a->rate_interval_us, b->rate_interval_us);
    assert_int_equal(a->devid, b->devid);
    assert_int_equal(a->mtu, b->mtu);
    assert_same_text(a->vlan, b->vlan);
    assert_int_equal(a->untrusted, b->untrusted);
    assert_int_equal(a->no_host_loopback, b->no_host_loopback);
    assert_int_equal(a->spoof_check, b->spoof_check);
    assert_int_equal(a->hostfwd_count, b->hostfwd_count);
    for (size_t i = 0; i < a->hostfwd_count; i++)
        assert_memory_equal(&a->hostfwd[i], &b->hostfwd[i],
                            sizeof(a->hostfwd[i]));
}

/* An earlier xk does not know them. */
static void
newer_members_of_a_card_are_written_only_if_they_were_given(void **state)
{
    struct xk_domain_config *config =
        read_good("name='d'\ntype='pvh'\nkernel='/k'\nmemory=64\nvif=['']\n");
    char *text = to_json(config);
    struct xk_error err;
    struct xk_domain_config *again = from_json(text, &err);

    (void)state;
    assert_null(strstr(text, "\"backend\":"));
    assert_null(strstr(text, "no_host_loopback"));
    assert_null(strstr(text, "spoof_check"));
    assert_non_null(again);
    assert_int_equal(again->vifs[0].backend, XK_VIF_BACKEND_AUTO);
    xk_config_free(again);
    xk_config_free(config);
    free(text);
}

static void
what_was_written_reads_back_equal(void **state)
{
    struct xk_domain_config *config = read_good(everything);
    struct xk_error err;
    char *text = to_json(config);
    struct xk_domain_config *again = from_json(text, &err);
    char *text_again;

    (void)state;
    if (again == NULL)
        fail_msg("%s in %s", err.message, text);
    text_again = to_json(again);
    assert_string_equal(text, text_again);
    assert_int_equal(again->disk_count, 3);
    assert_int_equal(again->vif_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_same_disk(&config->disks[i], &again->disks[i]);
        assert_same_vif(&config->vifs[i], &again->vifs[i]);
    }
    assert_string_equal(again->name, "web \"1\"");
    assert_true(xk_uuid_equal(&config->uuid, &again->uuid));
    assert_true(again->uuid_given);
    assert_int_equal(again->type, XK_TYPE_HVM);
    assert_int_equal(again->memory_mib, 256);
    assert_int_equal(again->maxmem_mib, 512);
    assert_int_equal(again->vcpus, 2);
    assert_int_equal(again->maxvcpus, 4);
    assert_int_equal(again->on[XK_STOP_CRASH], XK_ACTION_PRESERVE);
    assert_int_equal(again->on[XK_STOP_SOFT_RESET], XK_ACTION_SOFT_RESET);
    assert_int_equal(again->disk_count, 3);
    assert_null(again->disks[1].target);
    assert_string_equal(again->disks[2].target, "/a,b=\t ");
    assert_int_equal(again->disks[2].format, XK_FORMAT_VHD);
    assert_int_equal(again->disks[2].bus, XK_BUS_SD);
    assert_int_equal(again->disks[2].partition, 3);
    assert_int_equal(again->disks[2].grant_usage, 1);
    assert_int_equal(again->vif_count, 3);
    assert_memory_equal(again->vifs[0].mac, config->vifs[0].mac, 6);
    assert_int_equal(again->vifs[1].hostfwd_count, 2);
    assert_string_equal(again->vifs[1].hostfwd[1].host_address, "::1");
    assert_int_equal(again->vifs[2].rate_bytes_per_interval, 50000);
    assert_int_equal(again->vifs[2].devid, 9);
    assert_int_equal(xk_config_integer(again, XK_KEY_RTC_TIMEOFFSET, 0), -3600);
    assert_int_equal(again->values[XK_KEY_SERIAL].item_count, 2);
    assert_false(again->values[XK_KEY_SERIAL].single);
    assert_true(again->values[XK_KEY_CPUS].single);
    assert_string_equal(again->values[XK_KEY_CPUS].items[0], "0-1");
    assert_false(again->values[XK_KEY_CPUS_SOFT].single);
    assert_true(again->values[XK_KEY_VIRIDIAN].single);
    assert_int_equal(again->values[XK_KEY_VIRIDIAN].item_count, 0);
    assert_true(xk_config_is_set(again, XK_KEY_DEVICE_MODEL_ARGS));
    assert_string_equal(xk_config_string(again, XK_KEY_VNCPASSWD), "");
    free(text);
    free(text_again);
    xk_config_free(config);
    xk_config_free(again);
}

/* Returns text with the first `from` replaced. */
static char *
with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    if (at == NULL)
        fail_msg("no %s in %s", from, text);
    return xk_asprintf("%.*s%s%s", (int)(at - text), text, to,
                       at + strlen(from));
}

static void
what_the_writer_does_not_write_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } changes[] = {
        {"\"memory_mib\":256,", ""},
        {"\"memory_mib\":256", "\"memory_mib\":\"256\""},
        {"\"memory_mib\":256", "\"memory_mib\":0"},
        {"\"memory_mib\":256", "\"memory_mib\":513"},
        {"\"memory_mib\":256", "\"memory_mib\":256,\"memory_mib\":256"},
        {"\"memory_mib\":256", "\"memory_mib\":256,\"more\":1"},
        {"\"vcpus\":2,", "\"vcpus\":5,"},
        {"\"type\":\"hvm\",\"memory", "\"type\":\"HVM\",\"memory"},
        {"\"uuid\":\"c0de", "\"uuid\":\"code"},
        {"\"uuid_given\":true", "\"uuid_given\":1"},
        {"\"name\":\"web", "\"name\":\"w/b"},
        {"\"on_crash\":\"preserve\"", "\"on_crash\":\"keep\""},
        {"\"disks\":[", "\"disks\":[1,"},
        {"\"format\":\"raw\"", "\"format\":\"zip\""},
        {"\"partition\":0", "\"partition\":256"},
        {"\"vdev\":\"xvda\"", "\"vdev\":null"},
        {"\"cdrom\":false,", ""},
        {"\"mtu\":9000", "\"mtu\":90000"},
        {"\"mac\":\"00:16:3e:00:00:01\"", "\"mac\":\"00:16\""},
        {"\"hostfwd\":[\"tcp::22-:22\"", "\"hostfwd\":[\"tcp:22:22\""},
        {"\"devid\":9", "\"devid\":-1"},
        {"\"keys\":{", "\"keys\":{\"memroy\":1,"},
        {"\"acpi\":false", "\"acpi\":0"},
        {"\"acpi\":false", "\"acpi\":false,\"acpi\":false"},
        {"\"rtc_timeoffset\":-3600", "\"rtc_timeoffset\":9999999999"},
        {"\"serial\":[\"pty\"", "\"serial\":[1"},
        {"\"vncpasswd\":\"\"", "\"vncpasswd\":null"},
    };
    struct xk_domain_config *config = read_good(everything);
    char *text = to_json(config);

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(changes); i++) {
        char *changed = with(text, changes[i].from, changes[i].to);
        struct xk_error err;

        if (from_json(changed, &err) != NULL)
            fail_msg("accepted with %s", changes[i].to);
        assert_int_equal(err.kind, XK_ERR_PROTOCOL);
        assert_int_equal(strncmp(err.message, "configuration: ", 15), 0);
        free(changed);
    }
    free(text);
    xk_config_free(config);
}

static void
other_documents_are_refused(void **state)
{
    static const char *const texts[] = {"null", "[]", "{}", "1", "\"x\""};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        struct xk_error err;

        assert_null(from_json(texts[i], &err));
        assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_reads_back_equal),
        cmocka_unit_test(
            newer_members_of_a_card_are_written_only_if_they_were_given),
        cmocka_unit_test(what_the_writer_does_not_write_is_refused),
        cmocka_unit_test(other_documents_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
