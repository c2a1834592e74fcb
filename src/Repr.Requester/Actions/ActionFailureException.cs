namespace Repr.Requester.Actions;

/// <summary>
/// An action has no verdict, and which message code says so is known already. The message is one sentence for a person.
/// </summary>
internal sealed class ActionFailureException : Exception
{
    /// <summary>Makes a failure.</summary>
    public ActionFailureException(string messageCode, ReprErrorCode code, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        MessageCode = messageCode;
        Code = code;
    }

    /// <summary>As in "REPR1101".</summary>
    public string MessageCode { get; }

    /// <summary>What kind of failure it is.</summary>
    public ReprErrorCode Code { get; }
}
