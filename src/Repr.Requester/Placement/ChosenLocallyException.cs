namespace Repr.Requester.Placement;

/// <summary>An action runs on this machine because that is faster; nothing went wrong, and no worker writes anything for it any more.</summary>
internal sealed class ChosenLocallyException : Exception
{
    /// <summary>Makes it.</summary>
    /// <param name="messageCode">As in "REPR1110".</param>
    /// <param name="message">Why, for people.</param>
    public ChosenLocallyException(string messageCode, string message)
        : base(message) =>
        MessageCode = messageCode;

    /// <summary>As in "REPR1110".</summary>
    public string MessageCode { get; }
}
