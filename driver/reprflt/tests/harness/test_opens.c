/* Opens, and the process tree that decides whose they are. */
#include "harness.h"

static void by_name(void)
{
    NTSTATUS status;

    CHECK(open_read(104, V3 L"\\src\\a.c") == PASSED); /* nobody's */
    CHECK(open_read(0, V3 L"\\src\\a.c") == PASSED);   /* the system's */
    CHECK(redirects_to(100, V3 L"\\src\\a.c", S3 L"\\C\\src\\a.c"));
    CHECK(kernel.name_options == (FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_DEFAULT));
    CHECK(redirects_to(100, L"\\DEVICE\\harddiskvolume3\\src\\a.c:s", S3 L"\\C\\src\\a.c:s"));
    CHECK(redirects_to(100, V3 L"\\", S3 L"\\C\\"));
    CHECK(redirects_to(100, L"\\Device\\HarddiskVolume33\\x", L"\\Device\\HarddiskVolume33\\w\\a1\\D\\x"));
    CHECK(open_read(100, S3 L"\\C\\src\\a.c") == PASSED); /* as it comes back */
    CHECK(redirects_to(100, S3 L"\\C\\Windows\\x", V3 L"\\Windows\\x")); /* relative to C:\\ */
    CHECK(denied((struct open){.process = 100, .name = S3 L"\\C\\repr\\work\\a2"}));
    CHECK(denied((struct open){.process = 100, .name = V3 L"\\repr\\work\\a2\\C\\x"}));
    CHECK(denied((struct open){.process = 100, .name = V3 L"\\repr\\work"}));
    CHECK(denied((struct open){.process = 100, .name = L"\\Device\\HarddiskVolume4\\x"}));
    CHECK(denied((struct open){.process = 100, .name = L"\\Device\\Mup\\server\\share\\x"}));
    CHECK(open_file((struct open){.process = 100, .name = V3 L"\\src\\..\\x"}, &status) == FAILED && status == STATUS_OBJECT_NAME_INVALID);
    CHECK(open_file((struct open){.process = 100, .name = NULL}, &status) == FAILED && status == STATUS_FLT_INVALID_NAME_REQUEST);
    CHECK(open_file((struct open){.process = 100, .name = V3 L"\\p", .flags = SL_OPEN_PAGING_FILE}, &status) == PASSED);

    /* The target of a rename: its last component too. */
    CHECK(open_file((struct open){.process = 100, .name = V3 L"\\src\\new.c", .access = WRITE, .flags = SL_OPEN_TARGET_DIRECTORY},
              &status) == REDIRECTED);
    CHECK(!wcscmp(kernel.replaced, S3 L"\\C\\src\\new.c") && !(kernel.name_flags & SL_OPEN_TARGET_DIRECTORY));
    CHECK(kernel.name_options == (FLT_FILE_NAME_OPENED | FLT_FILE_NAME_QUERY_FILESYSTEM_ONLY));
    CHECK(denied((struct open){.process = 100, .name = V3 L"\\Windows\\new", .access = SYNCHRONIZE, .flags = SL_OPEN_TARGET_DIRECTORY}));

    kernel.fail = "IoReplaceFileObjectName";
    CHECK(open_file((struct open){.process = 100, .name = V3 L"\\x"}, &status) == FAILED && status == STATUS_INSUFFICIENT_RESOURCES);
    kernel.fail = NULL;
}

static void long_names(void)
{
    static WCHAR name[32768];
    NTSTATUS status;

    wcscpy(name, V3 L"\\");
    for (size_t i = wcslen(name); i < 5000; i++)
        name[i] = L'x';
    CHECK(open_read(100, name) == REDIRECTED && wcslen(kernel.replaced) == 5000 + wcslen(L"\\repr\\work\\a1\\C"));
    for (size_t i = 5000; i < 32760; i++)
        name[i] = L'x';
    CHECK(open_file((struct open){.process = 100, .name = name}, &status) == FAILED && status == STATUS_NAME_TOO_LONG);
}

/* The worker's own files may be read, and nothing else. */
static void of_the_host(void)
{
    static const ACCESS_MASK changing[] = {FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_WRITE_EA, FILE_WRITE_ATTRIBUTES, FILE_DELETE_CHILD,
        DELETE, WRITE_DAC, WRITE_OWNER, MAXIMUM_ALLOWED, GENERIC_WRITE, GENERIC_ALL};
    static const ULONG creating[] = {FILE_SUPERSEDE, FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE, FILE_OVERWRITE_IF};
    const WCHAR *file = V3 L"\\Windows\\System32\\ntdll.dll";

    CHECK(open_read(100, file) == PASSED);
    for (size_t i = 0; i < RTL_NUMBER_OF(changing); i++)
        CHECK(denied((struct open){.process = 100, .name = file, .access = changing[i] | FILE_READ_DATA}));
    for (size_t i = 0; i < RTL_NUMBER_OF(creating); i++)
        CHECK(denied((struct open){.process = 100, .name = file, .disposition = DISPOSITION(creating[i])}));
    CHECK(denied((struct open){.process = 100, .name = file, .options = FILE_DELETE_ON_CLOSE}));
}

static void of_volumes(void)
{
    NTSTATUS status;

    CHECK(open_file((struct open){.process = 100, .access = FILE_READ_ATTRIBUTES, .file_flags = FO_VOLUME_OPEN}, &status) == PASSED);
    CHECK(denied((struct open){.process = 100, .access = FILE_READ_DATA, .file_flags = FO_VOLUME_OPEN}));
    CHECK(denied((struct open){.process = 100, .access = GENERIC_READ, .file_flags = FO_VOLUME_OPEN}));
    CHECK(open_file((struct open){.process = 100, .name = V3, .access = SYNCHRONIZE}, &status) == PASSED);
    CHECK(denied((struct open){.process = 100, .name = V3, .access = FILE_WRITE_DATA}));
    CHECK(denied((struct open){.process = 100, .name = V3 L":$Bitmap"}));
}

static void by_number(void)
{
    struct open open = {.process = 100, .options = FILE_OPEN_BY_FILE_ID};
    NTSTATUS status;

    open.by_id = S3 L"\\C\\src\\a.c";
    CHECK(open_file(open, &status) == PASSED);
    CHECK(kernel.name_options == (FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT));
    open.access = WRITE;
    CHECK(open_file(open, &status) == PASSED);
    open.by_id = V3 L"\\Windows\\win.ini";
    CHECK(denied(open));
    open.access = READ;
    CHECK(open_file(open, &status) == PASSED);
    open.by_id = V3 L"\\secret.txt"; /* the host's, since it was not redirected */
    CHECK(denied(open));
    open.by_id = V3 L"\\repr\\work\\a2\\C\\x";
    CHECK(denied(open));
    open.by_id = NULL;
    CHECK(open_file(open, &status) == FAILED && status == STATUS_FLT_INVALID_NAME_REQUEST);
    open.opened = STATUS_INVALID_PARAMETER; /* the file system refuses: that is left as it is */
    CHECK(open_file(open, &status) == FAILED && status == STATUS_INVALID_PARAMETER);
    open.opened = STATUS_REPARSE;
    CHECK(open_file(open, &status) == PASSED && status == STATUS_REPARSE);
    open.opened = STATUS_SUCCESS;
    open.disposition = DISPOSITION(FILE_OVERWRITE); /* would be done when the name is known */
    CHECK(denied(open));
    open.disposition = 0;
    open.options |= FILE_DELETE_ON_CLOSE;
    CHECK(denied(open));
    CHECK(kernel.registration->OperationRegistration[0].PostOperation(NULL, NULL, NULL, FLTFL_POST_OPERATION_DRAINING) ==
          FLT_POSTOP_FINISHED_PROCESSING);
}

void test_opens(void)
{
    struct reprflt_statistics before, after;

    load_ready();
    CHECK(send_process(1, 100) == STATUS_SUCCESS);
    by_name();
    long_names();
    of_the_host();
    of_volumes();
    by_number();

    before = statistics();
    (void)open_read(100, V3 L"\\src\\a.c");
    (void)open_read(100, S3 L"\\C\\src\\a.c");
    (void)open_read(100, V3 L"\\Windows\\x");
    (void)open_read(100, V3 L"\\repr\\work\\a2");
    (void)open_read(100, V3 L"\\..");
    (void)open_read(104, V3 L"\\src\\a.c");
    after = statistics();
    CHECK(after.opens == before.opens + 5 && after.redirected == before.redirected + 1 && after.host == before.host + 1);
    CHECK(after.denied == before.denied + 1 && after.failed == before.failed + 1);
    unload_clean();
}

static FLT_PREOP_CALLBACK_STATUS network_query_open(ULONG process)
{
    static FLT_CALLBACK_DATA data;
    static FLT_RELATED_OBJECTS objects;
    PVOID context;

    kernel.requestor = process;
    return kernel.registration->OperationRegistration[1].PreOperation(&data, &objects, &context);
}

void test_processes(void)
{
    ULONG running;

    load_ready();
    CHECK(kernel.registration->OperationRegistration[1].MajorFunction == IRP_MJ_NETWORK_QUERY_OPEN);
    CHECK(process_created(200, 100, 100) == STATUS_SUCCESS && open_read(200, V3 L"\\x") == PASSED); /* 100 is not ours yet */
    CHECK(send_process(1, 100) == STATUS_SUCCESS);
    CHECK(send_begin(2, L"a2") == STATUS_SUCCESS && send_rule(2, REPRFLT_REDIRECT, V3, L"C") == STATUS_SUCCESS);
    CHECK(send_process(2, 104) == STATUS_SUCCESS);
    CHECK(network_query_open(100) == FLT_PREOP_DISALLOW_FASTIO && network_query_open(112) == FLT_PREOP_SUCCESS_NO_CALLBACK);

    CHECK(process_created(200, 100, 100) == STATUS_SUCCESS && redirects_to(200, V3 L"\\x", S3 L"\\C\\x"));
    CHECK(process_created(204, 200, 4) == STATUS_SUCCESS && redirects_to(204, V3 L"\\x", S3 L"\\C\\x")); /* names another parent */
    CHECK(process_created(208, 4, 204) == STATUS_SUCCESS && redirects_to(208, V3 L"\\x", S3 L"\\C\\x")); /* created for it */
    CHECK(process_created(212, 104, 100) == STATUS_SUCCESS && redirects_to(212, V3 L"\\x", V3 L"\\repr\\work\\a2\\C\\x"));
    CHECK(denied((struct open){.process = 212, .name = S3 L"\\C\\x"}));
    CHECK(denied((struct open){.process = 200, .name = V3 L"\\repr\\work\\a2\\C\\x"}));
    process_ended(200);
    CHECK(open_read(200, V3 L"\\x") == PASSED);
    CHECK(redirects_to(204, V3 L"\\x", S3 L"\\C\\x")); /* outlives its parent */
    CHECK(statistics().processes == 5 && statistics().inherited == 4);

    /* The action ends, its processes do not: they see nothing, the host least of all. */
    CHECK(send_end(1, &running) == STATUS_SUCCESS && running == 3);
    CHECK(denied((struct open){.process = 204, .name = V3 L"\\x"}));
    CHECK(denied((struct open){.process = 204, .name = V3 L"\\Windows\\x"}));
    CHECK(denied((struct open){.process = 204, .name = S3 L"\\C\\x"}));
    CHECK(denied((struct open){.process = 204, .access = SYNCHRONIZE, .file_flags = FO_VOLUME_OPEN}));
    CHECK(denied((struct open){.process = 204, .options = FILE_OPEN_BY_FILE_ID, .by_id = S3}));
    CHECK(network_query_open(204) == FLT_PREOP_DISALLOW_FASTIO);
    CHECK(process_created(216, 204, 204) == STATUS_SUCCESS && denied((struct open){.process = 216, .name = V3 L"\\x"}));
    CHECK(redirects_to(104, V3 L"\\x", V3 L"\\repr\\work\\a2\\C\\x")); /* the other action goes on */
    CHECK(send_begin(3, L"a1") == STATUS_SUCCESS && denied((struct open){.process = 204, .name = S3 L"\\C\\x"})); /* same slot, same name */

    /* The worker is gone. */
    kernel.disconnect(NULL);
    CHECK(kernel.client_ports == 0);
    CHECK(denied((struct open){.process = 104, .name = V3 L"\\x"}));
    CHECK(denied((struct open){.process = 104, .name = V3 L"\\Windows\\x"}));
    CHECK(open_read(112, V3 L"\\x") == PASSED);
    CHECK(kernel.registration->FilterUnloadCallback(0) == STATUS_FLT_DO_NOT_DETACH);

    /* The next one finds nothing of it but the orphans. */
    connect_worker();
    CHECK(statistics().actions == 0 && statistics().orphans == 6 && statistics().processes == 6);
    CHECK(send_begin(1, L"a1") == STATUS_SUCCESS);
    CHECK(send_rule(1, REPRFLT_REDIRECT, V3, L"C") == STATUS_OBJECT_PATH_NOT_FOUND);
    CHECK(send_volume(V3, L"\\repr\\work") == STATUS_SUCCESS && send_rule(1, REPRFLT_REDIRECT, V3, L"C") == STATUS_SUCCESS);
    CHECK(send_process(1, 112) == STATUS_SUCCESS && redirects_to(112, V3 L"\\x", S3 L"\\C\\x"));
    CHECK(denied((struct open){.process = 104, .name = V3 L"\\x"}));
    process_ended(104);
    CHECK(open_read(104, V3 L"\\x") == PASSED && statistics().orphans == 5);
    unload_clean();
}
