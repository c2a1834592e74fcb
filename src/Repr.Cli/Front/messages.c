/* What is said on the door, as protos/repr/v1/door.proto and types.proto describe it. */
#define _GNU_SOURCE
#include "front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DOOR_VERSION = 1 };
enum { REQUEST_DOOR_VERSION = 1, REQUEST_PRODUCT_VERSION = 2, REQUEST_RUN = 3 };
enum {
    RUN_ENDPOINT = 1, RUN_COMMAND = 2, RUN_INPUTS = 3, RUN_OUTPUT_FILES = 5, RUN_READ_ROOTS = 7, RUN_BUILD_ID = 11, RUN_WRITE_ROOTS = 13,
    RUN_LIVE_TEXT = 14, RUN_DERIVE = 15, RUN_QUEUE_LOCALLY = 16, RUN_TRACE_PARENT = 17, RUN_CACHE = 18,
    RUN_PLACEHOLDER_OBJECTS = 20, RUN_PLACEMENT = 21,
};
enum {
    COMMAND_ARGUMENTS = 1, COMMAND_WORKING_DIRECTORY = 2, COMMAND_ENVIRONMENT = 3, COMMAND_UMASK = 9, COMMAND_TAKES_INPUT = 10,
    COMMAND_TERMINAL = 11,
};
enum { INPUT_DATA = 1, INPUT_END = 2, INPUT_SIGNAL = 3, INPUT_RESIZED = 4 };
enum { REPLY_TEXT = 1, REPLY_DONE = 2, REPLY_NOT_RUN = 3, REPLY_WRONG_VERSION = 4 };
enum { TEXT_IS_STDERR = 1, TEXT_DATA = 2 };
enum { DONE_CODE = 1, DONE_SIGNAL = 2, DONE_TIMED_OUT = 3, DONE_WARNINGS = 6 };
enum { WARNING_CODE = 1, WARNING_MESSAGE = 2 };
enum { NOT_RUN_CODE = 1, NOT_RUN_MESSAGE = 2, NOT_RUN_CANCELLED = 3, NOT_RUN_TEXT_PASSED_ON = 4, NOT_RUN_BY_CHOICE = 5 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { TERMINAL_ROWS = 1, TERMINAL_COLUMNS = 2, TERMINAL_INPUT = 3, TERMINAL_OUTPUT = 4, TERMINAL_ERROR = 5 };

extern char **environ;

/* A message's text is UTF-8. What is not cannot be sent, and must not be sent as something else. */
bool find_unspeakable(const struct options *options, const char **problem)
{
    if (options->directory == NULL || !is_utf8(options->directory)) {
        *problem = "The working directory is gone, or its name is not UTF-8.";
        return true;
    }
    for (char **argument = options->command; *argument != NULL; argument++)
        if (!is_utf8(*argument)) {
            *problem = "An argument is not UTF-8.";
            return true;
        }
    for (char **variable = environ; *variable != NULL; variable++)
        if (!is_utf8(*variable)) {
            *problem = format("The environment variable '%.*s' is not UTF-8.", (int)strcspn(*variable, "="), *variable);
            return true;
        }
    const struct list *lists[] = {&options->read_roots, &options->write_roots, &options->inputs, &options->outputs};
    for (size_t index = 0; index < sizeof lists / sizeof *lists; index++)
        for (size_t item = 0; item < lists[index]->count; item++)
            if (!is_utf8(lists[index]->items[item])) {
                *problem = "The path of an option is not UTF-8.";
                return true;
            }
    return false;
}

static void put_variable(struct bytes *command, const char *variable)
{
    const char *equals = strchr(variable, '=');
    struct bytes entry = {0};

    if (equals == NULL || equals == variable)
        return;
    put_data(&entry, ENTRY_KEY, variable, (size_t)(equals - variable));
    put_text(&entry, ENTRY_VALUE, equals + 1);
    put_data(command, COMMAND_ENVIRONMENT, entry.data, entry.length);
    free(entry.data);
}

static void put_terminal(struct bytes *message, unsigned field, const struct terminal *terminal)
{
    struct bytes inner = {0};

    put_number(&inner, TERMINAL_ROWS, terminal->rows);
    put_number(&inner, TERMINAL_COLUMNS, terminal->columns);
    put_number(&inner, TERMINAL_INPUT, terminal->input);
    put_number(&inner, TERMINAL_OUTPUT, terminal->output);
    put_number(&inner, TERMINAL_ERROR, terminal->error);
    put_data(message, field, inner.data, inner.length);
    free(inner.data);
}

static void put_all(struct bytes *message, unsigned field, const struct list *list)
{
    for (size_t index = 0; index < list->count; index++)
        put_text(message, field, list->items[index]);
}

static void encode_command(
    struct bytes *command, const struct options *options, const struct input *input, const struct terminal *terminal)
{
    size_t count = 0;
    mode_t mask = umask(0);

    umask(mask);
    for (char **argument = options->command; *argument != NULL; argument++)
        put_text(command, COMMAND_ARGUMENTS, *argument);
    put_text(command, COMMAND_WORKING_DIRECTORY, options->directory);
    while (environ[count] != NULL)
        count++;
    while (count > 0) /* of a name that occurs twice the first counts; in a message, the last */
        put_variable(command, environ[--count]);
    put_number(command, COMMAND_UMASK, mask);
    put_number(command, COMMAND_TAKES_INPUT, input->taken);
    if (terminal->present)
        put_terminal(command, COMMAND_TERMINAL, terminal);
}

/* A hint, so it must not change what the tool sees: a declared file starts absent, hence only one that is absent is declared. Of what
 * is there, the directory may be changed. */
static void put_output(struct bytes *run, const char *path)
{
    struct stat stat_;

    if (lstat(path, &stat_) != 0) {
        put_text(run, RUN_OUTPUT_FILES, path);
        return;
    }
    size_t length = strlen(path);
    if (!S_ISDIR(stat_.st_mode))
        while (length > 1 && path[--length] != '/')
            ;
    put_data(run, RUN_WRITE_ROOTS, path, length);
}

void encode_run(struct bytes *stream, const struct options *options, const struct input *input, const struct terminal *terminal)
{
    struct bytes command = {0}, run = {0}, request = {0};

    encode_command(&command, options, input, terminal);
    put_text(&run, RUN_ENDPOINT, options->endpoint);
    put_data(&run, RUN_COMMAND, command.data, command.length);
    put_all(&run, RUN_INPUTS, &options->inputs);
    for (size_t index = 0; index < options->outputs.count; index++)
        put_output(&run, options->outputs.items[index]);
    put_all(&run, RUN_READ_ROOTS, &options->read_roots);
    if (options->build_id != NULL)
        put_text(&run, RUN_BUILD_ID, options->build_id);
    put_all(&run, RUN_WRITE_ROOTS, &options->write_roots);
    put_number(&run, RUN_LIVE_TEXT, 1);
    put_number(&run, RUN_DERIVE, 1);
    put_number(&run, RUN_QUEUE_LOCALLY, 1);
    put_number(&run, RUN_CACHE, options->cache);
    put_number(&run, RUN_PLACEMENT, options->placement);
    put_number(&run, RUN_PLACEHOLDER_OBJECTS, options->minimal_download);
    if (getenv("TRACEPARENT") != NULL)
        put_text(&run, RUN_TRACE_PARENT, getenv("TRACEPARENT"));
    put_number(&request, REQUEST_DOOR_VERSION, DOOR_VERSION);
    put_text(&request, REQUEST_PRODUCT_VERSION, PRODUCT_VERSION);
    put_data(&request, REQUEST_RUN, run.data, run.length);
    put_delimited(stream, &request);
    free(command.data);
    free(run.data);
    free(request.data);
}

/* A ToolInput: data, or its end when there is none. */
void encode_input(struct bytes *stream, const void *data, size_t length)
{
    struct bytes message = {0};

    if (length > 0)
        put_data(&message, INPUT_DATA, data, length);
    else
        put_number(&message, INPUT_END, 1);
    put_delimited(stream, &message);
    free(message.data);
}

/* What an earlier attempt has read. */
void encode_kept_input(struct bytes *stream, const struct input *input)
{
    for (size_t at = 0; at < input->kept.length; at += INPUT_CHUNK) {
        size_t left = input->kept.length - at;
        encode_input(stream, input->kept.data + at, left < INPUT_CHUNK ? left : INPUT_CHUNK);
    }
    if (input->taken && input->ended)
        encode_input(stream, NULL, 0);
}

void encode_signal(struct bytes *stream, int number)
{
    struct bytes message = {0};

    put_number(&message, INPUT_SIGNAL, (uint64_t)number);
    put_delimited(stream, &message);
    free(message.data);
}

void encode_size(struct bytes *stream, const struct terminal *terminal)
{
    struct bytes message = {0};

    put_terminal(&message, INPUT_RESIZED, terminal);
    put_delimited(stream, &message);
    free(message.data);
}

static char *text_of(const struct field *field)
{
    return format("%.*s", (int)field->length, (const char *)field->data);
}

static void decode_text(struct text *text, const unsigned char *at, const unsigned char *end)
{
    struct field field;

    *text = (struct text){.descriptor = STDOUT_FILENO};
    while (next_field(&at, end, &field)) {
        if (field.number == TEXT_IS_STDERR && field.value != 0)
            text->descriptor = STDERR_FILENO;
        if (field.number == TEXT_DATA) {
            text->data = field.data;
            text->length = field.length;
        }
    }
}

static void decode_warning(struct warning *warning, const unsigned char *at, const unsigned char *end)
{
    struct field field;

    warning->message = "";
    while (next_field(&at, end, &field)) {
        if (field.number == WARNING_CODE)
            warning->code = text_of(&field);
        if (field.number == WARNING_MESSAGE)
            warning->message = text_of(&field);
    }
}

static void decode_done(struct verdict *verdict, const unsigned char *at, const unsigned char *end)
{
    struct field field;
    size_t warnings = 0;

    verdict->outcome = OUTCOME_EXIT;
    while (next_field(&at, end, &field)) {
        if (field.number == DONE_CODE || field.number == DONE_SIGNAL) {
            verdict->outcome = field.number == DONE_CODE ? OUTCOME_EXIT : OUTCOME_SIGNAL;
            verdict->number = (int)field.value;
        }
        if (field.number == DONE_TIMED_OUT && field.value != 0)
            verdict->outcome = OUTCOME_TIMED_OUT;
        if (field.number == DONE_WARNINGS && warnings < MAXIMUM_WARNINGS - 1)
            decode_warning(&verdict->warnings[warnings++], field.data, field.data + field.length);
    }
}

static void decode_not_run(struct verdict *verdict, const unsigned char *at, const unsigned char *end)
{
    struct field field;

    verdict->message = "The requester process gave no reason.";
    while (next_field(&at, end, &field)) {
        if (field.number == NOT_RUN_CODE)
            verdict->code = text_of(&field);
        if (field.number == NOT_RUN_MESSAGE)
            verdict->message = text_of(&field);
        if (field.number == NOT_RUN_CANCELLED)
            verdict->cancelled = field.value != 0;
        if (field.number == NOT_RUN_TEXT_PASSED_ON && field.value != 0)
            verdict->text_passed_on = true;
        if (field.number == NOT_RUN_BY_CHOICE)
            verdict->by_choice = field.value != 0;
    }
}

/* A DoorReply. True: it is the last one, and the verdict is there. */
bool decode_reply(const unsigned char *at, size_t length, struct text *text, struct verdict *verdict)
{
    const unsigned char *end = at + length;
    struct field field;

    while (next_field(&at, end, &field)) {
        const unsigned char *inner_end = field.data + field.length;
        switch (field.number) {
        case REPLY_TEXT:
            decode_text(text, field.data, inner_end);
            break;
        case REPLY_DONE:
            decode_done(verdict, field.data, inner_end);
            return true;
        case REPLY_NOT_RUN:
            decode_not_run(verdict, field.data, inner_end);
            return true;
        case REPLY_WRONG_VERSION:
            verdict->code = "REPR1103";
            verdict->message = "The requester process is of another version; run 'repr shutdown'.";
            return true;
        default:
            break; /* of a newer minor version; need not be known */
        }
    }
    return false;
}
