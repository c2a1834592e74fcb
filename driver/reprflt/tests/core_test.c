/* Runs the core's tests; ends with the line 'N passed, N failed'. Built with AddressSanitizer and UndefinedBehaviorSanitizer. */
#include "core_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;
static void *kept[65536];
static int kept_count;

void check(int good, const char *file, int line, const char *what)
{
    if (good) {
        passed++;
    } else {
        failed++;
        printf("FAIL %s:%d: %s\n", file, line, what);
    }
}

static rc_char *keep(size_t length)
{
    rc_char *chars = malloc(length * sizeof *chars);

    if ((!chars && length > 0) || kept_count == (int)(sizeof kept / sizeof *kept))
        abort();
    kept[kept_count++] = chars;
    return chars;
}

struct rc_text filled(const char *ascii, rc_u32 length)
{
    rc_char *chars = keep(length);
    rc_u32 given = (rc_u32)strlen(ascii);

    for (rc_u32 i = 0; i < length; i++)
        chars[i] = i < given ? (unsigned char)ascii[i] : 'x';
    return (struct rc_text){chars, length};
}

struct rc_text T(const char *ascii)
{
    return filled(ascii, (rc_u32)strlen(ascii));
}

int is(struct rc_text text, const char *ascii)
{
    if (text.length != strlen(ascii))
        return 0;
    for (rc_u32 i = 0; i < text.length; i++)
        if (text.chars[i] != (unsigned char)ascii[i])
            return 0;
    return 1;
}

int main(void)
{
    test_texts();
    test_paths();
    test_processes();
    while (kept_count > 0)
        free(kept[--kept_count]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
