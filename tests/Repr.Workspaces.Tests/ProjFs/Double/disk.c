/* The disk below the double, and its lock, on both systems. */
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#endif
#include "double.h"

#ifdef _WIN32
static SRWLOCK the_lock = SRWLOCK_INIT;
static CONDITION_VARIABLE the_change = CONDITION_VARIABLE_INIT;
void lock(void) { AcquireSRWLockExclusive(&the_lock); }
void unlock(void) { ReleaseSRWLockExclusive(&the_lock); }
void wait_changed(void) { SleepConditionVariableSRW(&the_change, &the_lock, INFINITE, 0); }
void broadcast_changed(void) { WakeAllConditionVariable(&the_change); }
void *aligned_get(size_t size) { return VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE); }
void aligned_free(void *memory) { VirtualFree(memory, 0, MEM_RELEASE); }

static wch *absolute(const wch *root, const wch *path) {
    static const wch prefix[] = {'\\', '\\', '?', '\\', 0};
    wch *inner = wjoin(root, path), *whole = malloc((wlen(inner) + 5) * sizeof(wch));
    memcpy(whole, prefix, 4 * sizeof(wch));
    memcpy(whole + 4, inner, (wlen(inner) + 1) * sizeof(wch));
    if (!*path)
        whole[4 + wlen(root)] = 0;
    free(inner);
    return whole;
}

static HANDLE open_file(const wch *root, const wch *path, DWORD access, DWORD disposition) {
    wch *whole = absolute(root, path);
    HANDLE file = CreateFileW((const WCHAR *)whole, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, disposition,
        FILE_FLAG_BACKUP_SEMANTICS, NULL);
    free(whole);
    return file;
}

int disk_directory(const wch *root, const wch *path) {
    wch *whole = absolute(root, path);
    int ok = CreateDirectoryW((const WCHAR *)whole, NULL);
    free(whole);
    return ok ? 0 : -1;
}

int disk_time(const wch *root, const wch *path, int64_t time) {
    HANDLE file = open_file(root, path, FILE_WRITE_ATTRIBUTES, OPEN_EXISTING);
    FILETIME t = {(DWORD)time, (DWORD)(time >> 32)};
    int ok = file != INVALID_HANDLE_VALUE && SetFileTime(file, NULL, NULL, &t);
    CloseHandle(file);
    return ok ? 0 : -1;
}

int disk_file(const wch *root, const wch *path, int64_t size, int64_t time) {
    HANDLE file = open_file(root, path, GENERIC_WRITE, CREATE_ALWAYS);
    LARGE_INTEGER end = {.QuadPart = size};
    int ok = file != INVALID_HANDLE_VALUE && SetFilePointerEx(file, end, NULL, FILE_BEGIN) && SetEndOfFile(file);
    CloseHandle(file);
    return ok && (!time || !disk_time(root, path, time)) ? 0 : -1;
}

/* Wine makes no symbolic links: an empty file stands for it. */
int disk_link(const wch *root, const wch *path, const wch *target) {
    (void)target;
    return disk_file(root, path, 0, 0);
}

int disk_write(const wch *root, const wch *path, uint64_t offset, const void *data, uint32_t length) {
    HANDLE file = open_file(root, path, GENERIC_WRITE, OPEN_EXISTING);
    LARGE_INTEGER at = {.QuadPart = (LONGLONG)offset};
    DWORD written = 0;
    int ok = file != INVALID_HANDLE_VALUE && SetFilePointerEx(file, at, NULL, FILE_BEGIN) && WriteFile(file, data, length, &written, NULL) && written == length;
    CloseHandle(file);
    return ok ? 0 : -1;
}

int64_t disk_read(const wch *root, const wch *path, uint64_t offset, void *data, uint32_t length) {
    HANDLE file = open_file(root, path, GENERIC_READ, OPEN_EXISTING);
    LARGE_INTEGER at = {.QuadPart = (LONGLONG)offset};
    DWORD count = 0;
    int ok = file != INVALID_HANDLE_VALUE && SetFilePointerEx(file, at, NULL, FILE_BEGIN) && ReadFile(file, data, length, &count, NULL);
    CloseHandle(file);
    return ok ? (int64_t)count : -1;
}

int64_t disk_size(const wch *root, const wch *path) {
    HANDLE file = open_file(root, path, FILE_READ_ATTRIBUTES, OPEN_EXISTING);
    LARGE_INTEGER size = {.QuadPart = -1};
    if (file != INVALID_HANDLE_VALUE && !GetFileSizeEx(file, &size))
        size.QuadPart = 0;
    CloseHandle(file);
    return size.QuadPart;
}

int disk_remove(const wch *root, const wch *path, int is_directory) {
    wch *whole = absolute(root, path);
    int ok = is_directory ? RemoveDirectoryW((const WCHAR *)whole) : DeleteFileW((const WCHAR *)whole);
    free(whole);
    return ok ? 0 : -1;
}

int disk_move(const wch *root, const wch *from, const wch *to) {
    wch *a = absolute(root, from), *b = absolute(root, to);
    int ok = MoveFileExW((const WCHAR *)a, (const WCHAR *)b, MOVEFILE_REPLACE_EXISTING);
    free(a);
    free(b);
    return ok ? 0 : -1;
}

int disk_hard_link(const wch *root, const wch *from, const wch *to) {
    wch *a = absolute(root, from), *b = absolute(root, to);
    int ok = CreateHardLinkW((const WCHAR *)b, (const WCHAR *)a, NULL);
    free(a);
    free(b);
    return ok ? 0 : -1;
}

#else
static pthread_mutex_t the_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t the_change = PTHREAD_COND_INITIALIZER;
void lock(void) { pthread_mutex_lock(&the_lock); }
void unlock(void) { pthread_mutex_unlock(&the_lock); }
void wait_changed(void) { pthread_cond_wait(&the_change, &the_lock); }
void broadcast_changed(void) { pthread_cond_broadcast(&the_change); }
void *aligned_get(size_t size) { return aligned_alloc(4096, (size + 4095) / 4096 * 4096); }
void aligned_free(void *memory) { free(memory); }

/* UTF-8, with slashes. */
static char *narrow(const wch *text) {
    char *out = malloc(wlen(text) * 4 + 1), *at = out;
    for (; *text; text++) {
        uint32_t c = *text == '\\' ? '/' : *text;
        if (c >= 0xd800 && c < 0xdc00 && text[1] >= 0xdc00 && text[1] < 0xe000)
            c = 0x10000 + ((c - 0xd800) << 10) + (uint32_t)(*++text - 0xdc00);
        if (c < 0x80)
            *at++ = (char)c;
        else if (c < 0x800) {
            *at++ = (char)(0xc0 | c >> 6);
            *at++ = (char)(0x80 | (c & 63));
        } else if (c < 0x10000) {
            *at++ = (char)(0xe0 | c >> 12);
            *at++ = (char)(0x80 | (c >> 6 & 63));
            *at++ = (char)(0x80 | (c & 63));
        } else {
            *at++ = (char)(0xf0 | c >> 18);
            *at++ = (char)(0x80 | (c >> 12 & 63));
            *at++ = (char)(0x80 | (c >> 6 & 63));
            *at++ = (char)(0x80 | (c & 63));
        }
    }
    *at = 0;
    return out;
}

static char *absolute(const wch *root, const wch *path) {
    wch *whole = *path ? wjoin(root, path) : wcopy(root);
    char *out = narrow(whole);
    free(whole);
    return out;
}

int disk_directory(const wch *root, const wch *path) {
    char *whole = absolute(root, path);
    int result = mkdir(whole, 0777);
    free(whole);
    return result;
}

int disk_time(const wch *root, const wch *path, int64_t time) {
    char *whole = absolute(root, path);
    int64_t unix_time = time - 116444736000000000;
    struct timespec times[2] = {{0, UTIME_OMIT}, {unix_time / 10000000, unix_time % 10000000 * 100}};
    int result = utimensat(AT_FDCWD, whole, times, AT_SYMLINK_NOFOLLOW);
    free(whole);
    return result;
}

int disk_file(const wch *root, const wch *path, int64_t size, int64_t time) {
    char *whole = absolute(root, path);
    int file = open(whole, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666), result = file < 0 ? -1 : ftruncate(file, size);
    if (file >= 0)
        close(file);
    free(whole);
    return !result && time ? disk_time(root, path, time) : result;
}

int disk_link(const wch *root, const wch *path, const wch *target) {
    char *whole = absolute(root, path), *to = narrow(target);
    int result = symlink(to, whole);
    free(whole);
    free(to);
    return result;
}

int disk_write(const wch *root, const wch *path, uint64_t offset, const void *data, uint32_t length) {
    char *whole = absolute(root, path);
    int file = open(whole, O_WRONLY | O_CLOEXEC), ok = file >= 0 && pwrite(file, data, length, (off_t)offset) == (ssize_t)length;
    if (file >= 0)
        close(file);
    free(whole);
    return ok ? 0 : -1;
}

int64_t disk_read(const wch *root, const wch *path, uint64_t offset, void *data, uint32_t length) {
    char *whole = absolute(root, path);
    int file = open(whole, O_RDONLY | O_CLOEXEC);
    int64_t count = file < 0 ? -1 : pread(file, data, length, (off_t)offset);
    if (file >= 0)
        close(file);
    free(whole);
    return count;
}

int64_t disk_size(const wch *root, const wch *path) {
    char *whole = absolute(root, path);
    struct stat status;
    int64_t size = lstat(whole, &status) ? -1 : status.st_size;
    free(whole);
    return size;
}

int disk_remove(const wch *root, const wch *path, int is_directory) {
    char *whole = absolute(root, path);
    int result = is_directory ? rmdir(whole) : unlink(whole);
    free(whole);
    return result;
}

int disk_move(const wch *root, const wch *from, const wch *to) {
    char *a = absolute(root, from), *b = absolute(root, to);
    int result = rename(a, b);
    free(a);
    free(b);
    return result;
}

int disk_hard_link(const wch *root, const wch *from, const wch *to) {
    char *a = absolute(root, from), *b = absolute(root, to);
    int result = link(a, b);
    free(a);
    free(b);
    return result;
}
#endif
