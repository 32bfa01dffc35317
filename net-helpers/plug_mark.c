/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/plug_mark.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_members.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/name.h"

enum {
    MARK_VERSION = 1,
    TEXT_MAX = 16 * 1024,
    MTU_MAX = 65535,
};

struct xk_plug_mark_texts {
    char *script, *bridge, *ip, *gatewaydev;
    char *device, *vifname, *mac, *domain, *store;
    uint32_t mtu;
};

#define AT(member) offsetof(struct xk_plug_mark_texts, member)

static const struct xk_json_member members[] = {
    {"script", XK_MEMBER_TEXT, AT(script), true, 0, 0},
    {"bridge", XK_MEMBER_TEXT, AT(bridge), true, 0, 0},
    {"ip", XK_MEMBER_TEXT, AT(ip), false, 0, 0},
    {"gatewaydev", XK_MEMBER_TEXT, AT(gatewaydev), false, 0, 0},
    {"device", XK_MEMBER_TEXT, AT(device), true, 0, 0},
    {"vifname", XK_MEMBER_TEXT, AT(vifname), false, 0, 0},
    {"mac", XK_MEMBER_TEXT, AT(mac), true, 0, 0},
    {"domain", XK_MEMBER_TEXT, AT(domain), false, 0, 0},
    {"store", XK_MEMBER_TEXT, AT(store), false, 0, 0},
    {"mtu", XK_MEMBER_NUMBER, AT(mtu), false, 0, MTU_MAX},
};

/* ---- written ---- */

static void
put_texts(const struct xk_plug *plug, const struct xk_plug_card *card,
          struct xk_json_writer *writer)
{
    const struct {
        const char *name, *text;
    } rows[] = {
        {"script", plug->script}, {"bridge", plug->bridge},
        {"ip", plug->ip},         {"gatewaydev", plug->gatewaydev},
        {"device", card->device}, {"vifname", card->vifname},
        {"mac", card->mac},       {"domain", card->domain},
        {"store", card->store},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        if (rows[i].text != NULL)
            xk_json_put_string(writer, rows[i].name, rows[i].text);
    }
}

int
xk_plug_mark_write(const struct xk_plug *plug, const struct xk_plug_card *card,
                   struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, MARK_VERSION);
    put_texts(plug, card, writer);
    xk_json_put_integer(writer, "mtu", card->mtu);
    xk_json_close_object(writer);
    if (text.length > TEXT_MAX)
        return xk_fail(err, XK_ERR_CONFIG,
                       "script=, bridge=, ip= and gatewaydev= are longer than "
                       "%d bytes",
                       TEXT_MAX);
    return xk_write_file(card->dir_fd, card->mark, text.data, text.length,
                         false, err);
}

/* ---- read ---- */

static int
take(const struct xk_json *json, struct xk_plug_mark_texts *texts,
     struct xk_error *err)
{
    if (!xk_json_is_object(json))
        return xk_fail(err, XK_ERR_CONFIG, "not a JSON object");
    if (xk_json_check_version(json, MARK_VERSION, err) == -1 ||
        xk_json_take_members(json, members, XK_ARRAY_SIZE(members), texts,
                             err) == -1)
        return -1;
    return xk_net_name_check(texts->device) == NULL
               ? 0
               : xk_fail(err, XK_ERR_CONFIG,
                         "\"device\" is not the name of a network device");
}

static void
show(struct xk_plug_mark *mark, int dir_fd, const char *path)
{
    const struct xk_plug_mark_texts *texts = mark->texts;

    mark->plug = (struct xk_plug){
        .script = texts->script,
        .bridge = texts->bridge,
        .ip = texts->ip,
        .gatewaydev = texts->gatewaydev,
    };
    mark->card = (struct xk_plug_card){
        .device = texts->device,
        .vifname = texts->vifname,
        .mac = texts->mac,
        .domain = texts->domain,
        .store = texts->store,
        .dir_fd = dir_fd,
        .mark = path,
        .mtu = texts->mtu,
    };
}

int
xk_plug_mark_read(int dir_fd, const char *path, struct xk_plug_mark *mark,
                  struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    *mark = (struct xk_plug_mark){0};
    if (xk_read_file(dir_fd, path, TEXT_MAX, &text, err) == -1)
        return -1;
    json = xk_json_parse(text.data != NULL ? text.data : "", text.length, path,
                         err);
    if (json == NULL)
        return -1;
    mark->texts = XK_NEW(struct xk_plug_mark_texts);
    if (take(json, mark->texts, err) == -1) {
        xk_plug_mark_free(mark);
        return xk_wrap(err, "\"%s\"", path);
    }
    show(mark, dir_fd, path);
    return 0;
}

void
xk_plug_mark_free(struct xk_plug_mark *mark)
{
    if (mark->texts != NULL)
        xk_json_free_members(members, XK_ARRAY_SIZE(members), mark->texts);
    free(mark->texts);
    *mark = (struct xk_plug_mark){0};
}
