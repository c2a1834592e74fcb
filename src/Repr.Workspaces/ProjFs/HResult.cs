namespace Repr.Workspaces.ProjFs;

/// <summary>Answers to the file system. Each is HRESULT_FROM_WIN32 of the ERROR_ constant of its name (winerror.h), but for the first.</summary>
internal static class HResult
{
    public const int Ok = 0;
    public const int FileNotFound = unchecked((int)0x80070002);
    public const int PathNotFound = unchecked((int)0x80070003);
    public const int AccessDenied = unchecked((int)0x80070005);
    public const int InvalidHandle = unchecked((int)0x80070006);
    public const int HandleDiskFull = unchecked((int)0x80070027);
    public const int FileExists = unchecked((int)0x80070050);
    public const int InvalidParameter = unchecked((int)0x80070057);
    public const int DiskFull = unchecked((int)0x80070070);
    public const int InsufficientBuffer = unchecked((int)0x8007007A);
    public const int AlreadyExists = unchecked((int)0x800700B7);
    public const int OperationAborted = unchecked((int)0x800703E3);
    public const int IoPending = unchecked((int)0x800703E5);
    public const int InternalError = unchecked((int)0x8007054F);
    public const int NotEnoughMemory = unchecked((int)0x80070008);
}
