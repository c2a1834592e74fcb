/* Carries text, input and signals between this process and the requester process until there is a verdict. One thread: every
 * descriptor is polled, signals among them. */
#define _GNU_SOURCE
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ATOMIC = 4096,         /* what a pipe takes without blocking when it is ready */
    PATIENCE_MS = 2000,
    KEYS_TO_GIVE_UP = 3,   /* Ctrl-C, at a terminal whose keys are the tool's */
};

struct relay {
    int door;
    struct bytes to_send, received;
    bool closed; /* the requester process takes no more input */
    struct text text; /* what is left of the one being written; lies in `received` */
    size_t message_length; /* of the reply at the front of `received` that is done with when the text is written */
    long long interrupted_at, deadline; /* 0: none */
    size_t signal_unsent;               /* of `to_send`, up to the end of the last signal */
    long long signal_deadline, key_at;
    int keys;
    struct input *input;
    struct terminal *terminal;
    struct verdict *verdict;
};

static sigset_t original, taken;
static int signals = -1;

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* From here signals are read, not handled. Those that the caller ignores stay ignored. */
void take_signals(void)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP};
    sigset_t blocked;
    struct sigaction action;

    sigemptyset(&taken);
    for (size_t index = 0; index < sizeof wanted / sizeof *wanted; index++)
        if (sigaction(wanted[index], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&taken, wanted[index]);
    blocked = taken;
    sigaddset(&blocked, SIGPIPE);
    sigaddset(&blocked, SIGTTOU); /* the terminal is put right even from the background */
    sigprocmask(SIG_BLOCK, &blocked, &original);
    signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

void release_signals(void)
{
    leave_raw_mode();
    if (signals < 0)
        return;
    close(signals);
    signals = -1;
    sigprocmask(SIG_SETMASK, &original, NULL);
}

/* As the tool did: the caller sees the signal, not a number. */
_Noreturn void die_of(int number)
{
    const struct rlimit none = {0, 0};
    sigset_t one;

    leave_raw_mode();
    setrlimit(RLIMIT_CORE, &none);
    signal(number, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, number);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    _exit(128 + number); /* of a signal that kills nobody */
}

static void send_signal(struct relay *relay, int number)
{
    if (relay->closed)
        return;
    encode_signal(&relay->to_send, number);
    relay->signal_unsent = relay->to_send.length;
    relay->signal_deadline = now_ms() + PATIENCE_MS;
}

static void send_size(struct relay *relay)
{
    measure_terminal(relay->terminal);
    if (!relay->closed)
        encode_size(&relay->to_send, relay->terminal);
}

/* The connection's end cancels the action: the worker kills the whole tree of processes. */
static _Noreturn void give_up(struct relay *relay, int number)
{
    close(relay->door);
    die_of(number);
}

/* At a terminal in raw mode Ctrl-C is a key of the tool's. If that one does not listen, there must be a way out. */
static void watch_keys(struct relay *relay, const unsigned char *data, size_t length)
{
    for (size_t index = 0; index < length; index++) {
        if (data[index] != 0x03)
            continue;
        relay->keys = relay->keys > 0 && now_ms() - relay->key_at < PATIENCE_MS ? relay->keys + 1 : 1;
        relay->key_at = now_ms();
        if (relay->keys == KEYS_TO_GIVE_UP)
            give_up(relay, SIGINT);
    }
}

static void forward_input(struct relay *relay)
{
    static unsigned char chunk[INPUT_CHUNK];
    ssize_t length = read_input(relay->input, chunk, sizeof chunk);

    if (length < 0)
        return;
    if (relay->terminal->input)
        watch_keys(relay, chunk, (size_t)length);
    if (!relay->closed)
        encode_input(&relay->to_send, chunk, (size_t)length);
}

static void stop(struct relay *relay)
{
    leave_raw_mode();
    kill(getpid(), SIGSTOP);
    if (relay->terminal->input)
        enter_raw_mode();
    if (relay->terminal->present)
        send_size(relay);
}

static void take_signal(struct relay *relay)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof info) != sizeof info)
        return;
    int number = (int)info.ssi_signo;
    switch (number) {
    case SIGWINCH:
        if (relay->terminal->present)
            send_size(relay);
        return;
    case SIGTSTP:
        stop(relay);
        return;
    case SIGINT:
        if (relay->interrupted_at != 0 && now_ms() - relay->interrupted_at < PATIENCE_MS)
            give_up(relay, number);
        relay->interrupted_at = now_ms();
        break;
    case SIGTERM:
        if (relay->deadline == 0)
            relay->deadline = now_ms() + PATIENCE_MS;
        break;
    default:
        break;
    }
    if (number != SIGUSR1 && number != SIGUSR2)
        relay->verdict->received = number;
    send_signal(relay, number);
}

static bool is_file(int descriptor)
{
    struct stat stat_;

    return fstat(descriptor, &stat_) == 0 && S_ISREG(stat_.st_mode);
}

/* Only when it is ready, and little at a time: a reader that has stopped must not keep signals from being seen. */
static void write_text(struct relay *relay)
{
    size_t length = relay->text.length;

    if (length > ATOMIC && !is_file(relay->text.descriptor))
        length = ATOMIC;
    ssize_t written = write(relay->text.descriptor, relay->text.data, length);
    if (written < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (written < 0 && errno == EPIPE)
        give_up(relay, SIGPIPE);
    if (written < 0) {
        int error = errno;
        close(relay->door);
        leave_raw_mode();
        fprintf(stderr, "repr: error: the command's text could not be written: %s\n", strerror(error));
        exit(EXIT_NOT_RUN);
    }
    relay->text.data += written;
    relay->text.length -= (size_t)written;
    relay->verdict->text_passed_on = true;
}

/* Goes on with the replies that are there. True: the verdict is there, or never comes. */
static bool read_replies(struct relay *relay)
{
    size_t header, body;

    while (relay->text.length == 0) {
        drop_front(&relay->received, relay->message_length);
        relay->message_length = 0;
        int state = next_delimited(relay->received.data, relay->received.length, &header, &body);
        if (state < 0) {
            relay->verdict->message = "The requester process sent something malformed; see requester.log in the cache directory.";
            relay->verdict->unanswered = false;
        }
        if (state <= 0)
            return state < 0;
        relay->message_length = header + body;
        if (decode_reply(relay->received.data + header, body, &relay->text, relay->verdict)) {
            relay->verdict->unanswered = false;
            return true;
        }
    }
    return false;
}

static bool receive(struct relay *relay)
{
    unsigned char chunk[INPUT_CHUNK];
    ssize_t length = recv(relay->door, chunk, sizeof chunk, MSG_DONTWAIT);

    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    if (length <= 0)
        return true;
    append(&relay->received, chunk, (size_t)length);
    return read_replies(relay);
}

static void send_pending(struct relay *relay)
{
    ssize_t sent = send(relay->door, relay->to_send.data, relay->to_send.length, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent < 0 && errno != EINTR && errno != EAGAIN) {
        relay->closed = true; /* perhaps the verdict is there */
        relay->to_send.length = 0;
        relay->signal_unsent = 0;
    } else if (sent > 0) {
        drop_front(&relay->to_send, (size_t)sent);
        relay->signal_unsent -= (size_t)sent < relay->signal_unsent ? (size_t)sent : relay->signal_unsent;
    }
}

/* The time until a signal must have had its effect: SIGTERM ends the tool; any that ends tools is at least on its way, and not behind
 * input that the tool does not take. */
static int check_patience(struct relay *relay)
{
    long long now = now_ms(), left = -1;

    if (relay->deadline > 0) {
        left = relay->deadline - now;
        if (left <= 0)
            give_up(relay, SIGTERM);
    }
    if (relay->signal_unsent > 0 && relay->verdict->received != 0) {
        long long more = relay->signal_deadline - now;
        if (more <= 0)
            give_up(relay, relay->verdict->received);
        left = left < 0 || more < left ? more : left;
    }
    return (int)left;
}

void relay(int door, struct bytes *request, struct input *input, struct terminal *terminal, struct verdict *verdict)
{
    struct relay relay = {.door = door, .to_send = *request, .input = input, .terminal = terminal, .verdict = verdict};

    *verdict = (struct verdict){
        .outcome = OUTCOME_NOT_RUN,
        .code = "REPR1301",
        .message = "The requester process went away; see requester.log in the cache directory.",
        .unanswered = true,
    };
    for (;;) {
        bool writes = relay.text.length > 0, reads = !input->ended && !relay.closed && relay.to_send.length < INPUT_CHUNK;
        short door_events = (short)((writes ? 0 : POLLIN) | (relay.to_send.length > 0 ? POLLOUT : 0));
        struct pollfd polls[] = {
            {signals, POLLIN, 0},
            {door_events != 0 ? door : -1, door_events, 0},
            {writes ? relay.text.descriptor : -1, POLLOUT, 0},
            {reads ? STDIN_FILENO : -1, POLLIN, 0},
        };
        if (poll(polls, sizeof polls / sizeof *polls, check_patience(&relay)) < 0)
            continue;
        if (polls[0].revents != 0)
            take_signal(&relay);
        if (polls[3].revents != 0)
            forward_input(&relay);
        if (polls[2].revents != 0) {
            write_text(&relay);
            if (relay.text.length == 0 && read_replies(&relay))
                return;
        }
        if ((polls[1].revents & POLLOUT) != 0 && relay.to_send.length > 0)
            send_pending(&relay);
        if ((polls[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !writes && receive(&relay))
            return;
    }
}
