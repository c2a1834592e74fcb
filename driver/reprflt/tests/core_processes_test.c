/* The process tree, and texts. */
#include "core_test.h"

void test_texts(void)
{
    CHECK(is(rc_after(T("abc"), 1), "bc"));
    CHECK(is(rc_after(T("abc"), 3), ""));
    CHECK(is(rc_trim_end(T("\\a\\\\")), "\\a"));
    CHECK(is(rc_trim_end(T("\\")), ""));
    CHECK(is(rc_trim_end(T("")), ""));
    CHECK(!rc_is_within(T("\\a"), T(""), 0));
    CHECK(rc_is_within(T("\\a"), T("\\A"), 0));
    CHECK(rc_is_within(T("\\a\\b"), T("\\A"), 0));
    CHECK(rc_is_within(T("\\a:b"), T("\\A"), 0));
    CHECK(!rc_is_within(T("\\ab"), T("\\a"), 0));
    CHECK(!rc_is_within(T("\\a"), T("\\ab"), 0));
    CHECK(!rc_is_within(T("\\["), T("\\{"), 0)); /* as far apart as a and A */
    CHECK(rc_has_plain_components(T("")));
    CHECK(rc_has_plain_components(T("\\a\\.b\\c.\\...\\..d")));
    CHECK(!rc_has_plain_components(T(".")));
    CHECK(!rc_has_plain_components(T("a\\..")));
    CHECK(!rc_has_plain_components(T("..\\a")));
    CHECK(!rc_has_plain_components(T("\\.:s")));
}

static struct rc_processes table;

static void inheritance(void)
{
    rc_processes_init(&table);
    CHECK(rc_processes_add(&table, 100, 7) && rc_processes_find(&table, 100) == 7);
    CHECK(rc_processes_find(&table, 104) == RC_UNTRACKED);
    CHECK(rc_processes_born(&table, 104, 100, 100) == RC_INHERITED && rc_processes_find(&table, 104) == 7);
    /* A child that names another parent; and one that another creates in its name. */
    CHECK(rc_processes_born(&table, 108, 104, 4) == RC_INHERITED && rc_processes_find(&table, 108) == 7);
    CHECK(rc_processes_born(&table, 112, 4, 108) == RC_INHERITED && rc_processes_find(&table, 112) == 7);
    CHECK(rc_processes_born(&table, 116, 4, 8) == RC_STRANGER && rc_processes_find(&table, 116) == RC_UNTRACKED);
    /* Two actions: the creator's counts. */
    CHECK(rc_processes_add(&table, 200, 9));
    CHECK(rc_processes_born(&table, 204, 200, 100) == RC_INHERITED && rc_processes_find(&table, 204) == 9);
    /* A grandchild outlives the child, whose number a stranger gets. */
    CHECK(rc_processes_remove(&table, 104) && !rc_processes_remove(&table, 104));
    CHECK(rc_processes_find(&table, 108) == 7);
    CHECK(rc_processes_born(&table, 108, 4, 8) == RC_STRANGER && rc_processes_find(&table, 108) == RC_UNTRACKED);
    CHECK(table.used == 4);
    CHECK(rc_processes_add(&table, 100, 8) && rc_processes_find(&table, 100) == 8 && table.used == 4);
}

static void orphans(void)
{
    rc_processes_init(&table);
    CHECK(rc_processes_add(&table, 100, 7) && rc_processes_add(&table, 104, 7) && rc_processes_add(&table, 108, 8));
    CHECK(rc_processes_orphan(&table, 7) == 2 && table.orphans == 2 && table.used == 3);
    CHECK(rc_processes_orphan(&table, 7) == 0);
    CHECK(rc_processes_find(&table, 100) == RC_ORPHAN && rc_processes_find(&table, 108) == 8);
    /* The child of an orphan is one too, whatever becomes of the slot. */
    CHECK(rc_processes_born(&table, 112, 100, 100) == RC_INHERITED && rc_processes_find(&table, 112) == RC_ORPHAN);
    CHECK(table.orphans == 3);
    CHECK(rc_processes_remove(&table, 100) && rc_processes_remove(&table, 104) && table.orphans == 1);
    CHECK(rc_processes_add(&table, 112, 7) && table.orphans == 0 && table.used == 2);
}

static void limits(void)
{
    rc_u32 wrong = 0;

    rc_processes_init(&table);
    for (rc_u32 i = 0; i < RC_MAX_PROCESSES; i++)
        wrong += !rc_processes_add(&table, 4 * (rc_u64)(i + 1), i % 3);
    CHECK(wrong == 0 && table.used == RC_MAX_PROCESSES);
    CHECK(!rc_processes_add(&table, 999999, 1) && rc_processes_find(&table, 999999) == RC_UNTRACKED);
    CHECK(rc_processes_born(&table, 999999, 4, 4) == RC_NO_ROOM && rc_processes_find(&table, 999999) == RC_UNTRACKED);
    CHECK(rc_processes_add(&table, 4, 2) && rc_processes_find(&table, 4) == 2); /* known already: needs no room */
    CHECK(rc_processes_remove(&table, 8) && rc_processes_born(&table, 999999, 4, 4) == RC_INHERITED);
    for (rc_u32 i = 2; i < RC_MAX_PROCESSES; i++)
        wrong += rc_processes_find(&table, 4 * (rc_u64)(i + 1)) != i % 3;
    CHECK(wrong == 0);
    for (rc_u32 i = 2; i < RC_MAX_PROCESSES; i += 2)
        wrong += !rc_processes_remove(&table, 4 * (rc_u64)(i + 1));
    for (rc_u32 i = 3; i < RC_MAX_PROCESSES; i += 2)
        wrong += rc_processes_find(&table, 4 * (rc_u64)(i + 1)) != i % 3;
    CHECK(wrong == 0 && table.used == RC_MAX_PROCESSES / 2 + 1);
}

void test_processes(void)
{
    inheritance();
    orphans();
    limits();
}
