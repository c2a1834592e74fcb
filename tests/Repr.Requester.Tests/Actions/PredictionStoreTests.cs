using Repr.Requester.Actions;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

/// <summary>What is remembered of earlier runs when a later one looked at something else.</summary>
public sealed class PredictionStoreTests : IDisposable
{
    private static readonly Digest s_cold = Digest.Compute("cold"u8);
    private static readonly Digest s_warm = Digest.Compute("warm"u8);

    private readonly TemporaryDirectory _files = new();
    private readonly PredictionStore _predictions;
    private readonly ActionRequest _request;

    public PredictionStoreTests()
    {
        _predictions = NewStore();
        Wire.Run run = new() { Endpoint = "http://worker:1", Command = new Wire.Command { WorkingDirectory = "/src", Arguments = { "/bin/csc" } }, PredictionKey = "Csc a" };
        _request = ActionRequest.Parse(run, RequesterFixture.Predictors);
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void What_a_warm_tool_no_longer_looks_at_is_not_forgotten()
    {
        Learn(s_cold, Sources(8, ObservedKind.Read), ("/lib/loader.so", ObservedKind.Read), ("/lib/nothing", ObservedKind.Absent));

        Learn(s_warm, Sources(8, ObservedKind.Stated));

        Dictionary<VirtualPath, ObservedKind> found = Find(_predictions);
        Assert.Equal(10, found.Count);
        Assert.Equal(ObservedKind.Read, found[VirtualPath.Parse("/lib/loader.so")]);
        Assert.Equal(ObservedKind.Read, found[VirtualPath.Parse("/src/0.cs")]);
        Assert.Equal(found, Find(NewStore()));
    }

    [Fact]
    public void Each_of_the_contents_that_it_was_learned_from_need_not_be_fetched_again()
    {
        Learn(s_cold, Sources(8, ObservedKind.Read), ("/lib/loader.so", ObservedKind.Read));
        Learn(s_warm, Sources(8, ObservedKind.Read));

        Assert.All([_predictions, NewStore()], store => Assert.True(store.IsLearned(_request, s_cold) && store.IsLearned(_request, s_warm)));
        for (int other = 0; other < 3; other++)
        {
            Learn(Digest.Compute([(byte)other]), Sources(8, ObservedKind.Read));
        }

        Assert.False(_predictions.IsLearned(_request, s_cold));
        Assert.Equal(8, Find(_predictions).Count);
    }

    [Fact]
    public void What_is_much_beside_what_a_run_looked_at_is_forgotten()
    {
        Learn(s_cold, Sources(12, ObservedKind.Read));

        Learn(s_warm, Sources(8, ObservedKind.Read));

        Assert.Equal(8, Find(_predictions).Count);
        Assert.False(_predictions.IsLearned(_request, s_cold));
    }

    [Fact]
    public void What_is_absent_now_may_be_read_again()
    {
        Learn(s_cold, Sources(8, ObservedKind.Read));

        Learn(s_warm, Sources(8, ObservedKind.Absent));

        Assert.All(Find(_predictions).Values, static kind => Assert.Equal(ObservedKind.Read, kind));
    }

    [Fact]
    public void What_is_there_now_is_no_longer_absent()
    {
        Learn(s_cold, Sources(8, ObservedKind.Absent));

        Learn(s_warm, Sources(8, ObservedKind.Stated));

        Assert.All(Find(_predictions).Values, static kind => Assert.Equal(ObservedKind.Stated, kind));
    }

    [Fact]
    public void What_a_client_guesses_is_predicted_until_something_was_learned()
    {
        string there = _files.Write("lib/loader.so", "");
        File.CreateSymbolicLink(_files.At("link"), _files.At("lib"));
        VirtualPath[] guesses = [VirtualPath.Parse(_files.At("link/loader.so")), VirtualPath.Parse(_files.At("lib/gone.so"))];
        ActionRequest request = _request with { GuessedInputs = guesses };

        ObservedInput input = Assert.Single(_predictions.Find(request).Own);
        Assert.Equal(new ObservedInput(VirtualPath.Parse(there), ObservedKind.Read), input);

        // From then on it is what was learned with that guess, whoever guesses, also in another process.
        string other = _files.Write("lib/other.so", "");
        Learn(request, s_cold, Sources(2, ObservedKind.Read));
        Dictionary<VirtualPath, ObservedKind> found = Find(NewStore(), request with { GuessedInputs = [VirtualPath.Parse(other)] });
        Assert.Equal(3, found.Count);
        Assert.Contains(input.Path, found.Keys);
    }

    private static (string, ObservedKind)[] Sources(int count, ObservedKind kind) => [.. Enumerable.Range(0, count).Select(index => ($"/src/{index}.cs", kind))];

    private PredictionStore NewStore() => new(_files.At("predictions"), RequesterFixture.Predictors);

    private void Learn(Digest set, (string Path, ObservedKind Kind)[] observed, params (string Path, ObservedKind Kind)[] more) => Learn(_request, set, observed, more);

    private void Learn(ActionRequest request, Digest set, (string Path, ObservedKind Kind)[] observed, params (string Path, ObservedKind Kind)[] more)
    {
        InputMapping mapping = new([], [], new HashSet<VirtualPath>(), new ReadPolicy([], []), null)
        {
            MadeNs = 0,
            OutputFiles = [],
            OutputDirectories = [],
            WriteRoots = [],
        };
        _predictions.Learn(request, mapping, [.. observed.Concat(more).Select(static input => new ObservedInput(VirtualPath.Parse(input.Path), input.Kind))], set);
    }

    private Dictionary<VirtualPath, ObservedKind> Find(PredictionStore store, ActionRequest? request = null)
    {
        Prediction found = store.Find(request ?? _request);
        Dictionary<VirtualPath, ObservedKind> all = new(found.Shared?.Inputs ?? new Dictionary<VirtualPath, ObservedKind>());
        foreach (ObservedInput input in found.Own)
        {
            all.Add(input.Path, input.Kind);
        }

        return all;
    }
}
