/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/life/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    QUESTION_MAX = 8192
};

struct peer {
    int fd; /* -1: none */
    struct xk_buf question;
};

struct xk_control {
    int fd;
    struct peer peers[XK_CONTROL_PEERS];
    unsigned next; /* the place of the next peer: free, or the oldest's */
    void (*answer)(void *context, const struct xk_json *asked,
                   struct xk_buf *answer);
    void *context;
};

static void
drop(struct peer *peer)
{
    if (peer->fd != -1)
        close(peer->fd);
    peer->fd = -1;
    xk_buf_free(&peer->question);
}

/* Remove a socket file first: one left by a killed process makes bind(2)
 * fail. */
static int
listen_at(struct xk_control *control, const char *path, struct xk_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is too long for the path of a socket", path);
    strcpy(address.sun_path, path);
    control->fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd == -1)
        return xk_fail_errno(err, "make a socket");
    if (unlink(path) == -1 && errno != ENOENT)
        return xk_fail_errno(err, "remove \"%s\"", path);
    if (fchmod(control->fd, 0600) == -1 ||
        bind(control->fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
        listen(control->fd, 8) == -1)
        return xk_fail_errno(err, "listen at \"%s\"", path);
    return 0;
}

struct xk_control *
xk_control_open(const char *path,
                void (*answer)(void *context, const struct xk_json *asked,
                               struct xk_buf *answer),
                void *context, struct xk_error *err)
{
    struct xk_control *control = XK_NEW(struct xk_control);

    control->answer = answer;
    control->context = context;
    for (unsigned i = 0; i < XK_CONTROL_PEERS; i++)
        control->peers[i].fd = -1;
    if (listen_at(control, path, err) == 0)
        return control;
    xk_control_close(control);
    return NULL;
}

void
xk_control_close(struct xk_control *control)
{
    if (control == NULL)
        return;
    for (unsigned i = 0; i < XK_CONTROL_PEERS; i++)
        drop(&control->peers[i]);
    if (control->fd != -1)
        close(control->fd);
    free(control);
}

void
xk_control_poll(const struct xk_control *control, struct pollfd *fds)
{
    for (unsigned i = 0; i < XK_CONTROL_PEERS; i++)
        fds[i] = (struct pollfd){.fd = control->peers[i].fd, .events = POLLIN};
    fds[XK_CONTROL_PEERS] =
        (struct pollfd){.fd = control->fd, .events = POLLIN};
}

static void
accept_peer(struct xk_control *control)
{
    struct peer *peer = &control->peers[control->next];
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd == -1)
        return;
    drop(peer);
    peer->fd = fd;
    control->next = (control->next + 1) % XK_CONTROL_PEERS;
}

/* False: the peer is gone or has sent too much. */
static bool
receive(struct peer *peer)
{
    char *room = xk_buf_reserve(&peer->question, QUESTION_MAX);
    ssize_t n = recv(peer->fd, room, QUESTION_MAX, 0);

    if (n == -1)
        return errno == EAGAIN || errno == EINTR;
    peer->question.length += (size_t)n;
    return n > 0 && peer->question.length <= QUESTION_MAX;
}

/* An answer fits into an empty socket buffer. False: the peer does not read its
 * answers and is to be dropped. */
static bool
reply(struct xk_control *control, struct peer *peer, size_t length)
{
    XK_CLEANUP_BUF struct xk_buf answer = {0};
    XK_CLEANUP_JSON struct xk_json *asked = NULL;
    struct xk_error err;
    ssize_t n;

    asked = xk_json_parse(peer->question.data, length, "question", &err);
    control->answer(control->context, asked, &answer);
    xk_buf_puts(&answer, "\n");
    n = send(peer->fd, answer.data, answer.length, MSG_NOSIGNAL);
    return n == (ssize_t)answer.length;
}

static bool
serve_peer(struct xk_control *control, struct peer *peer)
{
    const char *end;

    if (!receive(peer))
        return false;
    while (peer->question.length > 0 &&
           (end = (const char *)memchr(peer->question.data, '\n',
                                       peer->question.length)) != NULL) {
        size_t length = (size_t)(end - peer->question.data);

        if (!reply(control, peer, length))
            return false;
        xk_buf_consume(&peer->question, length + 1);
    }
    return true;
}

void
xk_control_serve(struct xk_control *control, const struct pollfd *fds)
{
    for (unsigned i = 0; i < XK_CONTROL_PEERS; i++) {
        struct peer *peer = &control->peers[i];

        if (peer->fd != -1 && fds[i].fd == peer->fd && fds[i].revents != 0 &&
            !serve_peer(control, peer))
            drop(peer);
    }
    if (fds[XK_CONTROL_PEERS].revents != 0)
        accept_peer(control);
}
