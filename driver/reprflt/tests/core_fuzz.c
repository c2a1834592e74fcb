/*
 * libFuzzer target of the core. From the input it makes rules and a path, or births and deaths of processes, and checks:
 *   - a rewritten path is in the action's staging directory on the same volume, and stays there: no "..", rewritten again it is staged;
 *   - the way back is exact, and leads forth again;
 *   - a path in staging that is the business of another rule goes where that rule says, at once;
 *   - nothing in a work root is ever anything but the action's own staging directory or denied, and only a HOST rule opens the host;
 *   - the process table agrees with a plain array.
 */
#include "../core/pathmap.h"
#include "../core/processes.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                                                             \
    do {                                                                                                                               \
        if (!(condition))                                                                                                              \
            __builtin_trap();                                                                                                          \
    } while (0)

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* A byte of the input stands for one of these, or else for the character that it is. */
static const char *const tokens[] = {"\\D\\V1", "\\D\\V2", "\\D\\V11", "\\r\\w", "\\w", "\\a1", "\\a2", "\\A1\\", "\\C", "\\Win", "\\..",
    "\\.", "\\", ":s", "\\src", "\\D\\Mup", "a1", "C", "X\\y"};
#define TOKENS (sizeof tokens / sizeof *tokens)

/* A text up to a null byte of the input, at most 300 characters, in memory of exactly its size. The caller frees it. */
static struct rc_text text(struct input *input)
{
    rc_char chars[330];
    rc_u32 length = 0;
    rc_char *exact;
    uint8_t byte;

    while (length < 300 && (byte = next(input)) != 0) {
        if (byte <= TOKENS) {
            for (const char *token = tokens[byte - 1]; *token; token++)
                chars[length++] = (rc_char)*token;
        } else if (byte == 0xff) {
            chars[length++] = (rc_char)(next(input) | next(input) << 8);
        } else {
            chars[length++] = byte;
        }
    }
    exact = malloc(length * sizeof *exact);
    if (length > 0)
        memcpy(exact, chars, length * sizeof *exact);
    return (struct rc_text){exact, length};
}

static void forget(struct rc_text some)
{
    free((void *)(uintptr_t)some.chars);
}

static rc_char upper(rc_char c)
{
    return c >= 'a' && c <= 'z' ? (rc_char)(c - 32) : c;
}

/* Written once more, without the core's functions. */
static int starts_with(struct rc_text path, const char *prefix)
{
    size_t length = strlen(prefix);

    if (path.length < length)
        return 0;
    for (size_t i = 0; i < length; i++)
        if (upper(path.chars[i]) != upper((rc_char)prefix[i]))
            return 0;
    return path.length == length || path.chars[length] == '\\' || path.chars[length] == ':';
}

static struct rc_text literal(const char *ascii, rc_char *into)
{
    rc_u32 length = 0;

    for (; ascii[length]; length++)
        into[length] = (rc_char)ascii[length];
    return (struct rc_text){into, length};
}

static int same(struct rc_text one, struct rc_text other)
{
    if (one.length != other.length)
        return 0;
    for (rc_u32 i = 0; i < one.length; i++)
        if (upper(one.chars[i]) != upper(other.chars[i]))
            return 0;
    return 1;
}

/* The name in memory of exactly its size. The caller frees it. */
static struct rc_text whole(const struct rc_name *name)
{
    rc_u32 length = rc_name_length(name);
    rc_char *chars = malloc(length * sizeof *chars);
    rc_char two[2];

    REQUIRE(rc_name_copy(name, chars, length) == length);
    REQUIRE(rc_name_copy(name, two, 2) == (length < 2 ? length : 2));
    return (struct rc_text){chars, length};
}

static void check_redirected(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text path, struct rc_name *name)
{
    struct rc_text rewritten = whole(name), back, device;
    struct rc_name again;

    REQUIRE(rewritten.length <= RC_MAX_PATH && rc_has_plain_components(rewritten));
    if (starts_with(path, "\\D\\V1")) {
        REQUIRE(starts_with(rewritten, "\\D\\V1\\r\\w\\a1"));
        device = (struct rc_text){rewritten.chars, 5};
    } else {
        REQUIRE(starts_with(path, "\\D\\V11") && starts_with(rewritten, "\\D\\V11\\w\\a1"));
        device = (struct rc_text){rewritten.chars, 6};
    }
    REQUIRE(rc_rewrite(map, volumes, rewritten, &again) == RC_STAGED);
    REQUIRE(rc_unrewrite(map, volumes, device, rc_after(rewritten, device.length), &again) == RC_REDIRECT);
    back = whole(&again);
    REQUIRE(same(back, rc_after(path, device.length)));
    for (rc_u32 i = 1; i <= back.length && i <= name->rest.length; i++) /* and what no rule names, to the letter */
        REQUIRE(back.chars[back.length - i] == path.chars[path.length - i]);
    forget(back);
    forget(rewritten);
}

/* A path in the staging directory that another rule decides about. */
static void check_sent_on(const struct rc_map *map, const struct rc_volumes *volumes, const struct rc_name *name)
{
    struct rc_text path = whole(name);
    struct rc_name again;
    enum rc_verdict verdict = rc_rewrite(map, volumes, path, &again);

    REQUIRE(path.length <= RC_MAX_PATH && (verdict == RC_STAGED || verdict == RC_HOST));
    forget(path);
}

static void check_rewrite(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text path)
{
    struct rc_name name;
    enum rc_verdict verdict = rc_rewrite(map, volumes, path, &name);
    int in_root = starts_with(path, "\\D\\V1\\r\\w") || starts_with(path, "\\D\\V11\\w");
    int own = starts_with(path, "\\D\\V1\\r\\w\\a1") || starts_with(path, "\\D\\V11\\w\\a1");

    if (own)
        REQUIRE(verdict != RC_HOST && verdict != RC_VOLUME);
    else if (in_root)
        REQUIRE(verdict == RC_DENY || verdict == RC_BAD);
    else
        REQUIRE(verdict != RC_STAGED);
    if (verdict == RC_HOST) {
        int opened = 0;

        for (rc_u32 i = 0; i < map->rule_count; i++)
            if (map->rules[i].kind == RC_HOST_RULE &&
                rc_is_within(path, (struct rc_text){map->text + map->rules[i].path, map->rules[i].path_length}, 0))
                opened = 1;
        REQUIRE(opened);
    }
    if (verdict == RC_REDIRECT && own)
        check_sent_on(map, volumes, &name);
    else if (verdict == RC_REDIRECT)
        check_redirected(map, volumes, path, &name);
}

static void check_unrewrite(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text path)
{
    rc_char chars[8];
    struct rc_name name;

    struct rc_text back, again, forth;

    if (rc_unrewrite(map, volumes, literal("\\D\\V1", chars), path, &name) != RC_REDIRECT)
        return;
    back = whole(&name);
    REQUIRE(back.length > 0 && !starts_with(back, "\\r\\w") && rc_has_plain_components(back));
    name.prefix = literal("\\D\\V1", chars);
    name.rest = back;
    again = whole(&name);
    REQUIRE(rc_rewrite(map, volumes, again, &name) == RC_REDIRECT);
    forth = whole(&name);
    REQUIRE(same(rc_trim_end(rc_after(forth, 5)), rc_trim_end(path)));
    forget(forth);
    forget(again);
    forget(back);
}

static void paths(struct input *input)
{
    static struct rc_map map;
    static struct rc_volumes volumes;
    rc_char one[16], two[16];
    uint8_t rules = next(input) % 8;
    struct rc_text path;

    rc_volumes_init(&volumes, 0);
    REQUIRE(rc_volumes_add(&volumes, literal("\\D\\V1", one), literal("\\r\\w", two)) == RC_OK);
    REQUIRE(rc_volumes_add(&volumes, literal("\\D\\V11", one), literal("\\w", two)) == RC_OK);
    REQUIRE(rc_map_init(&map, literal("a1", one)) == RC_OK);
    while (rules-- > 0) {
        uint8_t kind = next(input);
        struct rc_text from = text(input), to = kind & 1 ? text(input) : literal("", one);

        (void)rc_map_add(&map, &volumes, kind & 1 ? RC_REDIRECT_RULE : RC_HOST_RULE, from, to);
        forget(from);
        if (kind & 1)
            forget(to);
    }
    path = text(input);
    check_rewrite(&map, &volumes, path);
    check_unrewrite(&map, &volumes, path);
    forget(path);
}

static void processes(struct input *input)
{
    static struct rc_processes table;
    static int initialized;
    rc_u32 model[64], orphans = 0, used = 0;

    if (!initialized)
        rc_processes_init(&table);
    initialized = 1;
    for (int i = 0; i < 64; i++) {
        (void)rc_processes_remove(&table, (rc_u64)i * 4096); /* one bucket or a few */
        model[i] = RC_UNTRACKED;
    }
    while (input->left > 0) {
        uint8_t what = next(input), id = next(input) % 64, other = next(input) % 64;

        switch (what % 4) {
        case 0:
            REQUIRE(rc_processes_add(&table, (rc_u64)id * 4096, other % 4));
            model[id] = other % 4;
            break;
        case 1:
            REQUIRE(rc_processes_remove(&table, (rc_u64)id * 4096) == (model[id] != RC_UNTRACKED));
            model[id] = RC_UNTRACKED;
            break;
        case 2:
            (void)rc_processes_orphan(&table, other % 4);
            for (int i = 0; i < 64; i++)
                if (model[i] == other % 4)
                    model[i] = RC_ORPHAN;
            break;
        default:
            model[id] = RC_UNTRACKED;
            model[id] = model[other] != RC_UNTRACKED ? model[other] : model[what / 4];
            REQUIRE((rc_processes_born(&table, (rc_u64)id * 4096, (rc_u64)other * 4096, (rc_u64)(what / 4) * 4096) == RC_INHERITED) ==
                    (model[id] != RC_UNTRACKED));
        }
    }
    for (int i = 0; i < 64; i++) {
        REQUIRE(rc_processes_find(&table, (rc_u64)i * 4096) == model[i]);
        used += model[i] != RC_UNTRACKED;
        orphans += model[i] == RC_ORPHAN;
    }
    REQUIRE(table.used == used && table.orphans == orphans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};

    if (next(&input) & 7)
        paths(&input);
    else
        processes(&input);
    return 0;
}
