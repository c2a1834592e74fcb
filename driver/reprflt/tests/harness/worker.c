/* The worker's side: loading, connecting, and the messages. */
#include "harness.h"

static driver_entry entry;
static UCHAR driver_object[512];

static void set_text(reprflt_u16 *into, reprflt_u32 *length, const WCHAR *text)
{
    *length = (reprflt_u32)wcslen(text);
    memcpy(into, text, *length * sizeof(WCHAR));
}

NTSTATUS load(void)
{
    if (!entry)
        entry = map_driver(getenv("REPRFLT_SYS") ? getenv("REPRFLT_SYS") : "reprflt.sys");
    return entry((PDRIVER_OBJECT)driver_object, NULL);
}

void connect_worker(void)
{
    PVOID connection = &connection;

    CHECK(kernel.connect((PFLT_PORT)0x3000, NULL, NULL, 0, &connection) == STATUS_SUCCESS && !connection);
    kernel.client_ports++;
}

void load_ready(void)
{
    for (ULONG i = 0; i < RTL_NUMBER_OF(processes); i++)
        processes[i] = (struct fake_process){100 + 4 * i, 1000 + i, 0};
    CHECK(load() == STATUS_SUCCESS);
    connect_worker();
    CHECK(send_volume(V3, L"\\repr\\work") == STATUS_SUCCESS);
    CHECK(send_volume(L"\\Device\\HarddiskVolume33", L"\\w") == STATUS_SUCCESS);
    CHECK(send_begin(1, L"a1") == STATUS_SUCCESS);
    CHECK(send_rule(1, REPRFLT_REDIRECT, V3, L"C") == STATUS_SUCCESS);
    CHECK(send_rule(1, REPRFLT_REDIRECT, L"\\Device\\HarddiskVolume33", L"D") == STATUS_SUCCESS);
    CHECK(send_rule(1, REPRFLT_HOST, V3 L"\\Windows", L"") == STATUS_SUCCESS);
}

void unload_clean(void)
{
    if (kernel.client_ports > 0)
        kernel.disconnect(NULL);
    for (ULONG id = 4; id < 20000; id += 4)
        process_ended(id);
    CHECK(kernel.registration->FilterUnloadCallback(0) == STATUS_SUCCESS);
    CHECK(!kernel.registration && !kernel.notify && !kernel.message && !kernel.lock_there && !kernel.filtering);
    CHECK(memory.outstanding == 0);
    check_balance();
}

void check_balance(void)
{
    INVARIANT(kernel.lock_shared == 0 && kernel.lock_exclusive == 0);
    INVARIANT(kernel.names == 0 && kernel.descriptors == 0);
    for (size_t i = 0; i < RTL_NUMBER_OF(volumes); i++)
        INVARIANT(volumes[i].references == 0);
    for (size_t i = 0; i < RTL_NUMBER_OF(processes); i++)
        INVARIANT(processes[i].references == 0);
}

struct reprflt_header header(ULONG type, ULONG size)
{
    return (struct reprflt_header){size, REPRFLT_VERSION, type, 0};
}

NTSTATUS send(void *message, ULONG size, void *reply, ULONG reply_size)
{
    ULONG returned = 77;
    int before = memory.in_use;
    ULONG type = size >= sizeof(struct reprflt_header) ? ((struct reprflt_header *)message)->type : 0;
    NTSTATUS status;

    user_write(0, message, size);
    status = kernel.message(NULL, user_page, size, reply ? user_page + 4096 : NULL, reply_size, &returned);
    check_balance();
    INVARIANT(returned == 0 || (NT_SUCCESS(status) && returned <= reply_size));
    if (type != REPRFLT_BEGIN_ACTION && type != REPRFLT_END_ACTION) /* these take and give back a map */
        INVARIANT(memory.in_use == before);
    if (reply && NT_SUCCESS(status)) {
        INVARIANT(returned == reply_size);
        user_read(reply, 4096, returned);
    }
    return status;
}

NTSTATUS send_hello(struct reprflt_welcome *welcome)
{
    struct reprflt_hello message = {header(REPRFLT_HELLO, sizeof message)};

    return send(&message, sizeof message, welcome, sizeof *welcome);
}

NTSTATUS send_volume(const WCHAR *device, const WCHAR *root)
{
    struct reprflt_add_volume message = {.header = header(REPRFLT_ADD_VOLUME, sizeof message)};

    set_text(message.device, &message.device_length, device);
    set_text(message.root, &message.root_length, root);
    return send(&message, sizeof message, NULL, 0);
}

NTSTATUS send_begin(ULONGLONG action, const WCHAR *name)
{
    struct reprflt_begin_action message = {.header = header(REPRFLT_BEGIN_ACTION, sizeof message), .action = action};

    set_text(message.name, &message.name_length, name);
    return send(&message, sizeof message, NULL, 0);
}

NTSTATUS send_rule(ULONGLONG action, ULONG kind, const WCHAR *path, const WCHAR *target)
{
    struct reprflt_add_rule message = {.header = header(REPRFLT_ADD_RULE, sizeof message), .action = action, .kind = kind};

    set_text(message.path, &message.path_length, path);
    set_text(message.target, &message.target_length, target);
    return send(&message, sizeof message, NULL, 0);
}

NTSTATUS send_process(ULONGLONG action, ULONG process)
{
    struct reprflt_add_process message = {header(REPRFLT_ADD_PROCESS, sizeof message), action, process, 1000 + (process - 100) / 4};

    return send(&message, sizeof message, NULL, 0);
}

NTSTATUS send_end(ULONGLONG action, ULONG *running)
{
    struct reprflt_end_action message = {header(REPRFLT_END_ACTION, sizeof message), action};
    struct reprflt_ended ended = {99, 99};
    NTSTATUS status = send(&message, sizeof message, &ended, sizeof ended);

    *running = ended.running;
    return status;
}

struct reprflt_statistics statistics(void)
{
    struct reprflt_query_statistics message = {header(REPRFLT_QUERY_STATISTICS, sizeof message)};
    struct reprflt_statistics counted = {0};

    CHECK(send(&message, sizeof message, &counted, sizeof counted) == STATUS_SUCCESS);
    return counted;
}
