namespace Repr.Requester.Actions;

/// <summary>The codes under which a client tells the user why an action has no remote verdict.</summary>
internal static class MessageCodes
{
    /// <summary>The worker cannot be reached.</summary>
    public const string WorkerUnreachable = "REPR1101";

    /// <summary>The worker has no free slot or no space.</summary>
    public const string WorkerFull = "REPR1102";

    /// <summary>Worker and requester speak different versions.</summary>
    public const string VersionsDoNotTalk = "REPR1103";

    /// <summary>The worker does not know this requester, or nothing can be shown to it.</summary>
    public const string RequesterNotKnown = "REPR1104";

    /// <summary>The worker knows this requester and does not allow it.</summary>
    public const string NotAllowed = "REPR1105";

    /// <summary>TLS: the requester does not trust the worker, or they do not understand each other.</summary>
    public const string WorkerNotTrusted = "REPR1106";

    /// <summary>Discovery knows no worker.</summary>
    public const string NoWorkerFound = "REPR1107";

    /// <summary>The worker that a farm's endpoint names is no part of a farm.</summary>
    public const string NoFarm = "REPR1108";

    /// <summary>The farm has no worker for the action.</summary>
    public const string NoWorkerFits = "REPR1109";

    /// <summary>The action is faster on this machine.</summary>
    public const string FasterHere = "REPR1110";

    /// <summary>The action took much longer on its worker than expected, and runs on this machine.</summary>
    public const string TakenBack = "REPR1111";

    /// <summary>The connection was lost while the action ran, again and again.</summary>
    public const string ActionLost = "REPR1201";

    /// <summary>A blob was lost or damaged, again and again.</summary>
    public const string BlobLost = "REPR1202";

    /// <summary>The content store that is shared with the worker cannot be used; the action runs without it.</summary>
    public const string SharedStoreAway = "REPR1203";

    /// <summary>The worker does not have the requester's shared store; the action runs without it.</summary>
    public const string StoreNotShared = "REPR1204";

    /// <summary>A command left something else than before in the same world; its results are not kept any more.</summary>
    public const string NotRepeatable = "REPR1205";

    /// <summary>No worker has the content of a placeholder any more.</summary>
    public const string PlaceholderLost = "REPR1210";

    /// <summary>Placeholders are not possible on this machine; everything is downloaded.</summary>
    public const string NoPlaceholders = "REPR1211";

    /// <summary>The requester process stops.</summary>
    public const string RequesterStopped = "REPR1301";

    /// <summary>The requester's settings file is wrong.</summary>
    public const string WrongSettings = "REPR1302";

    /// <summary>The endpoint is malformed.</summary>
    public const string MalformedEndpoint = "REPR2001";

    /// <summary>The request is malformed.</summary>
    public const string MalformedRequest = "REPR2002";

    /// <summary>The read policy refused a file.</summary>
    public const string FileRefused = "REPR2101";

    /// <summary>The worker returned an output that was not declared.</summary>
    public const string OutputRefused = "REPR2102";

    /// <summary>An output could not be written to the disk.</summary>
    public const string OutputNotWritten = "REPR2103";

    /// <summary>A tool changed something outside of what it may change.</summary>
    public const string WriteLost = "REPR2104";

    /// <summary>An input changes while it is read, or cannot be read.</summary>
    public const string InputChanges = "REPR2201";

    /// <summary>A defect of the worker or of the requester.</summary>
    public const string InternalFailure = "REPR2301";

    /// <summary>The code of a failure of which nothing more is known.</summary>
    public static string Of(ReprErrorCode code) => code switch
    {
        ReprErrorCode.Unavailable => ActionLost,
        ReprErrorCode.Exhausted => WorkerFull,
        ReprErrorCode.InvalidRequest => MalformedRequest,
        ReprErrorCode.Refused => FileRefused,
        ReprErrorCode.InvalidInput => InputChanges,
        ReprErrorCode.Corrupt => BlobLost,
        ReprErrorCode.Unauthenticated => RequesterNotKnown,
        ReprErrorCode.PermissionDenied => NotAllowed,
        _ => InternalFailure,
    };
}
