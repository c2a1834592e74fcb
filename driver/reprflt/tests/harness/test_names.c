/* Queried names, renames and links, and what happens without memory. */
#include "harness.h"

#define NAME_SIZE(chars) (FIELD_OFFSET(FILE_NAME_INFORMATION, FileName) + (chars) * sizeof(WCHAR))
#define PARENT L"\\repr\\work\\a1\\C\\src"

static union {
    FILE_NAME_INFORMATION name;
    FILE_ALL_INFORMATION all;
    UCHAR bytes[70000];
} answer;

static int says(const FILE_NAME_INFORMATION *name, const WCHAR *expected)
{
    return name->FileNameLength == wcslen(expected) * sizeof(WCHAR) && !memcmp(name->FileName, expected, name->FileNameLength);
}

static void attributes(void)
{
    struct fake_file file = {.path = L"\\repr\\work\\a1\\C\\src\\a.c"};
    ULONG size = FIELD_OFFSET(FILE_ALL_INFORMATION, NameInformation) + NAME_SIZE(8);
    IO_STATUS_BLOCK result;

    CHECK(query(100, 0, &file, FileAllInformation, &answer, size, &result) == REDIRECTED && result.Status == STATUS_SUCCESS);
    CHECK(says(&answer.all.NameInformation, L"\\src\\a.c") && result.Information == size);
    CHECK(answer.all.BasicInformation.FileAttributes == 0x11111111 && answer.all.EaInformation.EaSize == 0x11111111);
    CHECK(answer.all.PositionInformation.CurrentByteOffset.LowPart == 0x11111111);
    /* The I/O manager has filled these in. */
    CHECK(answer.all.AccessInformation.AccessFlags == 0x5a5a5a5a && answer.all.ModeInformation.Mode == 0x5a5a5a5a);
    CHECK(answer.all.AlignmentInformation.AlignmentRequirement == 0x5a5a5a5a);
    CHECK(query(100, 0, &file, FileAllInformation, &answer, size - 2, &result) == REDIRECTED && result.Status == STATUS_BUFFER_OVERFLOW);
    CHECK(answer.all.NameInformation.FileNameLength == 16 && result.Information == size - 2);
    CHECK(query(100, 0, &file, FileAllInformation, &answer, FIELD_OFFSET(FILE_ALL_INFORMATION, NameInformation), &result) == PASSED);
}

static void short_buffers(void)
{
    static WCHAR grown[3000];
    struct fake_file file = {.path = L"\\repr\\work\\a1\\C\\src\\a.c"};
    IO_STATUS_BLOCK result;

    /* What the staging path would not fit into, the requester's may. */
    CHECK(query(100, 0, &file, FileNameInformation, &answer, NAME_SIZE(8), &result) == REDIRECTED && result.Status == STATUS_SUCCESS);
    CHECK(says(&answer.name, L"\\src\\a.c") && result.Information == NAME_SIZE(8));
    for (ULONG size = 0; size < NAME_SIZE(8); size++) {
        enum outcome outcome = query(100, 0, &file, FileNameInformation, &answer, size, &result);

        if (size < 4)
            CHECK(outcome == PASSED);
        else
            CHECK(outcome == REDIRECTED && result.Status == STATUS_BUFFER_OVERFLOW && answer.name.FileNameLength == 16 &&
                  result.Information == (size & ~1u) && !memcmp(answer.name.FileName, L"\\src\\a.c", (size & ~1u) - 4));
    }

    wcscpy(grown, L"\\repr\\work\\a1\\C\\");
    for (size_t i = wcslen(grown); i < 2999; i++)
        grown[i] = L'y';
    file.path = grown;
    CHECK(query(100, 0, &file, FileNameInformation, &answer, sizeof answer, &result) == REDIRECTED);
    CHECK(answer.name.FileNameLength == (2999 - 15) * 2 && answer.name.FileName[1] == L'y');
    file.path = grown + 1; /* renamed between two queries: longer the second time */
    file.longer_by = 1;
    CHECK(query(100, 0, &file, FileNameInformation, &answer, sizeof answer, &result) == PASSED);
}

void test_names(void)
{
    static WCHAR device[200];
    struct fake_volume long_device = {device, TRUE, 0};
    struct fake_file file = {.path = L"\\repr\\work\\a1\\C\\src\\a.c"};
    IO_STATUS_BLOCK result;
    ULONGLONG before;
    ULONG running;

    load_ready();
    CHECK(send_rule(1, REPRFLT_REDIRECT, V3 L"\\repr\\drives\\X", L"X") == STATUS_SUCCESS);
    CHECK(send_process(1, 100) == STATUS_SUCCESS && send_process(1, 108) == STATUS_SUCCESS);
    before = statistics().names;
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == REDIRECTED && says(&answer.name, L"\\src\\a.c"));
    CHECK(result.Status == STATUS_SUCCESS && result.Information == NAME_SIZE(8));
    CHECK(query(100, 0, &file, FileNormalizedNameInformation, &answer, 1000, &result) == REDIRECTED && says(&answer.name, L"\\src\\a.c"));
    CHECK(statistics().names == before + 2);
    CHECK(query(104, 0, &file, FileNameInformation, &answer, 1000, &result) == PASSED);
    CHECK(query(100, FLTFL_CALLBACK_DATA_GENERATED_IO, &file, FileNameInformation, &answer, 1000, &result) == PASSED);
    CHECK(query(100, 0, &file, FileStandardInformation, &answer, 1000, &result) == PASSED);
    CHECK(query(100, 0, &file, FileStreamInformation, &answer, 1000, &result) == PASSED);
    file.path = L"\\repr\\work\\a1\\C";
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == REDIRECTED && says(&answer.name, L"\\"));
    file.path = L"\\repr\\work\\a1\\X\\f";
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == REDIRECTED && says(&answer.name, L"\\repr\\drives\\X\\f"));
    file.path = L"\\repr\\work\\a1";
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == PASSED);
    file.path = L"\\Windows\\x";
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == PASSED);
    file.path = L"\\repr\\work\\a2\\C\\x";
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == FAILED && result.Status == STATUS_ACCESS_DENIED);
    file.status = STATUS_ACCESS_VIOLATION;
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == PASSED);
    attributes();
    short_buffers();

    request_volume = &volumes[1];
    file = (struct fake_file){.path = L"\\w\\a1\\D\\y"};
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == REDIRECTED && says(&answer.name, L"\\y"));
    for (size_t i = 0; i < 199; i++)
        device[i] = L'v';
    request_volume = &long_device;
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == PASSED);
    request_volume = &volumes[0];

    CHECK(send_end(1, &running) == STATUS_SUCCESS);
    file.path = L"\\repr\\work\\a1\\C\\x";
    CHECK(query(100, 0, &file, FileNameInformation, &answer, 1000, &result) == FAILED && result.Status == STATUS_ACCESS_DENIED);
    unload_clean();
}

void test_renames(void)
{
    static const FILE_INFORMATION_CLASS classes[] = {
        FileRenameInformation, FileRenameInformationEx, FileLinkInformation, FileLinkInformationEx};
    static WCHAR deep[3000];
    struct fake_file parent = {.path = PARENT}, other = {.path = L"\\repr\\work\\a2\\C"}, host = {.path = L"\\Windows"};
    NTSTATUS status;
    ULONG running;

    load_ready();
    CHECK(send_process(1, 100) == STATUS_SUCCESS && send_process(1, 108) == STATUS_SUCCESS);
    for (size_t i = 0; i < RTL_NUMBER_OF(classes); i++) {
        CHECK(rename_to(100, classes[i], &parent, NULL, L"\\??\\C:\\src\\new.c", &status) == REDIRECTED && status == STATUS_SUCCESS);
        CHECK(!wcscmp(kernel.set_name, V3 PARENT L"\\new.c") && kernel.set_class == classes[i]);
        CHECK(kernel.set_flags == 3 && !kernel.set_root);
    }
    CHECK(statistics().renames == 4);
    CHECK(rename_to(100, FileRenameInformation, &parent, NULL, L"\\??\\C:\\src\\directory\\", &status) == REDIRECTED);
    CHECK(!wcscmp(kernel.set_name, V3 PARENT L"\\directory"));
    kernel.set_status = STATUS_OBJECT_NAME_COLLISION; /* the file system's answer is the request's */
    CHECK(rename_to(100, FileRenameInformation, &parent, NULL, L"\\??\\C:\\src\\new.c", &status) == REDIRECTED &&
          status == STATUS_OBJECT_NAME_COLLISION);
    kernel.set_status = STATUS_SUCCESS;
    CHECK(rename_to(100, FileRenameInformation, NULL, NULL, L"new.c", &status) == PASSED);
    CHECK(rename_to(100, FileRenameInformation, &parent, (HANDLE)8, L"new.c", &status) == PASSED && kernel.set_calls == 0);
    CHECK(rename_to(104, FileRenameInformation, &parent, NULL, L"\\??\\C:\\src\\new.c", &status) == PASSED);
    CHECK(rename_to(100, FileDispositionInformation, &parent, NULL, L"x", &status) == PASSED);
    CHECK(rename_to(100, FileRenameInformation, &other, NULL, L"\\??\\C:\\x", &status) == FAILED && status == STATUS_ACCESS_DENIED);
    CHECK(rename_to(100, FileRenameInformation, &other, (HANDLE)8, L"x", &status) == FAILED && status == STATUS_ACCESS_DENIED);
    CHECK(rename_to(100, FileLinkInformation, &host, NULL, L"\\??\\C:\\Windows\\x", &status) == FAILED && status == STATUS_ACCESS_DENIED);
    CHECK(kernel.set_calls == 0);
    parent.status = STATUS_FILE_CLOSED;
    CHECK(rename_to(100, FileRenameInformation, &parent, NULL, L"\\??\\C:\\src\\new.c", &status) == FAILED && status == STATUS_FILE_CLOSED);
    wcscpy(deep, PARENT L"\\");
    for (size_t i = wcslen(deep); i < 2999; i++)
        deep[i] = L'd';
    parent = (struct fake_file){.path = deep};
    CHECK(rename_to(100, FileRenameInformation, &parent, NULL, L"\\??\\C:\\new.c", &status) == REDIRECTED);
    CHECK(wcslen(kernel.set_name) == wcslen(V3) + 2999 + wcslen(L"\\new.c"));

    CHECK(send_end(1, &running) == STATUS_SUCCESS);
    CHECK(rename_to(100, FileRenameInformation, NULL, NULL, L"new.c", &status) == FAILED && status == STATUS_ACCESS_DENIED);
    unload_clean();
}

/* Each request with each of its allocations failing: it fails, and nothing is let through or lost. */
void test_memory(void)
{
    struct fake_file parent = {.path = PARENT}, file = {.path = PARENT L"\\a.c"};
    struct reprflt_welcome welcome;
    IO_STATUS_BLOCK result;
    NTSTATUS status;
    int needed;

    load_ready();
    CHECK(send_process(1, 100) == STATUS_SUCCESS);
    for (needed = 0; needed < 10; needed++) {
        memory.fail_after = needed;
        if (open_file((struct open){.process = 100, .name = V3 L"\\x"}, &status) != FAILED)
            break;
        CHECK(status == STATUS_INSUFFICIENT_RESOURCES);
    }
    CHECK(needed == 1);
    for (needed = 0; needed < 10; needed++) {
        memory.fail_after = needed;
        if (query(100, 0, &file, FileNameInformation, &answer, 1000, &result) != FAILED)
            break;
        CHECK(result.Status == STATUS_INSUFFICIENT_RESOURCES);
    }
    CHECK(needed == 2);
    for (needed = 0; needed < 10; needed++) {
        memory.fail_after = needed;
        if (rename_to(100, FileRenameInformation, &parent, NULL, L"\\??\\C:\\src\\n", &status) != FAILED)
            break;
        CHECK(status == STATUS_INSUFFICIENT_RESOURCES);
    }
    CHECK(needed == 2);
    for (needed = 0; needed < 10; needed++) {
        memory.fail_after = needed;
        status = send_begin(2, L"a2");
        if (NT_SUCCESS(status))
            break;
        CHECK(status == STATUS_INSUFFICIENT_RESOURCES);
    }
    CHECK(needed == 2);
    memory.fail_after = 0;
    CHECK(send_hello(&welcome) == STATUS_INSUFFICIENT_RESOURCES);
    memory.fail_after = -1;
    CHECK(send_hello(&welcome) == STATUS_SUCCESS && statistics().actions == 2);
    unload_clean();
}
