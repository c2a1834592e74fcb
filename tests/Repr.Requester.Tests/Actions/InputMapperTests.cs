using Repr.Requester.Actions;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

public sealed class InputMapperTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();
    private readonly DigestCache _digests;

    public InputMapperTests() => _digests = new DigestCache(_files.At("digests-v1"), TimeProvider.System);

    public void Dispose()
    {
        _digests.Dispose();
        _files.Dispose();
    }

    [Fact]
    public async Task Links_are_facts_at_their_own_place_and_the_target_is_mapped()
    {
        _files.Write("real/inner/a.cs", "a");
        Directory.CreateSymbolicLink(_files.At("link"), "real");
        File.CreateSymbolicLink(_files.At("real/b.cs"), "inner/../inner/a.cs");

        InputMapping mapping = await MapAsync([_files.At("link/b.cs")], []);

        Assert.Equal(new SymlinkFact(_files.VirtualAt("link"), "real"), mapping.Find(_files.VirtualAt("link")));
        Assert.IsType<SymlinkFact>(mapping.Find(_files.VirtualAt("real/b.cs")));
        Assert.Equal(Digest.Compute("a"u8), Assert.IsType<FileFact>(mapping.Find(_files.VirtualAt("real/inner/a.cs"))).Digest);
        Assert.IsType<DirectoryFact>(mapping.Find(_files.VirtualAt("real/inner")));
        Assert.Null(mapping.Find(_files.VirtualAt("link/b.cs")));
    }

    [Fact]
    public async Task Each_ancestor_of_each_fact_is_a_directory_fact_and_facts_are_sorted_and_unique()
    {
        _files.Write("a/b/c.cs", "c");

        InputMapping mapping = await MapAsync([_files.At("a/b/c.cs"), _files.At("a/b/c.cs"), _files.At("a/none/x.cs")], []);

        VirtualPath[] paths = [.. mapping.Facts.Select(fact => fact.Path)];
        Assert.Equal(paths.Order().Distinct(), paths);
        Assert.All(
            mapping.Facts.Where(fact => !fact.Path.IsRoot), fact => Assert.IsType<DirectoryFact>(mapping.Find(fact.Path.Parent)));
        Assert.IsType<AbsentFact>(mapping.Find(_files.VirtualAt("a/none")));
    }

    [Fact]
    public async Task A_loop_of_links_ends()
    {
        File.CreateSymbolicLink(_files.At("x"), "y");
        File.CreateSymbolicLink(_files.At("y"), "x");

        InputMapping mapping = await MapAsync([_files.At("x")], []);

        Assert.IsType<SymlinkFact>(mapping.Find(_files.VirtualAt("x")));
    }

    [Fact]
    public async Task A_prediction_outside_the_roots_is_dropped()
    {
        _files.Write("src/a.cs", "a");
        string secret = _files.Write("secret", "canary");

        InputMapping mapping = await MapAsync(
            [], [new ObservedInput(
                VirtualPath.Parse(secret), ObservedKind.Read), new ObservedInput(_files.VirtualAt("src/a.cs"), ObservedKind.Read)]);

        Assert.Null(mapping.Find(VirtualPath.Parse(secret)));
        Assert.NotNull(mapping.Find(_files.VirtualAt("src/a.cs")));
    }

    [Fact]
    public async Task A_predicted_listing_is_complete()
    {
        _files.Write("src/d/a.cs", "a");
        _files.Write("src/d/b.cs", "b");

        InputMapping mapping = await MapAsync([], [new ObservedInput(_files.VirtualAt("src/d"), ObservedKind.Listed)]);

        Assert.True(Assert.IsType<DirectoryFact>(mapping.Find(_files.VirtualAt("src/d"))).IsComplete);
        Assert.Null(Assert.IsType<FileFact>(mapping.Find(_files.VirtualAt("src/d/b.cs"))).Digest);
    }

    [Fact]
    public async Task What_was_predicted_absent_and_is_there_now_is_mapped_as_it_is()
    {
        _files.Write("src/new.cs", "new");

        InputMapping mapping = await MapAsync([], [new ObservedInput(_files.VirtualAt("src/new.cs"), ObservedKind.Absent)]);

        Assert.IsType<FileFact>(mapping.Find(_files.VirtualAt("src/new.cs")));
    }

    private Task<InputMapping> MapAsync(string[] inputs, ObservedInput[] predicted)
    {
        Wire.Run run = new() { Endpoint = "http://localhost:1", Command = new Wire.Command { WorkingDirectory = _files.Path } };
        run.Command.Arguments.Add("/bin/sh");
        run.Inputs.AddRange(inputs);
        run.ReadRoots.Add(_files.At("src"));
        return new InputMapper(_digests, new SharedMapper(_digests, null), TimeProvider.System).MapAsync(
            ActionRequest.Parse(run, RequesterFixture.Predictors), new Prediction(predicted, null), TestContext.Current.CancellationToken);
    }
}
