namespace Repr.Bench.Peers;

/// <summary>Which tools run side by side, and where their files lie.</summary>
/// <param name="Tools">Names, of <see cref="Toolbox.All"/>; in this order they are started.</param>
/// <param name="State">Directory of logs, caches and stores.</param>
/// <param name="IncludeServer">The script that starts the include server of distcc-pump.</param>
/// <param name="Repr">The published program.</param>
/// <param name="Slots">Compiles that a worker runs at the same time.</param>
/// <param name="RoundTrip">Added between the requester's side and the workers; zero: nothing.</param>
internal sealed record PeerOptions(
    IReadOnlyList<string> Tools, string State, string IncludeServer, string Repr, int Slots, TimeSpan RoundTrip = default);
