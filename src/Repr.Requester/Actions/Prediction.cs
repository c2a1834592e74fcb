namespace Repr.Requester.Actions;

/// <summary>What an action will probably look at.</summary>
/// <param name="Own">To be looked at for this action.</param>
/// <param name="Shared">Shared with others; null: nothing is.</param>
internal sealed record Prediction(IReadOnlyList<ObservedInput> Own, SharedInputs? Shared)
{
    /// <summary>Nothing is known.</summary>
    public static Prediction None { get; } = new([], null);
}
