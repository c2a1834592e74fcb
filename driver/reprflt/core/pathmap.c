#include "pathmap.h"

/* The device's name, which is the beginning of the work root. */
static struct rc_text device_of(const struct rc_volume *volume)
{
    struct rc_text device = {volume->text, volume->device_length};

    return device;
}

/* The device path of the volume's work root. */
static struct rc_text root_of(const struct rc_volume *volume)
{
    struct rc_text root = {volume->text, volume->root_length};

    return root;
}

/* The device path that the rule is about. */
static struct rc_text path_of(const struct rc_map *map, const struct rc_rule *rule)
{
    struct rc_text path = {map->text + rule->path, rule->path_length};

    return path;
}

/* The device path in staging that the rule leads to; empty for a rule of the host. */
static struct rc_text target_of(const struct rc_map *map, const struct rc_rule *rule)
{
    struct rc_text target = {map->text + rule->target, rule->target_length};

    return target;
}

/* Writes the text behind the first 'length' characters. The caller has checked that there is room. */
static void append(rc_char *into, rc_u32 *length, struct rc_text text)
{
    for (rc_u32 i = 0; i < text.length; i++)
        into[(*length)++] = text.chars[i];
}

/* The volume that has this device path, or 0. */
static const struct rc_volume *volume_with(const struct rc_volumes *volumes, struct rc_text path)
{
    for (rc_u32 i = 0; i < volumes->count; i++)
        if (rc_is_within(path, device_of(&volumes->volumes[i]), volumes->upcase))
            return &volumes->volumes[i];
    return 0;
}

/* Whether the character is in the text. */
static int contains(struct rc_text text, rc_char c)
{
    for (rc_u32 i = 0; i < text.length; i++)
        if (text.chars[i] == c)
            return 1;
    return 0;
}

/* A path that begins with a backslash and names a file or directory, not a stream. */
static int is_absolute(struct rc_text path)
{
    return path.length > 1 && path.length <= RC_MAX_PATH && path.chars[0] == '\\' && !contains(path, ':') && rc_has_plain_components(path);
}

/* A path that begins with a name, and is of files and directories, not of a stream. */
static int is_relative(struct rc_text path)
{
    return path.length > 0 && path.length <= RC_MAX_PATH && path.chars[0] != '\\' && !contains(path, ':') && rc_has_plain_components(path);
}

void rc_volumes_init(struct rc_volumes *volumes, rc_upcase upcase)
{
    volumes->upcase = upcase;
    volumes->count = 0;
}

enum rc_outcome rc_volumes_add(struct rc_volumes *volumes, struct rc_text device, struct rc_text root)
{
    struct rc_volume *volume;

    device = rc_trim_end(device);
    root = rc_trim_end(root);
    if (!is_absolute(device) || !is_absolute(root) || device.length > RC_MAX_DEVICE || root.length > RC_MAX_ROOT - device.length)
        return RC_INVALID;
    for (rc_u32 i = 0; i < volumes->count; i++) {
        struct rc_text other = device_of(&volumes->volumes[i]);

        if (rc_is_within(device, other, volumes->upcase) || rc_is_within(other, device, volumes->upcase))
            return RC_CONFLICT;
    }
    if (volumes->count == RC_MAX_VOLUMES)
        return RC_FULL;
    volume = &volumes->volumes[volumes->count++];
    volume->root_length = 0;
    append(volume->text, &volume->root_length, device);
    volume->device_length = volume->root_length;
    append(volume->text, &volume->root_length, root);
    return RC_OK;
}

enum rc_outcome rc_map_init(struct rc_map *map, struct rc_text name)
{
    map->name_length = map->rule_count = map->text_length = 0;
    if (name.length > RC_MAX_NAME || !is_relative(name) || contains(name, '\\'))
        return RC_INVALID;
    append(map->name, &map->name_length, name);
    return RC_OK;
}

/* Writes work root, name and target after the rule's path. The caller has checked that there is room. */
static void put_target(struct rc_map *map, const struct rc_volume *volume, struct rc_text target, struct rc_rule *rule)
{
    static const rc_char backslash[] = {'\\'};
    struct rc_text separator = {backslash, 1}, name = {map->name, map->name_length};

    rule->target = map->text_length;
    append(map->text, &map->text_length, root_of(volume));
    append(map->text, &map->text_length, separator);
    append(map->text, &map->text_length, name);
    append(map->text, &map->text_length, separator);
    append(map->text, &map->text_length, target);
    rule->target_length = map->text_length - rule->target;
}

/* Whether the new rule and one that is there are about the same path, or lead into each other's targets. */
static int clashes(const struct rc_map *map, const struct rc_volumes *volumes, const struct rc_rule *fresh)
{
    struct rc_text path = path_of(map, fresh), target = target_of(map, fresh);

    for (rc_u32 i = 0; i < map->rule_count; i++) {
        struct rc_text other = path_of(map, &map->rules[i]), others_target = target_of(map, &map->rules[i]);

        if (path.length == other.length && rc_is_within(path, other, volumes->upcase))
            return 1;
        if (rc_is_within(target, others_target, volumes->upcase) || rc_is_within(others_target, target, volumes->upcase))
            return 1;
    }
    return 0;
}

enum rc_outcome rc_map_add(
    struct rc_map *map, const struct rc_volumes *volumes, enum rc_rule_kind kind, struct rc_text path, struct rc_text target)
{
    const struct rc_volume *volume;
    struct rc_rule rule = {kind, 0, map->text_length, 0, map->text_length, 0};
    rc_u32 needed;

    path = rc_trim_end(path);
    target = rc_trim_end(target);
    if (!is_absolute(path) || (kind == RC_REDIRECT_RULE ? !is_relative(target) : kind != RC_HOST_RULE || target.length > 0))
        return RC_INVALID;
    volume = volume_with(volumes, path);
    if (volume && rc_is_within(path, root_of(volume), volumes->upcase))
        return RC_INVALID; /* staging is not to be mapped once more */
    if (!volume && kind == RC_REDIRECT_RULE)
        return RC_NO_VOLUME;
    needed = path.length + (kind == RC_REDIRECT_RULE ? volume->root_length + map->name_length + 2 + target.length : 0);
    if (map->rule_count == RC_MAX_RULES || needed > RC_MAX_RULE_TEXT - map->text_length)
        return RC_FULL;

    append(map->text, &map->text_length, path);
    rule.path_length = path.length;
    if (kind == RC_REDIRECT_RULE) {
        rule.volume = (rc_u32)(volume - volumes->volumes);
        put_target(map, volume, target, &rule);
    }
    if (clashes(map, volumes, &rule)) {
        map->text_length = rule.path;
        return RC_CONFLICT;
    }
    map->rules[map->rule_count++] = rule;
    return RC_OK;
}

/* Whether 'rest', which follows a work root, is in the map's staging directory; if so, it becomes what follows that. */
static int enter_staging(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text *rest)
{
    struct rc_text name = {map->name, map->name_length};

    if (rest->length < 1 || rest->chars[0] != '\\' || !rc_is_within(rc_after(*rest, 1), name, volumes->upcase))
        return 0;
    *rest = rc_after(*rest, 1 + name.length);
    return 1;
}

/* The rule with the longest path that contains 'path', or 0. */
static const struct rc_rule *rule_for(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text path)
{
    const struct rc_rule *best = 0;

    for (rc_u32 i = 0; i < map->rule_count; i++) {
        const struct rc_rule *rule = &map->rules[i];

        if ((!best || rule->path_length > best->path_length) && rc_is_within(path, path_of(map, rule), volumes->upcase))
            best = rule;
    }
    return best;
}

/* The rule into whose target a path on the volume leads, or 0. 'rest' is what follows the target. */
static const struct rc_rule *rule_leading_to(
    const struct rc_map *map, const struct rc_volumes *volumes, const struct rc_volume *volume, struct rc_text path, struct rc_text *rest)
{
    for (rc_u32 i = 0; i < map->rule_count; i++) {
        const struct rc_rule *rule = &map->rules[i];
        struct rc_text target = target_of(map, rule);

        if (rule->kind != RC_REDIRECT_RULE || &volumes->volumes[rule->volume] != volume)
            continue;
        target = rc_after(target, volume->device_length);
        if (rc_is_within(path, target, volumes->upcase)) {
            *rest = rc_after(path, target.length);
            return rule;
        }
    }
    return 0;
}

/* Whether 'whole' is 'part' and something that contains the beginning of 'rest'. */
static int continues(struct rc_text whole, struct rc_text part, struct rc_text rest, rc_upcase upcase)
{
    return whole.length > part.length && rc_is_within(whole, part, upcase) && rc_is_within(rest, rc_after(whole, part.length), upcase);
}

/*
 * Whether the rule decides about its path followed by 'rest' (RC_STAGED), or a longer one does, which is in 'better' then (RC_REDIRECT), or
 * the path is in a work root (RC_DENY).
 */
static enum rc_verdict who_decides(const struct rc_map *map, const struct rc_volumes *volumes, const struct rc_rule *rule,
    struct rc_text rest, const struct rc_rule **better)
{
    struct rc_text path = path_of(map, rule);

    if (continues(root_of(&volumes->volumes[rule->volume]), path, rest, volumes->upcase))
        return RC_DENY;
    *better = 0;
    for (rc_u32 i = 0; i < map->rule_count; i++) {
        const struct rc_rule *other = &map->rules[i];

        if ((!*better || other->path_length > (*better)->path_length) && continues(path_of(map, other), path, rest, volumes->upcase))
            *better = other;
    }
    return *better ? RC_REDIRECT : RC_STAGED;
}

/*
 * A path in the action's staging directory. It comes from a redirection, or it is relative to a directory that was redirected: then what it
 * leads to may be the business of another rule. With the current directory C:\, Windows\x is opened within the staged C:\.
 */
static enum rc_verdict rewrite_staged(const struct rc_map *map, const struct rc_volumes *volumes, const struct rc_volume *volume,
    struct rc_text path, struct rc_name *name)
{
    const struct rc_rule *better;
    struct rc_text rest;
    const struct rc_rule *rule = rule_leading_to(map, volumes, volume, rc_after(path, volume->device_length), &rest);
    enum rc_verdict verdict = rule ? who_decides(map, volumes, rule, rest, &better) : RC_STAGED;

    if (verdict != RC_REDIRECT)
        return verdict;
    name->prefix = better->kind == RC_HOST_RULE ? path_of(map, rule) : target_of(map, better);
    name->rest = better->kind == RC_HOST_RULE ? rest : rc_after(rest, better->path_length - rule->path_length);
    return rc_name_length(name) > RC_MAX_PATH ? RC_TOO_LONG : RC_REDIRECT;
}

enum rc_verdict rc_rewrite(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text path, struct rc_name *name)
{
    const struct rc_volume *volume;
    const struct rc_rule *rule;

    if (path.length == 0 || path.length > RC_MAX_PATH || path.chars[0] != '\\' || !rc_has_plain_components(path))
        return RC_BAD;
    volume = volume_with(volumes, path);
    if (volume) {
        struct rc_text rest = rc_after(path, volume->device_length);

        if (rest.length == 0)
            return RC_VOLUME;
        if (rest.chars[0] == ':')
            return RC_DENY; /* a stream of the volume */
        if (rc_is_within(path, root_of(volume), volumes->upcase)) {
            rest = rc_after(path, volume->root_length);
            return enter_staging(map, volumes, &rest) ? rewrite_staged(map, volumes, volume, path, name) : RC_DENY;
        }
    }
    rule = rule_for(map, volumes, path);
    if (!rule)
        return RC_DENY;
    if (rule->kind == RC_HOST_RULE)
        return RC_HOST;
    name->prefix = target_of(map, rule);
    name->rest = rc_after(path, rule->path_length);
    return rc_name_length(name) > RC_MAX_PATH ? RC_TOO_LONG : RC_REDIRECT;
}

enum rc_verdict rc_unrewrite(
    const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text device, struct rc_text path, struct rc_name *name)
{
    static const rc_char backslash[] = {'\\'};
    const struct rc_volume *volume = volume_with(volumes, device);
    const struct rc_rule *rule, *better;
    struct rc_text rest, root;

    if (path.length > RC_MAX_PATH || !rc_has_plain_components(path))
        return RC_BAD;
    if (!volume || volume->device_length != device.length)
        return RC_HOST;
    root = rc_after(root_of(volume), volume->device_length);
    if (!rc_is_within(path, root, volumes->upcase))
        return RC_HOST;
    rest = rc_after(path, root.length);
    if (!enter_staging(map, volumes, &rest))
        return RC_DENY;
    rule = rule_leading_to(map, volumes, volume, path, &rest);
    if (!rule || who_decides(map, volumes, rule, rest, &better) != RC_STAGED)
        return RC_STAGED; /* by any other name it would be another file */
    name->prefix = rc_after(path_of(map, rule), volume->device_length);
    name->rest = rest;
    if (name->prefix.length == 0 && (rest.length == 0 || rest.chars[0] == ':')) { /* a redirected volume's own root */
        if (rest.length > 0)
            return RC_STAGED; /* by the volume's name, the stream would be one of the volume */
        name->prefix.chars = backslash;
        name->prefix.length = 1;
    }
    return rc_name_length(name) > RC_MAX_PATH ? RC_TOO_LONG : RC_REDIRECT;
}

rc_u32 rc_name_length(const struct rc_name *name)
{
    return name->prefix.length + name->rest.length;
}

rc_u32 rc_name_copy(const struct rc_name *name, rc_char *into, rc_u32 capacity)
{
    rc_u32 written = 0;

    while (written < capacity && written < name->prefix.length) {
        into[written] = name->prefix.chars[written];
        written++;
    }
    while (written < capacity && written < rc_name_length(name)) {
        into[written] = name->rest.chars[written - name->prefix.length];
        written++;
    }
    return written;
}
