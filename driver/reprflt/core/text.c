#include "text.h"

/* The character in upper case. */
static rc_char up(rc_char c, rc_upcase upcase)
{
    if (upcase)
        return upcase(c);
    return c >= 'a' && c <= 'z' ? (rc_char)(c - ('a' - 'A')) : c;
}

struct rc_text rc_after(struct rc_text text, rc_u32 length)
{
    struct rc_text rest = {text.chars + length, text.length - length};

    return rest;
}

int rc_is_within(struct rc_text path, struct rc_text prefix, rc_upcase upcase)
{
    if (prefix.length == 0 || path.length < prefix.length)
        return 0;
    for (rc_u32 i = 0; i < prefix.length; i++)
        if (path.chars[i] != prefix.chars[i] && up(path.chars[i], upcase) != up(prefix.chars[i], upcase))
            return 0;
    return path.length == prefix.length || path.chars[prefix.length] == '\\' || path.chars[prefix.length] == ':';
}

/* "." and "..", alone or before a stream. */
static int is_dots(const rc_char *chars, rc_u32 length)
{
    rc_u32 dots = 0;

    while (dots < length && chars[dots] == '.')
        dots++;
    return (dots == 1 || dots == 2) && (dots == length || chars[dots] == ':');
}

int rc_has_plain_components(struct rc_text path)
{
    rc_u32 start = 0;

    for (rc_u32 i = 0; i <= path.length; i++) {
        if (i < path.length && path.chars[i] == 0)
            return 0;
        if (i == path.length || path.chars[i] == '\\') {
            if (is_dots(path.chars + start, i - start))
                return 0;
            start = i + 1;
        }
    }
    return 1;
}

struct rc_text rc_trim_end(struct rc_text path)
{
    while (path.length > 0 && path.chars[path.length - 1] == '\\')
        path.length--;
    return path;
}
