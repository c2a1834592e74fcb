/* Names as the file system compares them. */
#include "double.h"

size_t wlen(const wch *text) {
    size_t n = 0;
    while (text[n])
        n++;
    return n;
}

wch *wcopy(const wch *text) {
    size_t size = (wlen(text) + 1) * sizeof(wch);
    return memcpy(malloc(size), text, size);
}

wch *wjoin(const wch *directory, const wch *name) {
    size_t a = wlen(directory), b = wlen(name);
    wch *joined = malloc((a + b + 2) * sizeof(wch)), *at = joined;
    memcpy(at, directory, a * sizeof(wch));
    at += a;
    if (a)
        *at++ = '\\';
    memcpy(at, name, (b + 1) * sizeof(wch));
    return joined;
}

wch *wparent(const wch *path) {
    wch *parent = wcopy(path);
    size_t n = (size_t)(wname(parent) - parent);
    parent[n ? n - 1 : 0] = 0;
    return parent;
}

const wch *wname(const wch *path) {
    const wch *name = path;
    for (; *path; path++)
        if (*path == '\\')
            name = path + 1;
    return name;
}

wch wupper(wch c) {
    if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f))
        return (wch)(c - 0x20);
    if (c >= 0x450 && c <= 0x45f)
        return (wch)(c - 0x50);
    return c == 0xff ? 0x178 : c;
}

uint32_t whash(const wch *path) {
    uint32_t hash = 5381;
    for (; *path; path++)
        hash = hash * 33 + wupper(*path);
    return hash % BUCKETS;
}

int PrjFileNameCompare(const wch *left, const wch *right) {
    for (;; left++, right++) {
        wch a = wupper(*left), b = wupper(*right);
        if (a != b)
            return a < b ? -1 : 1;
        if (!a)
            return 0;
    }
}

/* With the wildcards of FsRtlIsNameInExpression: * ? and of DOS < > ". */
uint8_t PrjFileNameMatch(const wch *name, const wch *pattern) {
    switch (*pattern) {
    case 0:
        return !*name;
    case '*':
        return PrjFileNameMatch(name, pattern + 1) || (*name && PrjFileNameMatch(name + 1, pattern));
    case '<': { /* up to the last dot */
        int has_dot = 0;
        for (const wch *c = name; *c; c++)
            has_dot |= *c == '.';
        return PrjFileNameMatch(name, pattern + 1) || (*name && (*name != '.' || has_dot) && PrjFileNameMatch(name + 1, pattern));
    }
    case '>': /* one, or none before a dot or at the end */
        return (*name && *name != '.') ? PrjFileNameMatch(name + 1, pattern + 1) : PrjFileNameMatch(name, pattern + 1);
    case '"': /* a dot, or the end */
        return *name == '.' ? PrjFileNameMatch(name + 1, pattern + 1) : !*name && PrjFileNameMatch(name, pattern + 1);
    case '?':
        return *name && PrjFileNameMatch(name + 1, pattern + 1);
    default:
        return wupper(*name) == wupper(*pattern) && PrjFileNameMatch(name + 1, pattern + 1);
    }
}
