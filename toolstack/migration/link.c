/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/link.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/utf8.h"
#include "base/util.h"

extern char **environ;

enum {
    END_MS = 2000,
    EXIT_NOT_FOUND = 127, /* of a shell, here or at ssh's other end */
    EXIT_SSH = 255,
};

static void
add_word(struct xk_link *link, size_t *count, char *word)
{
    XK_GROW(link->argv, *count + 1);
    link->argv[(*count)++] = word;
    link->argv[*count] = NULL;
}

static void
init(struct xk_link *link, const char *name)
{
    *link = (struct xk_link){.host = xk_strdup(name),
                             .name = xk_asprintf("host \"%s\"", name),
                             .fd = -1};
}

void
xk_link_by_words(struct xk_link *link, const char *host,
                 const char *const *argv)
{
    size_t count = 0;

    init(link, host);
    for (size_t i = 0; argv[i] != NULL; i++)
        add_word(link, &count, xk_strdup(argv[i]));
}

void
xk_link_again(struct xk_link *link, const struct xk_link *first)
{
    xk_link_by_words(link, first->host, (const char *const *)first->argv);
}

/* Keepalives end dead connections. BatchMode is not set: the user may have to
 * type a password at the terminal. */
static const char *const ssh_words[] = {
    "ssh", "-oServerAliveInterval=5", "-oServerAliveCountMax=4", "-T", "--",
};

int
xk_link_by_ssh(struct xk_link *link, const char *host, const char *program,
               struct xk_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._:@%-[]";
    size_t count = 0;

    init(link, host);
    if (host[0] == '\0' || host[0] == '-' ||
        host[strspn(host, letters)] != '\0')
        return xk_fail(err, XK_ERR_USAGE, "\"%s\" is not a host name", host);
    for (size_t i = 0; i < XK_ARRAY_SIZE(ssh_words); i++)
        add_word(link, &count, xk_strdup(ssh_words[i]));
    add_word(link, &count, xk_strdup(host));
    add_word(link, &count, xk_strdup(program != NULL ? program : "xk"));
    add_word(link, &count, xk_strdup("migrate-receive"));
    return 0;
}

/* ---- a command as words ---- */

/* Returns the next word without its quotes and moves *text behind it; NULL if a
 * quote is not closed. */
static char *
next_word(const char **text)
{
    XK_CLEANUP_BUF struct xk_buf word = {0};
    char quote = '\0';

    xk_buf_puts(&word, "");
    for (; **text != '\0'; ++*text) {
        char c = **text;

        if (quote == '\0' && isspace((unsigned char)c))
            break;
        if (c == '\\' && quote != '\'' && (*text)[1] != '\0')
            xk_buf_append(&word, ++*text, 1);
        else if (quote == '\0' && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote)
            quote = '\0';
        else
            xk_buf_append(&word, &c, 1);
    }
    return quote != '\0' ? NULL : xk_buf_take(&word);
}

static bool
is_assignment(const char *word)
{
    size_t length = 0;

    while (isalnum((unsigned char)word[length]) || word[length] == '_')
        length++;
    return length > 0 && word[length] == '=' &&
           !isdigit((unsigned char)word[0]);
}

/* Refuse a word that a shell would treat as an operator: the user expects a
 * shell to run the command. */
static int
check_word(const char *word, struct xk_error *err)
{
    static const char *const operators[] = {"|", "||", "&", "&&",
                                            ";", "<",  ">", ">>"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(operators); i++) {
        if (strcmp(word, operators[i]) == 0)
            return xk_fail(err, XK_ERR_USAGE,
                           "--transport: \"%s\" needs a shell: write sh -c "
                           "'...'",
                           word);
    }
    return xk_utf8_valid(word, NULL)
               ? 0
               : xk_fail(err, XK_ERR_USAGE, "--transport: not UTF-8 text");
}

int
xk_link_by_command(struct xk_link *link, const char *host, const char *command,
                   struct xk_error *err)
{
    size_t count = 0;

    init(link, host);
    if (strlen(command) > XK_LINK_BYTES_MAX)
        return xk_fail(err, XK_ERR_USAGE,
                       "--transport: more than %d bytes: put them into a "
                       "script",
                       XK_LINK_BYTES_MAX);
    for (;;) {
        char *word;

        command += strspn(command, " \t\n");
        if (*command == '\0')
            break;
        word = next_word(&command);
        if (word == NULL)
            return xk_fail(err, XK_ERR_USAGE,
                           "--transport: a quote is not closed");
        if (count == 0 && is_assignment(word))
            add_word(link, &count, xk_strdup("env"));
        add_word(link, &count, word);
        if (count > XK_LINK_WORDS_MAX)
            return xk_fail(err, XK_ERR_USAGE,
                           "--transport: more than %d words: put them into a "
                           "script",
                           XK_LINK_WORDS_MAX);
        if (check_word(word, err) == -1)
            return -1;
    }
    return count == 0
               ? xk_fail(err, XK_ERR_USAGE, "--transport: no command is given")
               : 0;
}

/* ---- the program ---- */

static int
spawn(struct xk_link *link, int fd, struct xk_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int r;

    /* A process group of its own: Ctrl-C must reach xk only, because the
     * program has to live on to carry the messages that undo the move. */
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, 0);
    posix_spawn_file_actions_adddup2(&actions, fd, 1);
    r = posix_spawnp(&link->pid, link->argv[0], &actions, &attributes,
                     link->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (r == 0)
        return 0;
    link->pid = 0;
    errno = r;
    xk_fail_errno(err, "run \"%s\"", link->argv[0]);
    if (r == ENOENT)
        return xk_fail(err, XK_ERR_HOST, "\"%s\" is not installed",
                       link->argv[0]);
    return -1;
}

int
xk_link_open(struct xk_link *link, struct xk_error *err)
{
    int ends[2];
    int r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
        return xk_fail_errno(err, "socketpair");
    r = spawn(link, ends[1], err);
    close(ends[1]);
    if (r == -1) {
        close(ends[0]);
        return -1;
    }
    link->fd = ends[0];
    fcntl(link->fd, F_SETFL, O_NONBLOCK);
    link->to = (struct xk_frame_stream){.fd = link->fd, .what = link->name};
    link->from = link->to;
    return 0;
}

/* Returns false if the program still runs at the deadline. */
static bool
has_ended(struct xk_link *link, struct xk_deadline deadline, int *status)
{
    if (!xk_process_await_child(link->pid, status, deadline))
        return false;
    link->pid = 0;
    return true;
}

int
xk_link_explain(struct xk_link *link, struct xk_error *err)
{
    int status = 0;

    if (link->pid == 0 || (err->kind != XK_ERR_PROTOCOL && err->errnum == 0) ||
        !has_ended(link, xk_deadline_in_ms(END_MS / 4), &status))
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_FOUND)
        return xk_fail(err, XK_ERR_HOST, "%s has no \"%s\"", link->name,
                       "xk migrate-receive");
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SSH)
        return xk_fail(err, XK_ERR_HOST, "%s cannot be reached by \"%s\"",
                       link->name, link->argv[0]);
    if (WIFEXITED(status))
        return xk_wrap(err, "\"%s\" ended with status %d", link->argv[0],
                       WEXITSTATUS(status));
    return xk_wrap(err, "\"%s\" was ended by signal %d", link->argv[0],
                   WTERMSIG(status));
}

void
xk_link_close(struct xk_link *link)
{
    int status;

    if (link->fd != -1)
        close(xk_take_fd(&link->fd));
    if (link->pid != 0 &&
        !has_ended(link, xk_deadline_in_ms(END_MS), &status)) {
        kill(-link->pid, SIGKILL);
        xk_process_kill_child(link->pid);
        link->pid = 0;
    }
}

void
xk_link_free(struct xk_link *link)
{
    xk_link_close(link);
    for (size_t i = 0; link->argv != NULL && link->argv[i] != NULL; i++)
        free(link->argv[i]);
    free(link->argv);
    free(link->host);
    free(link->name);
    *link = (struct xk_link){.fd = -1};
}
