/* `repr exec`: one command on a worker, or here. */
#define _GNU_SOURCE
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void run_here(char **command)
{
    execvp(command[0], command);
    int error = errno;
    fprintf(stderr, "repr: error: '%s' could not be started: %s\n", command[0], strerror(error));
    exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* What a tool would write through instead of replacing it: where the link of a placeholder leads nothing can be written. */
static void remove_link(const char *path)
{
    struct stat link;

    if (lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && stat(path, &link) != 0)
        unlink(path);
}

static _Noreturn void run_without_placeholders(const struct options *options)
{
    if (options->minimal_download)
        for (char **argument = options->command; *argument != NULL; argument++)
            if (strcmp(*argument, "-o") == 0 && argument[1] != NULL)
                remove_link(argument[1]);
    run_here(options->command);
}

/* One line for each cause and build, as far as a mark in the runtime directory can tell; thousands of commands may meet the same. */
static bool was_said(const struct door *door, const struct options *options, const char *code)
{
    if (door->directory == NULL || strchr(code, '/') != NULL)
        return false;
    char *build = format("%s", options->build_id != NULL ? options->build_id : "");
    for (char *at = build; *at != 0; at++)
        if (strchr("/.", *at) != NULL)
            *at = '-';
    const char *mark = format("%s/said-%s-%.64s", door->directory, code, build);
    bool said = is_recent(mark);
    if (!said)
        touch(mark);
    return said;
}

/* The sentence as part of a longer one. */
static const char *without_stop(const char *message)
{
    size_t length = strlen(message);

    return length > 0 && message[length - 1] == '.' ? format("%.*s", (int)length - 1, message) : message;
}

static _Noreturn void fall_back(
    const struct door *door, const struct options *options, struct input *input, const struct verdict *verdict)
{
    const char *program = options->command[0], *message = without_stop(verdict->message);

    release_signals();
    if (options->fail) {
        fprintf(stderr, "repr: error %s: %s.\n", verdict->code, message);
        exit(EXIT_NOT_RUN);
    }
    if (!give_input_back(input)) {
        fprintf(stderr, "repr: error %s: %s; '%s' cannot run here either, since its input was read already.\n",
            verdict->code, message, program);
        exit(EXIT_NOT_RUN);
    }
    if (verdict->by_choice && !verdict->text_passed_on)
        run_without_placeholders(options); /* nothing went wrong */
    if (verdict->text_passed_on)
        fprintf(stderr, "repr: warning %s: %s; '%s' runs here instead, and its output starts again.\n", verdict->code, message, program);
    else if (!was_said(door, options, verdict->code))
        fprintf(stderr, "repr: warning %s: %s; '%s' runs here instead, and so does whatever else meets this.\n",
            verdict->code, message, program);
    run_without_placeholders(options);
}

static _Noreturn void end_as(const struct door *door, const struct options *options, const struct verdict *verdict)
{
    release_signals();
    for (const struct warning *warning = verdict->warnings; warning->code != NULL; warning++)
        if (!was_said(door, options, warning->code))
            fprintf(stderr, "repr: warning %s: %s\n", warning->code, warning->message);
    switch (verdict->outcome) {
    case OUTCOME_SIGNAL:
        die_of(verdict->number);
    case OUTCOME_TIMED_OUT:
        fputs("repr: error REPR2402: the command ran longer than it may.\n", stderr);
        exit(EXIT_TIMED_OUT);
    default:
        exit(verdict->number & 0xFF);
    }
}

static void cannot_be_reached(struct verdict *verdict, const char *problem)
{
    verdict->outcome = OUTCOME_NOT_RUN;
    verdict->code = "REPR1301";
    verdict->message = format("The requester process could not be reached: %s.", problem);
}

/* False: nobody can be reached, and the verdict says so. */
static bool ask(const struct door *door, const struct options *options, struct input *input, struct verdict *verdict, int *connection)
{
    struct terminal terminal = {0};
    struct bytes stream = {0};
    const char *problem;

    *connection = open_door(door, &problem);
    if (*connection < 0) {
        cannot_be_reached(verdict, problem);
        return false;
    }
    look_at_terminal(&terminal, input->taken);
    encode_run(&stream, options, input, &terminal);
    encode_kept_input(&stream, input);
    take_signals();
    if (terminal.input)
        enter_raw_mode();
    relay(*connection, &stream, input, &terminal, verdict);
    return true;
}

int exec_remotely(const char *program, char **arguments)
{
    struct options options;
    struct door door;
    struct input input = {.start = -1};
    struct verdict verdict = {.outcome = OUTCOME_NOT_RUN};
    const char *problem;
    int connection;

    read_options(&options, arguments);
    if (options.endpoint == NULL)
        run_here(options.command);
    repair_standard_streams();
    bool found = find_door(&door, find_product(program), &problem);
    if (find_unspeakable(&options, &problem)) {
        verdict.code = "REPR2002";
        verdict.message = problem;
        fall_back(&door, &options, &input, &verdict);
    }
    open_input(&input, &options);
    if (!found)
        cannot_be_reached(&verdict, problem);
    if (!found || !ask(&door, &options, &input, &verdict, &connection))
        fall_back(&door, &options, &input, &verdict);
    if (verdict.unanswered && verdict.received == 0 && !verdict.text_passed_on && rewind_input(&input)) {
        /* Its process died: nothing was written, and nobody has seen anything of it. The next process may have more luck. */
        door.dead = find_peer(connection);
        close(connection);
        release_signals(); /* while it starts, they end this process */
        if (!ask(&door, &options, &input, &verdict, &connection))
            fall_back(&door, &options, &input, &verdict);
    }
    if (verdict.outcome != OUTCOME_NOT_RUN)
        end_as(&door, &options, &verdict);
    /* It holds the command's place among all that runs here: the command inherits it, and its end closes it. */
    fcntl(connection, F_SETFD, 0);
    if (verdict.received != 0 || verdict.cancelled)
        die_of(verdict.received != 0 ? verdict.received : 15);
    fall_back(&door, &options, &input, &verdict);
}
