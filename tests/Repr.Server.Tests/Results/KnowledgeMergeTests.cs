using System.Text;
using Google.Protobuf;
using Repr.Server.Results.Shared;

namespace Repr.Server.Tests.Results;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>What a home makes of what workers tell it.</summary>
public sealed class KnowledgeMergeTests
{
    private readonly List<Finding> _findings = [];
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch.AddDays(1000);
    private Knowledge? _known;

    [Fact]
    public void Results_of_many_workers_that_agree_are_one()
    {
        Tell(Run("a", "same"));
        Tell(Run("b", "same"));
        Tell(Run("a", "same"));

        Assert.Equal(["a", "b"], Assert.Single(_known!.Results).Workers);
        Assert.Single(_known.PathSets);
        Assert.Empty(_findings);
    }

    [Fact]
    public void Of_two_workers_that_differ_neither_is_given_and_a_third_decides()
    {
        Tell(Run("a", "right"));
        Tell(Run("liar", "wrong"));

        Finding disputed = Assert.Single(_findings);
        Assert.Equal((FindingKind.Disputed, "a liar"), (disputed.Kind, string.Join(' ', disputed.Workers)));
        Assert.Equal(["/p/out"], disputed.Differences);
        Assert.Equal(2, _known!.Results.Count);

        _findings.Clear();
        Tell(Run("b", "right"));
        Finding odd = Assert.Single(_findings);
        Assert.Equal((FindingKind.OddWorker, "liar"), (odd.Kind, Assert.Single(odd.Workers)));
        Assert.Equal(["a", "b"], odd.Others.Order());
        SharedResult holds = Assert.Single(_known.Results, result => KnowledgeMerge.Holds(result, _known.Results));
        Assert.Equal("right", holds.Result.Outputs[0].SymlinkTarget);

        // It was the tool: the odd one leaves something else the next time.
        _findings.Clear();
        Tell(Run("liar", "right"));
        Assert.Equal(FindingKind.NotRepeatable, Assert.Single(_findings).Kind);
        Assert.Empty(_known.Results);
    }

    [Fact]
    public void A_worker_that_differs_from_itself_or_three_that_do_are_no_workers_fault()
    {
        Tell(Run("a", "1"));
        Tell(Run("a", "2"));
        Assert.Equal(FindingKind.NotRepeatable, Assert.Single(_findings).Kind);
        Assert.Empty(_known!.Results);
        Assert.Single(_known.Refused);

        // For a week.
        Tell(Run("b", "3"));
        Assert.Empty(_known.Results);
        _now += TimeSpan.FromDays(7);
        Tell(Run("b", "3"));
        Assert.Single(_known.Results);

        _findings.Clear();
        Tell(Run("a", "4"));
        Tell(Run("c", "5"));
        Assert.Equal([FindingKind.Disputed, FindingKind.NotRepeatable], _findings.Select(static finding => finding.Kind));
        Assert.Empty(_known.Results);
    }

    [Fact]
    public void Other_inputs_are_other_results()
    {
        Tell(Run("a", "1", strong: "x"));
        Tell(Run("a", "2", strong: "y"));
        Tell(Run("b", "3", strong: "z", paths: ["/q"]));

        Assert.Empty(_findings);
        Assert.Equal(["z", "y", "x"], _known!.Results.Select(static result => result.Strong.ToStringUtf8()));
        Assert.Equal(2, _known.PathSets.Count);
        Assert.Equal("/q", _known.PathSets[(int)_known.Results[0].PathSet].Inputs[0].Path);
    }

    [Fact]
    public void What_is_known_is_bounded_and_the_oldest_goes()
    {
        string[] paths = [.. Enumerable.Range(0, 3000).Select(static index => $"/usr/include/some/rather/long/path/to/a/header/{index:0000}.h")];
        for (int run = 0; run < 40; run++)
        {
            Tell(Run("a", $"{run}", strong: $"s{run}", paths: [.. paths, $"/{run}"]));
            Assert.InRange(_known!.CalculateSize(), 0, KnowledgeMerge.MaximumBytes);
        }

        Assert.InRange(_known!.Results.Count, 2, KnowledgeMerge.MaximumResults);
        Assert.Equal("s39", _known.Results[0].Strong.ToStringUtf8());
    }

    [Fact]
    public void Likely_inputs_are_those_that_most_runs_looked_at()
    {
        for (int run = 0; run < 100; run++)
        {
            Knowledge told = new();
            told.Likely.Add(new LikelyInput { Path = "/usr/include/stdio.h", Kind = ObservedInput.Types.Kind.Read });
            told.Likely.Add(new LikelyInput { Path = $"/once/{run}", Kind = ObservedInput.Types.Kind.Absent });
            Tell(told);
        }

        Assert.InRange(_known!.Runs, 32u, 64u);
        Assert.Equal(_known.Runs, _known.Likely.Single(static input => input.Path == "/usr/include/stdio.h").Runs);
        Assert.InRange(_known.Likely.Count, 1, 70);
        Assert.All(_known.Likely.Where(static input => input.Path.StartsWith("/once", StringComparison.Ordinal)), input => Assert.True(input.Runs * 4 < _known.Runs));
    }

    [Fact]
    public void What_points_nowhere_is_nothing()
    {
        Knowledge told = Run("a", "x");
        told.Results[0].PathSet = 7;
        Tell(told);
        Tell(new Knowledge { Results = { new SharedResult() } });

        Assert.Empty(_known!.Results);
    }

    [Fact]
    public void A_name_and_a_message_are_of_one_farm()
    {
        KnowledgeSeal seal = new("one"u8);
        KnowledgeSeal other = new("two"u8);
        Repr.Digest name = seal.NameOf(Repr.Digest.Compute("shape"u8));
        Assert.NotEqual(name, other.NameOf(Repr.Digest.Compute("shape"u8)));

        byte[] message = seal.Seal(name, "what"u8);
        Assert.Equal("what", Encoding.UTF8.GetString(seal.TryOpen(name, message)!.Value.Span));
        Assert.Null(other.TryOpen(name, message));
        Assert.Null(seal.TryOpen(seal.NameOf(Repr.Digest.Compute("another"u8)), message));
        Assert.Null(seal.TryOpen(name, message.AsMemory(0, 20)));
        message[^1]++;
        Assert.Null(seal.TryOpen(name, message));
    }

    private static Knowledge Run(string worker, string left, string strong = "strong", string[]? paths = null)
    {
        PathSet set = new();
        set.Inputs.AddRange((paths ?? ["/p"]).Select(static path => new ObservedInput { Path = path, Kind = ObservedInput.Types.Kind.Read }));
        return new Knowledge
        {
            PathSets = { set },
            Results =
            {
                new SharedResult
                {
                    Command = ByteString.CopyFromUtf8("command"),
                    Strong = ByteString.CopyFromUtf8(strong),
                    Outcome = ByteString.CopyFromUtf8(left),
                    Workers = { worker },
                    Result = new KnownResult { WorkerId = worker, Outputs = { new Output { Path = "/p/out", SymlinkTarget = left } } },
                },
            },
        };
    }

    private void Tell(Knowledge told)
    {
        (_known, IReadOnlyList<Finding> findings) = KnowledgeMerge.Merge(_known, told, _now);
        _findings.AddRange(findings);
    }
}
