using Repr.Protocol.V1;
using CoreDigest = Repr.Digest;
using WirePathSet = Repr.Protocol.V1.PathSet;

namespace Repr.Server.Results.Shared;

/// <summary>What a worker tells of a run. Pure.</summary>
internal static class RunNews
{
    /// <summary>A result.</summary>
    /// <param name="run">The run.</param>
    /// <param name="paths">The bytes of its path set.</param>
    /// <param name="strong">Its strong fingerprint.</param>
    /// <param name="result">The result as it is kept.</param>
    public static Knowledge Of(FinishedRun run, byte[] paths, CoreDigest strong, KnownResult result) => new()
    {
        PathSets = { WirePathSet.Parser.ParseFrom(paths) },
        Results =
        {
            new SharedResult
            {
                Command = Fingerprint.ToBytes(run.Weak),
                Strong = Fingerprint.ToBytes(strong),
                Result = result,
                Outcome = Fingerprint.ToBytes(RunComparison.OutcomeOf(run)),
                Workers = { result.WorkerId },
            },
        },
    };

    /// <summary>A command that is not repeatable.</summary>
    public static Knowledge Refused(CoreDigest weak, DateTimeOffset now) => new()
    {
        Refused = { new RefusedCommand { Command = Fingerprint.ToBytes(weak), SinceUnixMs = now.ToUnixTimeMilliseconds() } },
    };
}
