/* The map of paths: rules, rewriting, and the way back. */
#include "core_test.h"

#include <stdlib.h>

#define DEVICE "\\Device\\HarddiskVolume3"
#define STAGED DEVICE "\\repr\\work\\a1"

static struct rc_volumes volumes;
static struct rc_map map;
static struct rc_name name;

/* Like Windows beyond ASCII: a-umlaut has an upper case. */
static rc_char upcase(rc_char c)
{
    return (c >= 'a' && c <= 'z') || c == 0xe4 ? (rc_char)(c - 32) : c;
}

static enum rc_outcome add(enum rc_rule_kind kind, const char *path, const char *target)
{
    return rc_map_add(&map, &volumes, kind, T(path), T(target));
}

static void fresh(void)
{
    rc_volumes_init(&volumes, upcase);
    CHECK(rc_volumes_add(&volumes, T(DEVICE), T("\\repr\\work\\")) == RC_OK);
    CHECK(rc_volumes_add(&volumes, T("\\Device\\HarddiskVolume33"), T("\\w")) == RC_OK);
    CHECK(rc_map_init(&map, T("a1")) == RC_OK);
    CHECK(add(RC_REDIRECT_RULE, DEVICE, "C") == RC_OK);
    CHECK(add(RC_REDIRECT_RULE, "\\Device\\HarddiskVolume33", "D") == RC_OK);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\repr\\drives\\X", "X") == RC_OK);
    CHECK(add(RC_HOST_RULE, DEVICE "\\Windows", "") == RC_OK);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\Windows\\Temp", "T\\temp") == RC_OK);
    CHECK(add(RC_HOST_RULE, "\\Device\\CdRom0\\tools", "") == RC_OK);
}

static rc_u32 text_of(rc_char *into, rc_u32 capacity)
{
    return rc_name_copy(&name, into, capacity);
}

/* Rewrites, and with a new name also checks that it is stable and leads back. */
static enum rc_verdict rewrite(const char *path, const char *expected)
{
    static rc_char chars[RC_MAX_PATH];
    struct rc_text from = T(path), to = {chars, 0}, device = {0, 0};
    enum rc_verdict verdict = rc_rewrite(&map, &volumes, from, &name);
    rc_u32 device_length = 0;

    if (verdict != RC_REDIRECT)
        return verdict;
    to.length = text_of(chars, RC_MAX_PATH);
    CHECK(to.length == rc_name_length(&name) && is(to, expected));
    CHECK(rc_rewrite(&map, &volumes, to, &name) == RC_STAGED);
    for (int slashes = 0; slashes < 3; device_length++)
        slashes += to.chars[device_length] == '\\';
    device.chars = to.chars;
    device.length = device_length - 1;
    CHECK(rc_unrewrite(&map, &volumes, device, rc_after(to, device.length), &name) == RC_REDIRECT);
    {
        static rc_char back[RC_MAX_PATH];
        struct rc_text again = {back, text_of(back, RC_MAX_PATH)};

        CHECK(again.length == from.length - device.length);
        CHECK(rc_is_within(rc_after(from, device.length), again, upcase));
    }
    return RC_REDIRECT;
}

static enum rc_verdict unrewrite(const char *device, const char *path, const char *expected)
{
    static rc_char chars[RC_MAX_PATH];
    enum rc_verdict verdict = rc_unrewrite(&map, &volumes, T(device), T(path), &name);

    if (verdict == RC_REDIRECT) {
        struct rc_text text = {chars, text_of(chars, RC_MAX_PATH)};

        CHECK(is(text, expected));
    }
    return verdict;
}

static void rewriting(void)
{
    fresh();
    CHECK(rewrite(DEVICE "\\src\\a.c", STAGED "\\C\\src\\a.c") == RC_REDIRECT);
    CHECK(rewrite(DEVICE "\\", STAGED "\\C\\") == RC_REDIRECT);
    CHECK(rewrite(DEVICE "\\src\\", STAGED "\\C\\src\\") == RC_REDIRECT);
    CHECK(rewrite(DEVICE "\\src\\a.c:stream:$DATA", STAGED "\\C\\src\\a.c:stream:$DATA") == RC_REDIRECT);
    CHECK(rewrite("\\device\\HARDDISKvolume3\\src\\a.c", STAGED "\\C\\src\\a.c") == RC_REDIRECT);
    /* Volume 3 is no beginning of volume 33. */
    CHECK(rewrite("\\Device\\HarddiskVolume33\\x", "\\Device\\HarddiskVolume33\\w\\a1\\D\\x") == RC_REDIRECT);
    /* The longest rule decides. */
    CHECK(rewrite(DEVICE "\\repr\\drives\\x\\f", STAGED "\\X\\f") == RC_REDIRECT);
    CHECK(rewrite(DEVICE "\\repr\\drives\\XY\\f", STAGED "\\C\\repr\\drives\\XY\\f") == RC_REDIRECT);
    CHECK(rewrite(DEVICE "\\WINDOWS\\system32\\ntdll.dll", 0) == RC_HOST);
    CHECK(rewrite(DEVICE "\\Windows", 0) == RC_HOST);
    CHECK(rewrite(DEVICE "\\Windows:stream", 0) == RC_HOST);
    CHECK(rewrite(DEVICE "\\WindowsApps\\x", STAGED "\\C\\WindowsApps\\x") == RC_REDIRECT);
    CHECK(rewrite(DEVICE "\\Windows\\Temp\\x", STAGED "\\T\\temp\\x") == RC_REDIRECT);
    CHECK(rewrite("\\Device\\CdRom0\\tools\\cl.exe", 0) == RC_HOST);
    /* Short names are not expanded: redirected, never the host's. */
    CHECK(rewrite(DEVICE "\\PROGRA~1\\x", STAGED "\\C\\PROGRA~1\\x") == RC_REDIRECT);
}

static void borders(void)
{
    fresh();
    CHECK(rewrite(STAGED, 0) == RC_STAGED);
    CHECK(rewrite(STAGED "\\C\\src\\a.c", 0) == RC_STAGED);
    CHECK(rewrite(DEVICE "\\REPR\\Work\\A1\\c\\x", 0) == RC_STAGED);
    CHECK(rewrite(STAGED ":stream", 0) == RC_STAGED);
    CHECK(rewrite(DEVICE "\\repr\\work\\a2\\C\\x", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\work\\a11\\C\\x", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\work\\a\\C\\x", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\work\\\\a1\\C\\x", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\work", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\work\\", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\work:stream", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\repr\\workshop\\x", STAGED "\\C\\repr\\workshop\\x") == RC_REDIRECT);
    CHECK(rewrite("\\Device\\HarddiskVolume33\\w\\a2", 0) == RC_DENY);
    CHECK(rewrite("\\Device\\HarddiskVolume33\\w\\a1", 0) == RC_STAGED);
    CHECK(rewrite(DEVICE, 0) == RC_VOLUME);
    CHECK(rewrite(DEVICE ":$Bitmap", 0) == RC_DENY);
    CHECK(rewrite("\\Device\\HarddiskVolume4\\x", 0) == RC_DENY);
    CHECK(rewrite("\\Device\\Mup\\server\\share\\x", 0) == RC_DENY);
    CHECK(rewrite(DEVICE "\\src\\..\\..\\x", 0) == RC_BAD);
    CHECK(rewrite(DEVICE "\\src\\.", 0) == RC_BAD);
    CHECK(rewrite(DEVICE "\\src\\..:stream", 0) == RC_BAD);
    CHECK(rewrite(DEVICE "\\src\\...\\x", STAGED "\\C\\src\\...\\x") == RC_REDIRECT);
    CHECK(rewrite("relative", 0) == RC_BAD);
    CHECK(rewrite("", 0) == RC_BAD);
    {
        static const rc_char null[] = {'\\', 'a', 0, 'b'};

        CHECK(rc_rewrite(&map, &volumes, (struct rc_text){null, 4}, &name) == RC_BAD);
    }
    CHECK(rc_rewrite(&map, &volumes, filled(DEVICE "\\", RC_MAX_PATH), &name) == RC_TOO_LONG);
    CHECK(rc_rewrite(&map, &volumes, filled(DEVICE "\\", RC_MAX_PATH - 15), &name) == RC_REDIRECT); /* \repr\work\a1\C is put in */
    CHECK(rc_rewrite(&map, &volumes, filled(DEVICE "\\", RC_MAX_PATH - 14), &name) == RC_TOO_LONG);
    CHECK(rc_rewrite(&map, &volumes, filled(DEVICE "\\", RC_MAX_PATH + 1), &name) == RC_BAD);
}

/* Paths relative to a redirected directory: they come with its staging path. */
static void relative_to_staging(void)
{
    static rc_char chars[RC_MAX_PATH];
    struct rc_text text = {chars, 0};

    fresh();
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\windows\\system32\\x"), &name) == RC_REDIRECT);
    text.length = text_of(chars, RC_MAX_PATH);
    CHECK(is(text, DEVICE "\\windows\\system32\\x") && rc_rewrite(&map, &volumes, text, &name) == RC_HOST);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\Windows"), &name) == RC_REDIRECT);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\WindowsApps"), &name) == RC_STAGED);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\Windows\\Temp\\x"), &name) == RC_REDIRECT);
    text.length = text_of(chars, RC_MAX_PATH);
    CHECK(is(text, STAGED "\\T\\temp\\x") && rc_rewrite(&map, &volumes, text, &name) == RC_STAGED);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\repr\\drives\\X"), &name) == RC_REDIRECT);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\repr\\work\\a2\\x"), &name) == RC_DENY);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\repr\\work"), &name) == RC_DENY);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\C\\repr"), &name) == RC_STAGED);
    CHECK(rc_rewrite(&map, &volumes, T(STAGED "\\X\\Windows\\x"), &name) == RC_STAGED);
    /* Their names are not written back either: the requester's path is another file. */
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C\\Windows\\x", 0) == RC_STAGED);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C\\repr\\work\\x", 0) == RC_STAGED);
    CHECK(rc_map_init(&map, T("b")) == RC_OK);
    {
        struct rc_text host = filled(DEVICE "\\far\\", 600);

        CHECK(rc_map_add(&map, &volumes, RC_REDIRECT_RULE, rc_trim_end((struct rc_text){host.chars, 500}), T("F")) == RC_OK);
        host = filled(DEVICE "\\far\\", 502);
        ((rc_char *)(size_t)host.chars)[500] = '\\';
        CHECK(rc_map_add(&map, &volumes, RC_HOST_RULE, host, T("")) == RC_OK);
        CHECK(rc_rewrite(&map, &volumes, filled(DEVICE "\\repr\\work\\b\\F\\x\\", 32000), &name) == RC_REDIRECT);
        CHECK(rc_rewrite(&map, &volumes, filled(DEVICE "\\repr\\work\\b\\F\\x\\", 32500), &name) == RC_TOO_LONG);
    }
}

static void letters(void)
{
    rc_char small[] = {'\\', 'd', '\\', 0xe4}, capital[] = {'\\', 'D', '\\', 0xc4, '\\', 'x'};
    struct rc_text path = {small, 4}, opened = {capital, 6};

    fresh();
    CHECK(rc_map_add(&map, &volumes, RC_HOST_RULE, path, T("")) == RC_OK);
    CHECK(rc_rewrite(&map, &volumes, opened, &name) == RC_HOST);
    volumes.upcase = 0; /* ASCII only */
    CHECK(rc_rewrite(&map, &volumes, opened, &name) == RC_DENY);
    small[3] = 0xc4;
    CHECK(rc_map_add(&map, &volumes, RC_HOST_RULE, path, T("")) == RC_OK);
    CHECK(rc_rewrite(&map, &volumes, opened, &name) == RC_HOST);
}

static void ways_back(void)
{
    fresh();
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C\\src\\a.c", "\\src\\a.c") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\REPR\\work\\A1\\c\\Src", "\\Src") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C", "\\") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C\\", "\\") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\X\\f", "\\repr\\drives\\X\\f") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\X", "\\repr\\drives\\X") == RC_REDIRECT);
    CHECK(unrewrite("\\device\\harddiskvolume33", "\\w\\a1\\D\\y", "\\y") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1", 0) == RC_STAGED);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\D\\y", 0) == RC_STAGED); /* D is on the other volume */
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\CC\\y", 0) == RC_STAGED);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C:stream", 0) == RC_STAGED);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\X:stream", "\\repr\\drives\\X:stream") == RC_REDIRECT);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a2\\C\\y", 0) == RC_DENY);
    CHECK(unrewrite(DEVICE, "\\repr\\work", 0) == RC_DENY);
    CHECK(unrewrite(DEVICE, "\\src\\a.c", 0) == RC_HOST);
    CHECK(unrewrite("\\Device\\HarddiskVolume4", "\\repr\\work\\a1\\C\\x", 0) == RC_HOST);
    CHECK(unrewrite(DEVICE "\\sub", "\\repr\\work\\a1\\C\\x", 0) == RC_HOST);
    CHECK(unrewrite(DEVICE, "\\repr\\work\\a1\\C\\..\\x", 0) == RC_BAD);
    CHECK(rc_unrewrite(&map, &volumes, T(DEVICE), filled("\\", RC_MAX_PATH + 1), &name) == RC_BAD);

    CHECK(rc_map_init(&map, T("b")) == RC_OK); /* a path that is longer than its target */
    {
        struct rc_text far_away = filled(DEVICE "\\far", 600);

        CHECK(rc_map_add(&map, &volumes, RC_REDIRECT_RULE, far_away, T("F")) == RC_OK);
        CHECK(rc_unrewrite(&map, &volumes, T(DEVICE), filled("\\repr\\work\\b\\F\\", 32000), &name) == RC_REDIRECT);
        CHECK(rc_unrewrite(&map, &volumes, T(DEVICE), filled("\\repr\\work\\b\\F\\", 32500), &name) == RC_TOO_LONG);
    }
}

static void volumes_and_names(void)
{
    struct rc_volumes some;

    rc_volumes_init(&some, 0);
    CHECK(rc_volumes_add(&some, T("Device"), T("\\w")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\"), T("\\w")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\D"), T("")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\D"), T("w")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\D"), T("\\w\\..")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\D:"), T("\\w")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, filled("\\D", RC_MAX_DEVICE + 1), T("\\w")) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\D"), filled("\\w", RC_MAX_ROOT - 1)) == RC_INVALID);
    CHECK(rc_volumes_add(&some, T("\\D"), filled("\\w", RC_MAX_ROOT - 2)) == RC_OK);
    CHECK(rc_volumes_add(&some, T("\\d\\"), T("\\w")) == RC_CONFLICT);
    CHECK(rc_volumes_add(&some, T("\\D\\E"), T("\\w")) == RC_CONFLICT);
    for (rc_u32 i = 1; i < RC_MAX_VOLUMES; i++)
        CHECK(rc_volumes_add(&some, filled("\\V", 2 + i), T("\\w")) == RC_OK);
    CHECK(rc_volumes_add(&some, T("\\Z"), T("\\w")) == RC_FULL);

    CHECK(rc_map_init(&map, T("")) == RC_INVALID);
    CHECK(rc_map_init(&map, T("..")) == RC_INVALID);
    CHECK(rc_map_init(&map, T("a\\b")) == RC_INVALID);
    CHECK(rc_map_init(&map, T("a:b")) == RC_INVALID);
    CHECK(rc_map_init(&map, filled("a", RC_MAX_NAME + 1)) == RC_INVALID);
    CHECK(rc_map_init(&map, filled("a", RC_MAX_NAME)) == RC_OK);
}

static void rules(void)
{
    fresh();
    CHECK(add(RC_REDIRECT_RULE, "C:\\x", "Y") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, "\\", "Y") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y:s", "Y") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y\\..", "Y") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "\\Y") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "..\\a2") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "Y:s") == RC_INVALID);
    CHECK(add(RC_HOST_RULE, DEVICE "\\y", "Y") == RC_INVALID);
    CHECK(add((enum rc_rule_kind)3, DEVICE "\\y", "") == RC_INVALID);
    CHECK(add((enum rc_rule_kind)0, DEVICE "\\y", "Y") == RC_INVALID);
    CHECK(add(RC_HOST_RULE, DEVICE "\\repr\\work\\a2", "") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\repr\\work", "Y") == RC_INVALID);
    CHECK(add(RC_REDIRECT_RULE, "\\Device\\HarddiskVolume4", "E") == RC_NO_VOLUME);
    CHECK(add(RC_HOST_RULE, "\\Device\\HarddiskVolume4\\tools\\", "") == RC_OK);
    CHECK(add(RC_HOST_RULE, DEVICE "\\WINDOWS\\", "") == RC_CONFLICT);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "c") == RC_CONFLICT);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "C\\y") == RC_CONFLICT);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "T") == RC_CONFLICT);
    {
        rc_u32 before = map.text_length;

        CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "Y") == RC_OK);
        CHECK(map.text_length > before && map.rule_count == 8);
    }

    fresh(); /* a host directory that contains the work root does not open the way to other actions */
    CHECK(add(RC_HOST_RULE, DEVICE "\\repr", "") == RC_OK);
    CHECK(rewrite(DEVICE "\\repr\\x", 0) == RC_HOST);
    CHECK(rewrite(DEVICE "\\repr\\work\\a2\\x", 0) == RC_DENY);

    CHECK(rc_map_init(&map, T("full")) == RC_OK);
    for (rc_u32 i = 0; i < RC_MAX_RULES; i++)
        CHECK(rc_map_add(&map, &volumes, RC_HOST_RULE, filled(DEVICE "\\h", 30 + i), T("")) == RC_OK);
    CHECK(add(RC_HOST_RULE, DEVICE "\\one\\more", "") == RC_FULL);
    CHECK(rc_map_init(&map, T("full")) == RC_OK);
    CHECK(rc_map_add(&map, &volumes, RC_HOST_RULE, filled(DEVICE "\\h", RC_MAX_RULE_TEXT - 1), T("")) == RC_OK);
    CHECK(rc_map_add(&map, &volumes, RC_HOST_RULE, T("\\h"), T("")) == RC_FULL);
    CHECK(add(RC_REDIRECT_RULE, DEVICE "\\y", "Y") == RC_FULL);
}

static void copies(void)
{
    rc_char three[3] = {0};

    fresh();
    CHECK(rc_rewrite(&map, &volumes, T(DEVICE "\\x"), &name) == RC_REDIRECT);
    CHECK(rc_name_copy(&name, three, 0) == 0 && three[0] == 0);
    CHECK(rc_name_copy(&name, three, 3) == 3 && is((struct rc_text){three, 3}, "\\De"));
    {
        rc_u32 whole = rc_name_length(&name);
        rc_char *exact = malloc(whole * sizeof *exact);

        CHECK(exact && rc_name_copy(&name, exact, whole) == whole && exact[whole - 1] == 'x');
        CHECK(exact && rc_name_copy(&name, exact, whole - 1) == whole - 1);
        free(exact);
    }
}

void test_paths(void)
{
    rewriting();
    borders();
    relative_to_staging();
    letters();
    ways_back();
    volumes_and_names();
    rules();
    copies();
}
