/* What the core's tests share: text literals, and checks that are counted and named. */
#ifndef REPR_TESTS_CORE_TEST_H
#define REPR_TESTS_CORE_TEST_H

#include "../core/pathmap.h"
#include "../core/processes.h"

/* Counts a check; a failed one is printed with its place. */
#define CHECK(condition) check(!!(condition), __FILE__, __LINE__, #condition)

void check(int passed, const char *file, int line, const char *what);

/* The text of an ASCII literal, in memory of exactly its size so that a sanitizer sees a read behind it; freed at the end. */
struct rc_text T(const char *ascii);

/* Whether a text has exactly these characters. */
int is(struct rc_text text, const char *ascii);

/* A repeated character after an ASCII beginning. */
struct rc_text filled(const char *ascii, rc_u32 length);

void test_texts(void);
void test_paths(void);
void test_processes(void);

#endif
