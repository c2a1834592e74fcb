/* Runs the tests; ends with 'invariants: N held, N broken' and 'N passed, N failed'. REPRFLT_SYS names the driver. */
#include "harness.h"

static int passed, failed, held, broken;

void harness_check(int good, const char *file, int line, const char *what)
{
    if (good) {
        passed++;
        return;
    }
    failed++;
    printf("FAIL %s:%d: %s\n", file, line, what);
    fflush(stdout);
}

void harness_invariant(int good, const char *file, int line, const char *what)
{
    if (good) {
        held++;
        return;
    }
    broken++;
    printf("BROKEN %s:%d: %s\n", file, line, what);
    fflush(stdout);
}

static int run(void)
{
    static const struct {
        const char *name;
        void (*test)(void);
    } tests[] = {
        {"loading", test_loading},
        {"messages", test_messages},
        {"limits", test_limits},
        {"opens", test_opens},
        {"processes", test_processes},
        {"names", test_names},
        {"renames", test_renames},
        {"memory", test_memory},
    };

    user_memory_init();
    for (size_t i = 0; i < RTL_NUMBER_OF(tests); i++) {
        int checks = passed + failed;

        tests[i].test();
        printf("%s: %d checks\n", tests[i].name, passed + failed - checks);
        fflush(stdout);
    }
    printf("invariants: %d held, %d broken\n", held, broken);
    printf("%d passed, %d failed\n", passed, failed + broken);
    fflush(stdout);
    return failed + broken > 0;
}

/* The entry point: without the C runtime's start-up, of which clang has no compiler support library here. */
void start(void)
{
    exit(run());
}
