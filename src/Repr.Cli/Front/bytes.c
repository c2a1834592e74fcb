/* Bytes that grow, and protobuf's wire format: varints, and fields with a length. */
#define _GNU_SOURCE
#include "front.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

void *allocate(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (memory == NULL) {
        fputs("repr: error: out of memory\n", stderr);
        exit(EXIT_NOT_RUN);
    }
    return memory;
}

char *format(const char *pattern, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, pattern);
    if (vasprintf(&text, pattern, arguments) < 0)
        text = allocate(1);
    va_end(arguments);
    return text;
}

void append(struct bytes *bytes, const void *data, size_t length)
{
    if (bytes->capacity - bytes->length < length) {
        size_t capacity = bytes->capacity > 0 ? bytes->capacity : 4096;
        while (capacity - bytes->length < length)
            capacity *= 2;
        unsigned char *larger = allocate(capacity);
        if (bytes->length > 0)
            memcpy(larger, bytes->data, bytes->length);
        free(bytes->data);
        bytes->data = larger;
        bytes->capacity = capacity;
    }
    if (length > 0)
        memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void drop_front(struct bytes *bytes, size_t length)
{
    bytes->length -= length;
    if (bytes->length > 0 && length > 0)
        memmove(bytes->data, bytes->data + length, bytes->length);
}

/* Strict: no surrogates, nothing longer than need be. */
bool is_utf8(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        unsigned first = *at++, more = first < 0x80 ? 0 : first < 0xC2 ? 9 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : 9;
        if (more == 9)
            return false;
        for (unsigned index = 0; index < more; index++, at++) {
            unsigned low = 0x80, high = 0xBF;
            if (index == 0) {
                low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : low;
                high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : high;
            }
            if (*at < low || *at > high)
                return false;
        }
    }
    return true;
}

static void put_varint(struct bytes *message, uint64_t value)
{
    unsigned char encoded[10];
    size_t length = 0;

    for (; value >= 0x80; value >>= 7)
        encoded[length++] = (unsigned char)(value | 0x80);
    encoded[length++] = (unsigned char)value;
    append(message, encoded, length);
}

void put_number(struct bytes *message, unsigned field, uint64_t value)
{
    if (value == 0)
        return; /* the default is not sent */
    put_varint(message, field << 3 | WIRE_VARINT);
    put_varint(message, value);
}

void put_data(struct bytes *message, unsigned field, const void *data, size_t length)
{
    put_varint(message, field << 3 | WIRE_LENGTH);
    put_varint(message, length);
    append(message, data, length);
}

void put_text(struct bytes *message, unsigned field, const char *text)
{
    put_data(message, field, text, strlen(text));
}

void put_delimited(struct bytes *stream, const struct bytes *message)
{
    put_varint(stream, message->length);
    append(stream, message->data, message->length);
}

static bool next_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* False at the end, and on what is no protobuf. */
bool next_field(const unsigned char **at, const unsigned char *end, struct field *field)
{
    uint64_t tag;

    *field = (struct field){0};
    if (!next_varint(at, end, &tag))
        return false;
    field->number = (unsigned)(tag >> 3);
    switch (tag & 7) {
    case WIRE_VARINT:
        return next_varint(at, end, &field->value);
    case WIRE_LENGTH:
        if (!next_varint(at, end, &field->value) || field->value > (size_t)(end - *at))
            return false;
        field->data = *at;
        field->length = (size_t)field->value;
        *at += field->length;
        return true;
    case WIRE_FIXED64:
    case WIRE_FIXED32:
        if ((size_t)(end - *at) < ((tag & 7) == WIRE_FIXED64 ? 8u : 4u))
            return false;
        *at += (tag & 7) == WIRE_FIXED64 ? 8 : 4;
        return true;
    default:
        return false;
    }
}

/* 1: a whole message is there, of `body` bytes after `header`; 0: not yet; -1: malformed. */
int next_delimited(const unsigned char *data, size_t length, size_t *header, size_t *body)
{
    const uint64_t maximum = 256u << 20; /* as the requester process has it */
    const unsigned char *at = data;
    uint64_t value;

    if (!next_varint(&at, data + length, &value))
        return length >= 10 ? -1 : 0;
    if (value > maximum)
        return -1;
    *header = (size_t)(at - data);
    *body = (size_t)value;
    return length - *header >= *body;
}
