namespace Repr;

/// <summary>Why an action has no verdict. The numbers are those of FailureCode in protos/repr/v1/session.proto.</summary>
public enum ReprErrorCode
{
    /// <summary>The other side, or something it needs, is not there. Try again, or elsewhere.</summary>
    Unavailable = 1,

    /// <summary>No free slot or no space. Try again later.</summary>
    Exhausted = 2,

    /// <summary>The request itself is wrong. Trying again does not help.</summary>
    InvalidRequest = 3,

    /// <summary>The requester's read policy refused a file.</summary>
    Refused = 4,

    /// <summary>An input changed or could not be read while it was used.</summary>
    InvalidInput = 5,

    /// <summary>The requester cancelled.</summary>
    Cancelled = 6,

    /// <summary>A blob is missing although it was promised, or its content is not what its digest says.</summary>
    Corrupt = 7,

    /// <summary>A defect of ours.</summary>
    Internal = 8,

    /// <summary>The other side does not know who asks, or can't be known itself. Trying again does not help.</summary>
    Unauthenticated = 9,

    /// <summary>The other side knows who asks and does not allow it. Trying again does not help.</summary>
    PermissionDenied = 10,
}

/// <summary>
/// An infrastructure failure: the action has no verdict. Never used for what the tool itself says.
/// The message is one sentence for a person: what was tried, on what, and what to do.
/// </summary>
public sealed class ReprException : Exception
{
    /// <summary>Makes an infrastructure failure.</summary>
    public ReprException(ReprErrorCode code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>What kind of failure it is.</summary>
    public ReprErrorCode Code { get; }
}
