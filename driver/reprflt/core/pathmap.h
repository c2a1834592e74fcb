/*
 * Where a path of a requester is on this machine, and back.
 *
 * A volume has one work root; an action has one directory in it, its staging directory, by the same name on every volume. An action's rules
 * say which paths are redirected into it and which are the host's. Paths are device paths: \Device\HarddiskVolume3\src\a.c.
 */
#ifndef REPR_CORE_PATHMAP_H
#define REPR_CORE_PATHMAP_H

#include "text.h"

#define RC_MAX_VOLUMES 32u
#define RC_MAX_RULES 64u
#define RC_MAX_DEVICE 128u     /* characters of a device's name */
#define RC_MAX_ROOT 640u       /* ... of a device's name and the path of its work root */
#define RC_MAX_NAME 64u        /* ... of a staging directory's name */
#define RC_MAX_RULE_TEXT 8192u /* ... of all rules of an action */

enum rc_outcome {
    RC_OK,
    RC_INVALID,   /* not of the form that is asked for */
    RC_FULL,      /* no room */
    RC_CONFLICT,  /* something like it is there */
    RC_NO_VOLUME, /* a path on a volume that was not added */
};

/* The device's name is the beginning of the work root. */
struct rc_volume {
    rc_u32 device_length;
    rc_u32 root_length;
    rc_char text[RC_MAX_ROOT];
};

struct rc_volumes {
    rc_upcase upcase;
    rc_u32 count;
    struct rc_volume volumes[RC_MAX_VOLUMES];
};

enum rc_rule_kind { RC_REDIRECT_RULE = 1, RC_HOST_RULE = 2 };

/* Offsets and lengths within the map's text. The target is a device path too. */
struct rc_rule {
    enum rc_rule_kind kind;
    rc_u32 volume; /* of a redirecting rule: both paths are on it */
    rc_u32 path, path_length;
    rc_u32 target, target_length;
};

struct rc_map {
    rc_u32 name_length;
    rc_u32 rule_count;
    rc_u32 text_length;
    rc_char name[RC_MAX_NAME];
    struct rc_rule rules[RC_MAX_RULES];
    rc_char text[RC_MAX_RULE_TEXT];
};

enum rc_verdict {
    RC_STAGED,   /* the action's own staging directory or something in it: leave it alone */
    RC_HOST,     /* a file of the host that the action may read */
    RC_VOLUME,   /* the volume itself, not a file on it */
    RC_REDIRECT, /* it has another name: see struct rc_name */
    RC_DENY,     /* another action's, or no rule contains it */
    RC_BAD,      /* malformed */
    RC_TOO_LONG, /* the other name would not fit into a UNICODE_STRING */
};

/* A name in two parts, prefix and rest. The prefix lives as long as the map, the rest as long as the name that was asked about. */
struct rc_name {
    struct rc_text prefix;
    struct rc_text rest;
};

/* A table without volumes. */
void rc_volumes_init(struct rc_volumes *volumes, rc_upcase upcase);

/* Adds a volume whose staging directories are in 'root', a path on it that begins with a backslash. RC_CONFLICT: the device is there. */
enum rc_outcome rc_volumes_add(struct rc_volumes *volumes, struct rc_text device, struct rc_text root);

/* A map without rules of the action whose staging directories have this name: one component. */
enum rc_outcome rc_map_init(struct rc_map *map, struct rc_text name);

/*
 * Adds a rule. 'target' is relative to the staging directory, and empty for RC_HOST_RULE. RC_CONFLICT: a rule for this path is there, or
 * its target contains or is contained in that of another: then a name in it could not be written back.
 */
enum rc_outcome rc_map_add(
    struct rc_map *map, const struct rc_volumes *volumes, enum rc_rule_kind kind, struct rc_text path, struct rc_text target);

/*
 * What an action may see at a device path. RC_REDIRECT sets 'name' to the device path to be opened instead, in the action's staging
 * directory; or, of a path in that directory which leads to a path of the host, to that.
 */
enum rc_verdict rc_rewrite(const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text path, struct rc_name *name);

/*
 * The reverse: by which name the action's tool knows the file with this path on the volume of this device. RC_REDIRECT sets 'name' to a
 * path on the same volume that rc_rewrite leads to this file; RC_STAGED: it has no such name; RC_HOST: it is in no work root; RC_DENY: it
 * is another action's.
 */
enum rc_verdict rc_unrewrite(
    const struct rc_map *map, const struct rc_volumes *volumes, struct rc_text device, struct rc_text path, struct rc_name *name);

/* Characters of the whole name. */
rc_u32 rc_name_length(const struct rc_name *name);

/* Writes the first 'capacity' characters of the name, or all of them, and says how many. */
rc_u32 rc_name_copy(const struct rc_name *name, rc_char *into, rc_u32 capacity);

#endif
