namespace Repr.Build;

/// <summary>Codes of the messages that the tasks write themselves. The requester process has more; all are in the SDK's README.</summary>
internal static class MessageCodes
{
    /// <summary>The requester process or the worker speaks another version.</summary>
    public const string VersionMismatch = "REPR1103";

    /// <summary>The requester process could not be started, or died.</summary>
    public const string RequesterGone = "REPR1301";

    /// <summary>$(ReprEndpoint) is not an endpoint.</summary>
    public const string MalformedEndpoint = "REPR2001";

    /// <summary>An item of @(ReprExecPattern) has a malformed regular expression.</summary>
    public const string MalformedPattern = "REPR2003";

    /// <summary>A parameter of a task has a value that means nothing.</summary>
    public const string MalformedParameter = "REPR2004";

    /// <summary>A C++ toolset is unknown, or one of its programs is not installed.</summary>
    public const string UnusableToolset = "REPR2005";

    /// <summary>A signal ended the tool.</summary>
    public const string ToolSignalled = "REPR2401";

    /// <summary>The tool ran longer than the task's time-out.</summary>
    public const string ToolTimedOut = "REPR2402";
}
