/*
 * Counted UTF-16 text, as in a UNICODE_STRING, and the comparison of paths: what the two tables of the core are made of.
 *
 * The core (this folder) includes no header of a system, allocates nothing and takes no lock. It is compiled into reprflt.sys, into
 * programs that test it with sanitizers, and into whatever else must decide about paths as the driver does. Its callers keep writers of a
 * table apart from everybody else.
 */
#ifndef REPR_CORE_TEXT_H
#define REPR_CORE_TEXT_H

typedef unsigned short rc_char;
typedef unsigned int rc_u32;
typedef unsigned long long rc_u64;

/* Text that somebody else owns. Lengths count characters. */
struct rc_text {
    const rc_char *chars;
    rc_u32 length;
};

/* The file system's mapping to upper case; 0 in its place stands for that of ASCII. */
typedef rc_char (*rc_upcase)(rc_char);

#define RC_MAX_PATH 32767u /* what a UNICODE_STRING can hold */

/* What follows the first 'length' characters. */
struct rc_text rc_after(struct rc_text text, rc_u32 length);

/* Whether 'path' is 'prefix' or something in it: what follows is nothing, a component or a stream. An empty prefix contains nothing. */
int rc_is_within(struct rc_text path, struct rc_text prefix, rc_upcase upcase);

/*
 * Whether each component may be passed on: no null character and neither "." nor "..", which a file system refuses too, but only after a
 * prefix was put before them.
 */
int rc_has_plain_components(struct rc_text path);

/* Without the backslashes at its end. */
struct rc_text rc_trim_end(struct rc_text path);

#endif
