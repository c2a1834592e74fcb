namespace Repr.Workspaces;

/// <summary>Error numbers of Linux (errno(3)) for x86-64 and arm64.</summary>
internal static class Errno
{
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int Again = 11;
    public const int Access = 13;
    public const int IsDirectory = 21;
    public const int NoDevice = 19;
    public const int Invalid = 22;
    public const int ReadOnly = 30;
    public const int NameTooLong = 36;
    public const int NotImplemented = 38;
    public const int ConnectionReset = 104;
}
