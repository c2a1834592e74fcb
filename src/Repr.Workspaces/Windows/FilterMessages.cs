using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Repr.Workspaces.Windows;

// The messages of driver/reprflt/include/reprflt_protocol.h, which is their specification. A test compiles that header and compares sizes
// and offsets; a change there is a new version.

/// <summary>Which message it is: <c>enum reprflt_type</c>.</summary>
internal enum FilterMessageType : uint
{
    Hello = 1,
    AddVolume = 2,
    BeginAction = 3,
    AddRule = 4,
    AddProcess = 5,
    EndAction = 6,
    QueryStatistics = 7,
}

/// <summary>What a rule says: <c>enum reprflt_rule_kind</c>.</summary>
internal enum FilterRuleKind : uint
{
    /// <summary>The path is found in the action's staging directory.</summary>
    Redirect = 1,

    /// <summary>The path is the worker's own, to be read.</summary>
    Host = 2,
}

/// <summary>What has a fixed length in the header.</summary>
internal static class FilterProtocol
{
    /// <summary>REPRFLT_PORT_NAME.</summary>
    public const string PortName = @"\ReprFlt";

    /// <summary>REPRFLT_VERSION.</summary>
    public const uint Version = 1;

    /// <summary>REPRFLT_DEVICE_CHARS.</summary>
    public const int DeviceCharacters = 128;

    /// <summary>REPRFLT_PATH_CHARS.</summary>
    public const int PathCharacters = 512;

    /// <summary>REPRFLT_NAME_CHARS.</summary>
    public const int NameCharacters = 64;
}

/// <summary>A text of a message, at most <see cref="FilterProtocol.DeviceCharacters"/>.</summary>
[InlineArray(FilterProtocol.DeviceCharacters)]
internal struct DeviceText
{
    private ushort _first;
}

/// <summary>A text of a message, at most <see cref="FilterProtocol.PathCharacters"/>.</summary>
[InlineArray(FilterProtocol.PathCharacters)]
internal struct PathText
{
    private ushort _first;
}

/// <summary>A text of a message, at most <see cref="FilterProtocol.NameCharacters"/>.</summary>
[InlineArray(FilterProtocol.NameCharacters)]
internal struct NameText
{
    private ushort _first;
}

/// <summary><c>struct reprflt_header</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterHeader
{
    public uint Size;
    public uint Version;
    public FilterMessageType Type;
    public uint Reserved;
}

/// <summary><c>struct reprflt_hello</c>, <c>struct reprflt_query_statistics</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterQuestion
{
    public FilterHeader Header;
}

/// <summary><c>struct reprflt_welcome</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterWelcome
{
    public uint Version;
    public uint MaxVolumes;
    public uint MaxActions;
    public uint MaxProcesses;
    public uint MaxRules;
    public uint MaxRuleText;
}

/// <summary><c>struct reprflt_add_volume</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterAddVolume
{
    public FilterHeader Header;
    public uint DeviceLength;
    public uint RootLength;
    public DeviceText Device;
    public PathText Root;
}

/// <summary><c>struct reprflt_begin_action</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterBeginAction
{
    public FilterHeader Header;
    public ulong Action;
    public uint NameLength;
    public uint Reserved;
    public NameText Name;
}

/// <summary><c>struct reprflt_add_rule</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterAddRule
{
    public FilterHeader Header;
    public ulong Action;
    public FilterRuleKind Kind;
    public uint PathLength;
    public uint TargetLength;
    public uint Reserved;
    public PathText Path;
    public PathText Target;
}

/// <summary><c>struct reprflt_add_process</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterAddProcess
{
    public FilterHeader Header;
    public ulong Action;
    public ulong Process;
    public ulong Created;
}

/// <summary><c>struct reprflt_end_action</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterEndAction
{
    public FilterHeader Header;
    public ulong Action;
}

/// <summary><c>struct reprflt_ended</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterEnded
{
    public uint Running;
    public uint Reserved;
}

/// <summary><c>struct reprflt_statistics</c>: counts since the driver was loaded.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FilterStatistics
{
    public ulong Opens;
    public ulong Redirected;
    public ulong Host;
    public ulong Denied;
    public ulong Failed;
    public ulong Renames;
    public ulong Names;
    public ulong Inherited;
    public ulong Refused;
    public uint Actions;
    public uint Processes;
    public uint Orphans;
    public uint Reserved;
}
