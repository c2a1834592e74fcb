/* Loading, the worker's messages, and their limits. */
#include "harness.h"

void test_loading(void)
{
    static const char *const imports[] = {"FltRegisterFilter", "FltStartFiltering", "PsSetCreateProcessNotifyRoutineEx",
        "FltBuildDefaultSecurityDescriptor", "FltCreateCommunicationPort"};

    for (size_t i = 0; i < RTL_NUMBER_OF(imports); i++) {
        kernel.fail = imports[i];
        CHECK(!NT_SUCCESS(load()));
        kernel.fail = NULL;
        CHECK(!kernel.registration && !kernel.notify && !kernel.message && !kernel.lock_there && memory.outstanding == 0);
        check_balance();
    }

    CHECK(load() == STATUS_SUCCESS);
    CHECK(kernel.registration->Version == FLT_REGISTRATION_VERSION);
    CHECK(kernel.filtering && kernel.notify && kernel.message);
    /* Every kind of volume, a network share too: a volume without the driver would show the host. */
    CHECK(kernel.registration->InstanceSetupCallback(NULL, 0, FILE_DEVICE_DISK_FILE_SYSTEM, 2) == STATUS_SUCCESS);
    CHECK(kernel.registration->InstanceSetupCallback(NULL, 0, FILE_DEVICE_NETWORK_FILE_SYSTEM, 4) == STATUS_SUCCESS);
    CHECK(kernel.registration->InstanceSetupCallback(NULL, 0, FILE_DEVICE_CD_ROM_FILE_SYSTEM, 5) == STATUS_SUCCESS);
    CHECK(kernel.registration->InstanceQueryTeardownCallback(NULL, 0) == STATUS_SUCCESS);
    CHECK(open_read(100, V3 L"\\src\\a.c") == PASSED);
    connect_worker();
    unload_clean();

    /* Not away while a process is tracked; unless the system insists. */
    load_ready();
    CHECK(send_process(1, 100) == STATUS_SUCCESS);
    CHECK(kernel.registration->FilterUnloadCallback(0) == STATUS_FLT_DO_NOT_DETACH && kernel.registration);
    CHECK(kernel.registration->InstanceQueryTeardownCallback(NULL, 0) == STATUS_FLT_DO_NOT_DETACH);
    kernel.client_ports = 0;
    CHECK(kernel.registration->FilterUnloadCallback(FLTFL_FILTER_UNLOAD_MANDATORY) == STATUS_SUCCESS);
    CHECK(!kernel.registration && !kernel.notify && memory.outstanding == 0);
}

static void malformed(void)
{
    struct reprflt_add_rule rule = {.header = header(REPRFLT_ADD_RULE, sizeof rule), .action = 1, .kind = REPRFLT_HOST};
    struct reprflt_hello hello = {header(REPRFLT_HELLO, sizeof hello)};
    struct reprflt_query_statistics query = {header(REPRFLT_QUERY_STATISTICS, sizeof query)};
    struct reprflt_statistics counted;
    PVOID nowhere = (PVOID)0x10, kernels = (PVOID)0xffff800000000000ull;
    ULONG returned;

    CHECK(send(&hello, 4, NULL, 0) == STATUS_INVALID_PARAMETER);
    CHECK(send(&rule, sizeof rule - 1, NULL, 0) == STATUS_INVALID_PARAMETER);
    CHECK(kernel.message(NULL, NULL, sizeof hello, NULL, 0, &returned) == STATUS_INVALID_PARAMETER);
    CHECK(kernel.message(NULL, user_page, sizeof rule + 8, NULL, 0, &returned) == STATUS_INVALID_PARAMETER);
    hello.header.size = 20;
    CHECK(send(&hello, sizeof hello, &counted, sizeof(struct reprflt_welcome)) == STATUS_INVALID_PARAMETER);
    hello.header = header(0, sizeof hello);
    CHECK(send(&hello, sizeof hello, NULL, 0) == STATUS_INVALID_PARAMETER);
    hello.header = header(8, sizeof hello);
    CHECK(send(&hello, sizeof hello, NULL, 0) == STATUS_INVALID_PARAMETER);
    hello.header = header(0xffffffff, sizeof hello);
    CHECK(send(&hello, sizeof hello, NULL, 0) == STATUS_INVALID_PARAMETER);
    rule.header.version = 2;
    CHECK(send(&rule, sizeof rule, NULL, 0) == STATUS_REVISION_MISMATCH);
    rule.header = header(REPRFLT_ADD_RULE, sizeof rule);
    rule.path_length = REPRFLT_PATH_CHARS + 1;
    CHECK(send(&rule, sizeof rule, NULL, 0) == STATUS_INVALID_PARAMETER);
    rule.path_length = 0xffffffff;
    CHECK(send(&rule, sizeof rule, NULL, 0) == STATUS_INVALID_PARAMETER);
    rule.path_length = 0;
    rule.target_length = REPRFLT_PATH_CHARS + 1;
    CHECK(send(&rule, sizeof rule, NULL, 0) == STATUS_INVALID_PARAMETER);
    CHECK(send(&query, sizeof query, &counted, sizeof counted - 1) == STATUS_BUFFER_TOO_SMALL);
    CHECK(send(&query, sizeof query, NULL, 0) == STATUS_BUFFER_TOO_SMALL);

    /* Addresses that are none: an exception within the driver, not a crash. */
    CHECK(kernel.message(NULL, nowhere, sizeof hello, NULL, 0, &returned) == STATUS_ACCESS_VIOLATION);
    CHECK(kernel.message(NULL, kernels, sizeof hello, NULL, 0, &returned) == STATUS_ACCESS_VIOLATION);
    CHECK(kernel.message(NULL, user_page + USER_PAGE_SIZE - 8, sizeof hello, NULL, 0, &returned) == STATUS_ACCESS_VIOLATION);
    memcpy(kernel_page, &query, sizeof query);
    CHECK(kernel.message(NULL, kernel_page, sizeof query, user_page, sizeof counted, &returned) == STATUS_ACCESS_VIOLATION);
    user_write(0, &query, sizeof query);
    CHECK(kernel.message(NULL, user_page, sizeof query, nowhere, sizeof counted, &returned) == STATUS_ACCESS_VIOLATION && returned == 0);
    CHECK(kernel.message(NULL, user_page, sizeof query, kernels, sizeof counted, &returned) == STATUS_ACCESS_VIOLATION);
    CHECK(kernel.message(NULL, user_page, sizeof query, kernel_page, sizeof counted, &returned) == STATUS_ACCESS_VIOLATION);
    CHECK(!memcmp(kernel_page, &query, sizeof query));
    check_balance();
}

void test_messages(void)
{
    struct reprflt_welcome welcome;
    struct reprflt_hello strange = {header(REPRFLT_HELLO, sizeof strange)};
    struct reprflt_add_process late = {header(REPRFLT_ADD_PROCESS, sizeof late), 1, 104, 5};
    ULONG running;

    load_ready();
    CHECK(send_hello(&welcome) == STATUS_SUCCESS && welcome.version == REPRFLT_VERSION);
    CHECK(welcome.max_actions == 256 && welcome.max_processes == 4096 && welcome.max_rules == 64 && welcome.max_volumes == 32);
    strange.header.version = 99; /* a newer worker learns which driver it has */
    CHECK(send(&strange, sizeof strange, &welcome, sizeof welcome) == STATUS_SUCCESS && welcome.version == REPRFLT_VERSION);
    malformed();

    CHECK(send_volume(L"\\Device\\HarddiskVolume4", L"\\w") == STATUS_FLT_INSTANCE_NOT_FOUND);
    CHECK(send_volume(L"\\Device\\HarddiskVolume5", L"\\w") == STATUS_FLT_INSTANCE_NOT_FOUND);
    CHECK(send_volume(V3, L"\\other") == STATUS_OBJECT_NAME_COLLISION);
    volumes[2].attached = TRUE;
    CHECK(send_volume(L"\\Device\\HarddiskVolume4", L"w") == STATUS_INVALID_PARAMETER);
    CHECK(send_volume(L"\\Device\\HarddiskVolume4", L"\\w") == STATUS_SUCCESS);
    volumes[2].attached = FALSE;

    CHECK(send_begin(0, L"a0") == STATUS_INVALID_PARAMETER);
    CHECK(send_begin(2, L"..") == STATUS_INVALID_PARAMETER);
    CHECK(send_begin(2, L"a\\b") == STATUS_INVALID_PARAMETER);
    CHECK(send_begin(1, L"other") == STATUS_OBJECT_NAME_COLLISION);
    CHECK(send_begin(2, L"A1") == STATUS_OBJECT_NAME_COLLISION);

    CHECK(send_rule(9, REPRFLT_HOST, V3 L"\\x", L"") == STATUS_NOT_FOUND);
    CHECK(send_rule(1, 3, V3 L"\\x", L"") == STATUS_INVALID_PARAMETER);
    CHECK(send_rule(1, REPRFLT_HOST, V3 L"\\x", L"x") == STATUS_INVALID_PARAMETER);
    CHECK(send_rule(1, REPRFLT_REDIRECT, V3 L"\\x", L"..\\a2") == STATUS_INVALID_PARAMETER);
    CHECK(send_rule(1, REPRFLT_HOST, V3 L"\\WINDOWS", L"") == STATUS_OBJECT_NAME_COLLISION);
    CHECK(send_rule(1, REPRFLT_REDIRECT, L"\\Device\\HarddiskVolume7", L"E") == STATUS_OBJECT_PATH_NOT_FOUND);

    CHECK(send_process(9, 100) == STATUS_NOT_FOUND);
    CHECK(send_process(1, 5000) == STATUS_INVALID_CID);
    CHECK(send(&late, sizeof late, NULL, 0) == STATUS_INVALID_CID); /* its number was given to another process since */
    CHECK(send_process(1, 100) == STATUS_SUCCESS);
    CHECK(send_process(1, 100) == STATUS_OBJECT_NAME_COLLISION);
    CHECK(send_rule(1, REPRFLT_HOST, V3 L"\\x", L"") == STATUS_INVALID_DEVICE_STATE);

    CHECK(send_end(9, &running) == STATUS_NOT_FOUND);
    CHECK(send_end(1, &running) == STATUS_SUCCESS && running == 1);
    CHECK(send_end(1, &running) == STATUS_NOT_FOUND);
    CHECK(send_begin(1, L"a1") == STATUS_SUCCESS);
    CHECK(statistics().actions == 1 && statistics().orphans == 1 && statistics().processes == 1);
    unload_clean();
}

void test_limits(void)
{
    WCHAR text[32];
    NTSTATUS status = STATUS_SUCCESS;
    ULONG running, i;

    load_ready();
    for (i = 2; i <= 256 && NT_SUCCESS(status); i++) {
        swprintf(text, RTL_NUMBER_OF(text), L"a%d", (int)i);
        status = send_begin(i, text);
    }
    CHECK(status == STATUS_SUCCESS && statistics().actions == 256);
    CHECK(send_begin(257, L"a257") == STATUS_INSUFFICIENT_RESOURCES);
    CHECK(send_end(7, &running) == STATUS_SUCCESS && running == 0);
    CHECK(send_begin(257, L"a257") == STATUS_SUCCESS);
    for (i = 0; i < 61 && NT_SUCCESS(status); i++) {
        swprintf(text, RTL_NUMBER_OF(text), L"\\Device\\Tools%d", (int)i);
        status = send_rule(1, REPRFLT_HOST, text, L"");
    }
    CHECK(status == STATUS_SUCCESS);
    CHECK(send_rule(1, REPRFLT_HOST, L"\\Device\\One", L"") == STATUS_INSUFFICIENT_RESOURCES);

    /* A full table: no process is created that would not be tracked. */
    CHECK(send_process(1, 100) == STATUS_SUCCESS);
    for (i = 0; i < 4095 && NT_SUCCESS(status); i++)
        status = process_created(1000 + 4 * i, 100, 100);
    CHECK(status == STATUS_SUCCESS && statistics().processes == 4096 && statistics().inherited == 4095);
    CHECK(process_created(900, 1000, 100) == STATUS_INSUFFICIENT_RESOURCES && statistics().refused == 1);
    CHECK(process_created(904, 5, 5) == STATUS_SUCCESS); /* a stranger's is not the driver's business */
    CHECK(send_process(1, 104) == STATUS_INSUFFICIENT_RESOURCES);
    process_ended(1000);
    CHECK(process_created(900, 1004, 100) == STATUS_SUCCESS);
    unload_clean();
}
