/* Maps a driver's image: LoadLibrary refuses or does not relocate what is no DLL. */
#include "harness.h"

__declspec(dllimport) void *__stdcall VirtualAlloc(void *, SIZE_T, ULONG, ULONG);
__declspec(dllimport) BOOLEAN __stdcall RtlAddFunctionTable(void *, ULONG, ULONGLONG);

#define U16(address) (*(USHORT *)(address))
#define U32(address) (*(ULONG *)(address))
#define U64(address) (*(ULONGLONG *)(address))

static UCHAR file[8 << 20];

static void stop(const char *why, const char *what)
{
    printf("harness: %s: %s\n", why, what);
    fflush(stdout);
    exit(2);
}

static void read_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    size_t length = stream ? fread(file, 1, sizeof file, stream) : 0;

    if (length == 0 || length == sizeof file)
        stop("cannot read the driver", path);
    fclose(stream);
}

static void relocate(UCHAR *base, const UCHAR *headers)
{
    ULONGLONG delta = (ULONGLONG)base - U64(headers + 0x30);
    UCHAR *block = base + U32(headers + 0xb0), *end = block + U32(headers + 0xb4);

    for (; block < end; block += U32(block + 4))
        for (ULONG at = 8; at < U32(block + 4); at += 2)
            if (U16(block + at) >> 12 == 10)
                U64(base + U32(block) + (U16(block + at) & 0xfff)) += delta;
}

static void bind(UCHAR *base, ULONG directory)
{
    for (ULONG *module = (ULONG *)(base + directory); module[3]; module += 5) {
        ULONGLONG *name = (ULONGLONG *)(base + module[0]), *slot = (ULONGLONG *)(base + module[4]);

        for (; *name; name++, slot++) {
            const char *import = (const char *)base + (ULONG)*name + 2;
            void *fake = fake_import(import);

            if (!fake)
                fake = fake_memory_import(import);
            if (!fake)
                stop("no fake for the import", import);
            *slot = (ULONGLONG)fake;
        }
    }
}

driver_entry map_driver(const char *path)
{
    UCHAR *headers, *section, *base;

    read_file(path);
    headers = file + U32(file + 0x3c);
    section = headers + 24 + U16(headers + 20);
    base = VirtualAlloc(NULL, U32(headers + 0x50), 0x3000, 0x40); /* reserve and commit, readable, writable, executable */
    if (!base)
        stop("no memory for the image", path);
    memcpy(base, file, U32(headers + 0x54));
    for (int i = 0; i < U16(headers + 6); i++, section += 40)
        memcpy(base + U32(section + 12), file + U32(section + 20), U32(section + 16));
    relocate(base, headers);
    RtlAddFunctionTable(base + U32(headers + 0xa0), U32(headers + 0xa4) / 12, (ULONGLONG)base); /* for __try */
    bind(base, U32(headers + 0x90));
    return (driver_entry)(void *)(base + U32(headers + 0x28));
}
