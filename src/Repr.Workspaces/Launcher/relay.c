/* What passes between the worker and a running tool: text, input, signals, and the end. */
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTION, OUTPUT, ERROR, REPORT, INIT, INPUT, COUNT };

/* Frames of the worker. */
struct inbox {
    char bytes[sizeof(struct frame_header) + INPUT_MAXIMUM];
    size_t length;  /* received */
    size_t written; /* of the data of an input frame at the front */
};

struct relay {
    struct action *action;
    struct pollfd waiting[COUNT];
    struct inbox inbox;
    int init_fd;
    int failed;
    struct ending ending;
};

/* Relays what one stream holds now. Returns -1 at its end. */
static int relay_text(int connection, enum frame_kind kind, int stream)
{
    static char buffer[1 << 16];
    ssize_t got = read(stream, buffer, sizeof buffer);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1; /* a terminal without a tool says EIO */
    if (got == 0)
        return -1;
    send_frame(connection, kind, buffer, (uint32_t)got, -1); /* whether the worker is gone shows in poll */
    return 0;
}

static void kill_sandbox(struct relay *relay)
{
    syscall(SYS_pidfd_send_signal, relay->init_fd, SIGKILL, NULL, 0);
    relay->waiting[CONNECTION].fd = -1;
}

static void close_input(struct relay *relay)
{
    struct pollfd *input = &relay->waiting[INPUT];

    if (input->fd < 0)
        return;
    if (input->fd == relay->action->terminal) { /* its other uses go on: what a person would type */
        if (write(input->fd, "\004", 1) != 1)
            errno = 0;
    } else
        close(input->fd);
    input->fd = -1;
}

static void send_signal(const struct relay *relay, uint32_t number)
{
    siginfo_t info = {.si_signo = SIGNAL_RELAY, .si_code = SI_QUEUE};

    info.si_value.sival_int = (int)number;
    syscall(SYS_pidfd_send_signal, relay->init_fd, SIGNAL_RELAY, &info, 0);
}

/* Writes what an input frame still holds. Returns 0 when the tool takes no more for now. */
static int write_input(struct relay *relay, const char *data, uint32_t length)
{
    struct inbox *inbox = &relay->inbox;
    struct pollfd *input = &relay->waiting[INPUT];

    while (inbox->written < length && input->fd >= 0) {
        ssize_t put = write(input->fd, data + inbox->written, length - inbox->written);
        if (put >= 0)
            inbox->written += (size_t)put;
        else if (errno == EAGAIN) {
            input->events = POLLOUT;
            return 0;
        } else if (errno != EINTR)
            close_input(relay); /* nobody reads it any more */
    }
    inbox->written = 0;
    input->events = 0;
    send_frame(relay->action->connection, FRAME_TAKEN, &length, sizeof length, -1);
    return 1;
}

/* Does what the frame at the front says. Returns 0 when that has to wait. */
static int handle(struct relay *relay, uint32_t kind, const char *data, uint32_t length)
{
    uint32_t numbers[2] = {0, 0};

    memcpy(numbers, data, length < sizeof numbers ? length : sizeof numbers);
    switch (kind) {
    case FRAME_INPUT:
        return write_input(relay, data, length);
    case FRAME_INPUT_END:
        close_input(relay);
        break;
    case FRAME_SIGNAL:
        send_signal(relay, numbers[0]);
        break;
    case FRAME_RESIZED: {
        struct winsize size = {.ws_row = (unsigned short)numbers[0], .ws_col = (unsigned short)numbers[1]};
        if (relay->action->terminal >= 0 && ioctl(relay->action->terminal, TIOCSWINSZ, &size))
            errno = 0; /* the tool has closed it */
        break;
    }
    case FRAME_PREPARE:
        if (relay->action->users < 0 || length == 0 || data[length - 1] != '\0')
            kill_sandbox(relay); /* not our worker's language */
        else
            prepare_world(relay->action, data);
        break;
    case FRAME_ENTER:
        if (relay->action->users < 0 || length == 0 || (length > 1 && data[length - 1] != '\0'))
            kill_sandbox(relay);
        else
            enter_world(relay->action, data, length);
        break;
    case FRAME_CONNECT:
        if (relay->action->users < 0)
            kill_sandbox(relay);
        else
            connect_to_tool(relay->action);
        break;
    default:
        break;
    }
    return 1;
}

/* Handles all whole frames. While one waits, no more is received. */
static void handle_frames(struct relay *relay)
{
    struct inbox *inbox = &relay->inbox;
    struct frame_header header;
    int blocked = 0;

    while (!blocked && inbox->length >= sizeof header) {
        memcpy(&header, inbox->bytes, sizeof header);
        if (header.length > INPUT_MAXIMUM) {
            kill_sandbox(relay); /* not our worker's language */
            return;
        }
        size_t whole = sizeof header + header.length;
        if (inbox->length < whole)
            break;
        if (handle(relay, header.kind, inbox->bytes + sizeof header, header.length)) {
            inbox->length -= whole;
            memmove(inbox->bytes, inbox->bytes + whole, inbox->length);
        } else
            blocked = 1;
    }
    relay->waiting[CONNECTION].events = blocked ? POLLRDHUP : POLLIN | POLLRDHUP;
}

static void receive(struct relay *relay)
{
    struct inbox *inbox = &relay->inbox;

    if (relay->waiting[CONNECTION].revents & (POLLRDHUP | POLLHUP | POLLERR)) { /* half closed or closed: the worker wants an end */
        kill_sandbox(relay);
        return;
    }
    ssize_t got = recv(relay->action->connection, inbox->bytes + inbox->length, sizeof inbox->bytes - inbox->length, MSG_DONTWAIT);
    if (got > 0)
        inbox->length += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        kill_sandbox(relay);
    handle_frames(relay);
}

static void receive_report(struct relay *relay)
{
    int connection = relay->action->connection;
    struct report report;

    if (read(relay->action->report[0], &report, sizeof report) != (ssize_t)sizeof report)
        relay->waiting[REPORT].fd = -1;
    else if (report.kind == FRAME_STARTED)
        send_frame(connection, FRAME_STARTED, NULL, 0, -1);
    else if (report.kind == FRAME_FAILED) {
        relay->failed = 1;
        send_frame(connection, FRAME_FAILED, &report.failure, sizeof report.failure, -1);
    } else {
        relay->ending.by_itself = 1;
        relay->ending.wait_status = report.wait_status;
    }
}

static int is_over(const struct relay *relay)
{
    return relay->waiting[OUTPUT].fd < 0 && relay->waiting[ERROR].fd < 0 && relay->waiting[REPORT].fd < 0 && relay->waiting[INIT].fd < 0;
}

void relay_all(struct action *action, pid_t init, int init_fd)
{
    static struct relay relay; /* too large for a stack, and all zero */
    int is_output = (action->header.flags & FLAG_TERMINAL_OUT) != 0;

    relay.action = action;
    relay.init_fd = init_fd;
    relay.waiting[CONNECTION] = (struct pollfd){.fd = action->connection, .events = POLLIN | POLLRDHUP};
    relay.waiting[OUTPUT] = (struct pollfd){.fd = is_output ? action->terminal : action->output[0], .events = POLLIN};
    /* One that is both is read once, as output; one that is input alone echoes, which nobody sees. */
    relay.waiting[ERROR] = (struct pollfd){.fd = action->error[0] < 0 && !is_output ? action->terminal : action->error[0], .events = POLLIN};
    relay.waiting[REPORT] = (struct pollfd){.fd = action->report[0], .events = POLLIN};
    relay.waiting[INIT] = (struct pollfd){.fd = init_fd, .events = POLLIN};
    relay.waiting[INPUT] = (struct pollfd){.fd = (action->header.flags & FLAG_TERMINAL_IN) ? action->terminal : action->input[1]};

    struct pollfd *waiting = relay.waiting;
    while (!is_over(&relay)) {
        if (poll(waiting, COUNT, -1) < 0)
            continue;
        if (waiting[CONNECTION].revents)
            receive(&relay);
        if (waiting[INPUT].fd >= 0 && waiting[INPUT].fd != action->terminal && (waiting[INPUT].revents & POLLERR))
            close_input(&relay); /* the tool has closed its side */
        if (relay.inbox.length > 0 && (waiting[INPUT].fd < 0 || (waiting[INPUT].revents & POLLOUT)))
            handle_frames(&relay);
        if (waiting[REPORT].revents) /* before the output: "started" precedes the first text */
            receive_report(&relay);
        if (waiting[OUTPUT].revents && relay_text(action->connection, FRAME_STDOUT, waiting[OUTPUT].fd))
            waiting[OUTPUT].fd = -1;
        if (waiting[ERROR].revents && relay_text(action->connection, FRAME_STDERR, waiting[ERROR].fd))
            waiting[ERROR].fd = -1;
        if (waiting[INIT].revents)
            waiting[INIT].fd = -1;
    }

    struct rusage usage = {0};
    while (wait4(init, NULL, 0, &usage) < 0 && errno == EINTR)
        ;
    relay.ending.user_us = usage.ru_utime.tv_sec * 1000000LL + usage.ru_utime.tv_usec;
    relay.ending.system_us = usage.ru_stime.tv_sec * 1000000LL + usage.ru_stime.tv_usec;
    relay.ending.peak_bytes = usage.ru_maxrss * 1024LL; /* getrusage(2): kilobytes */
    if (!relay.failed)
        send_frame(action->connection, FRAME_EXITED, &relay.ending, sizeof relay.ending, -1);
}
