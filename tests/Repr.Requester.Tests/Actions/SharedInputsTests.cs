using Repr.Requester.Actions;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

/// <summary>What actions share: learned by one, predicted for all, and always what the disk says.</summary>
public sealed class SharedInputsTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();
    private readonly DigestCache _digests;
    private readonly TreeWatch _watch = TreeWatch.TryCreate()!;
    private readonly PredictionStore _predictions;

    public SharedInputsTests()
    {
        _digests = new DigestCache(_files.At("digests-v1"), TimeProvider.System);
        _predictions = new PredictionStore(_files.At("predictions"), RequesterFixture.Predictors);
        _files.Write("src/a.c", "a");
        _files.Write("src/b.c", "b");
        _files.Write("src/own.h", "own");
        _files.Write("tools/include/first.h", "first");
        _files.Write("tools/include/second.h", "second");
    }

    public void Dispose()
    {
        _watch.Dispose();
        _digests.Dispose();
        _files.Dispose();
    }

    [Fact]
    public async Task What_one_action_learned_is_shared_by_all_of_its_family()
    {
        await LearnAsync("a.c");

        InputMapping a = await MapAsync("a.c");
        InputMapping b = await MapAsync("b.c");

        Assert.Same(a.Shared, b.Shared);
        Assert.IsType<FileFact>(a.Shared!.Facts[_files.VirtualAt("tools/include/first.h")]);
        Assert.IsType<AbsentFact>(a.Shared.Facts[_files.VirtualAt("tools/include/none.h")]);
        Assert.DoesNotContain(_files.VirtualAt("src/own.h"), a.Shared.Facts.Keys);
        Assert.NotNull(a.Find(_files.VirtualAt("src/own.h")));
        Assert.Empty(a.Facts.Select(fact => fact.Path).Intersect(a.Shared.Facts.Keys));
        Assert.Equal("first".Length, a.SourceOf(((FileFact)a.Find(_files.VirtualAt("tools/include/first.h"))!).Digest!.Value).Digest.SizeBytes);
    }

    [Theory]
    [InlineData("tools/include/first.h", true)]
    [InlineData("tools/include/none.h", false)]
    public async Task What_changes_is_looked_at_again(string path, bool isThere)
    {
        await LearnAsync("a.c");
        InputMapping before = await MapAsync("a.c");
        Assert.Equal(isThere, before.Find(_files.VirtualAt(path)) is FileFact);

        _files.Write(path, "changed");

        InputMapping after = await MapAsync("b.c");
        Assert.Equal("changed".Length, Assert.IsType<FileFact>(after.Find(_files.VirtualAt(path))).SizeBytes);
        Assert.NotEqual(before.Shared!.Set.Digest, after.Shared!.Set.Digest);
    }

    [Fact]
    public async Task A_directory_in_which_everybody_writes_is_looked_at_for_each_action()
    {
        File.SetUnixFileMode(_files.At("tools"), (UnixFileMode)0x3FF); // 0o1777, as /tmp
        await LearnAsync("a.c");
        InputMapping before = await MapAsync("a.c");

        _files.Write("tools/busy.txt", "busy");

        InputMapping after = await MapAsync("a.c");
        Assert.DoesNotContain(_files.VirtualAt("tools"), before.Shared!.Facts.Keys);
        Assert.NotEqual(before.Find(_files.VirtualAt("tools")), after.Find(_files.VirtualAt("tools")));
        Assert.Equal(before.Shared.Set.Digest, after.Shared!.Set.Digest);
    }

    [Fact]
    public async Task A_directory_in_which_other_names_come_and_go_is_looked_at_for_each_action()
    {
        VirtualPath directory = _files.VirtualAt("tools/include");
        await LearnAsync("a.c");
        InputMapping before = await MapAsync("a.c");
        Assert.Contains(directory, before.Shared!.Facts.Keys);

        _files.Write("tools/include/first.txt", "something");
        InputMapping once = await MapAsync("a.c");
        _files.Write("tools/include/second.txt", "something else");
        Directory.SetLastWriteTimeUtc(_files.At("tools/include"), DateTime.UnixEpoch);
        InputMapping twice = await MapAsync("a.c");

        Assert.DoesNotContain(directory, once.Shared!.Facts.Keys);
        Assert.Equal(once.Shared.Set.Digest, twice.Shared!.Set.Digest);
        Assert.Equal(0, Assert.IsType<DirectoryFact>(twice.Find(directory)).ModifiedNs);
        Assert.Contains(directory.Text, ExecuteMessage.Make(Request("a.c"), twice, withSets: true).Execute.Inputs.Select(static fact => fact.Path));
    }

    [Fact]
    public async Task A_busy_directory_that_an_action_writes_to_is_not_shared()
    {
        await LearnAsync("a.c");
        await MapAsync("a.c");
        _files.Write("tools/include/other.txt", "something"); // from now on it is no fact that is shared
        Assert.NotNull((await MapAsync("a.c")).Shared);

        File.CreateSymbolicLink(_files.At("src/out"), _files.At("tools/include"));
        Wire.Run run = Run("a.c");
        run.OutputDirectories.Add(_files.At("src/out"));
        InputMapping mapping = await MapAsync(ActionRequest.Parse(run, RequesterFixture.Predictors));

        Assert.Null(mapping.Find(_files.VirtualAt("tools/include/first.h")));
    }

    [Fact]
    public async Task A_file_with_another_name_has_its_content_where_its_directory_is_listed_too()
    {
        _files.Link("tools/include/first.h", "elsewhere.h");
        ActionRequest request = Request("a.c");
        _predictions.Learn(
            request,
            await MapAsync(request),
            [new(_files.VirtualAt("tools/include"), ObservedKind.Listed), new(_files.VirtualAt("tools/include/first.h"), ObservedKind.Read)],
            null);

        InputMapping mapping = await MapAsync(request);

        Assert.True(Assert.IsType<DirectoryFact>(mapping.Shared!.Facts[_files.VirtualAt("tools/include")]).IsComplete);
        Assert.Equal(Digest.Compute("first"u8), Assert.IsType<FileFact>(mapping.Find(_files.VirtualAt("tools/include/first.h"))).Digest);
    }

    [Fact]
    public async Task A_file_with_another_name_is_looked_at_for_each_action()
    {
        _files.Link("tools/include/first.h", "elsewhere.h");
        await LearnAsync("a.c");
        InputMapping before = await MapAsync("a.c");
        Assert.DoesNotContain(_files.VirtualAt("tools/include/first.h"), before.Shared!.Facts.Keys);

        File.WriteAllText(_files.At("elsewhere.h"), "changed"); // unseen by a watch on tools/include

        InputMapping after = await MapAsync("a.c");
        Assert.Equal(Digest.Compute("changed"u8), Assert.IsType<FileFact>(after.Find(_files.VirtualAt("tools/include/first.h"))).Digest);
    }

    [Fact]
    public async Task Where_a_root_leads_is_shared_until_it_leads_elsewhere()
    {
        _files.Write("one/x.h", "one");
        _files.Write("two/x.h", "two");
        File.CreateSymbolicLink(_files.At("tools/link"), _files.At("one"));
        ActionRequest request = RequestWithRoot(_files.At("tools/link"));
        await LearnAsync(request, "one/x.h", "two/x.h");
        await MapAsync(request);
        _files.Write("tools/other.txt", "something"); // from now on only names that matter are news there
        InputMapping before = await MapAsync(request);
        Assert.Contains(_files.VirtualAt("tools/link"), before.Shared!.Roots.Keys);
        Assert.Equal(ReadVerdict.Served, before.Policy.Judge(_files.VirtualAt("one/x.h")));

        File.Delete(_files.At("tools/link"));
        File.CreateSymbolicLink(_files.At("tools/link"), _files.At("two"));

        InputMapping after = await MapAsync(request);
        Assert.NotEqual(ReadVerdict.Served, after.Policy.Judge(_files.VirtualAt("one/x.h")));
        Assert.Equal(ReadVerdict.Served, after.Policy.Judge(_files.VirtualAt("two/x.h")));
        Assert.Equal(_files.At("two"), Assert.IsType<SymlinkFact>(after.Find(_files.VirtualAt("tools/link"))).Target);
    }

    [Fact]
    public async Task A_root_on_whose_way_changes_are_not_seen_is_each_actions_own()
    {
        ActionRequest request = RequestWithRoot("/proc/sys");
        await LearnAsync(request);

        InputMapping mapping = await MapAsync(request);

        Assert.DoesNotContain(VirtualPath.Parse("/proc/sys"), mapping.Shared!.Roots.Keys);
        Assert.Contains(_files.VirtualAt("tools"), mapping.Shared.Roots.Keys);
        Assert.Contains(VirtualPath.Parse("/proc/sys"), mapping.Policy.Roots);
    }

    [Fact]
    public async Task A_root_below_which_nothing_is_known_is_still_said_to_be_there()
    {
        _files.Write("deps/x.h", "x");
        ActionRequest request = RequestWithRoot(_files.At("deps"));
        await LearnAsync(request);

        InputMapping mapping = await MapAsync(request);

        Assert.NotNull(mapping.Shared);
        Assert.IsType<DirectoryFact>(mapping.Find(_files.VirtualAt("deps"))); // or a worker, whose /tmp has what is mapped and nothing else, would say that it is not there
    }

    [Fact]
    public async Task A_root_among_the_sources_is_each_actions_own()
    {
        _files.Write("src/sub/x.h", "x");
        ActionRequest request = RequestWithRoot(_files.At("src/sub"));
        await LearnAsync(request);

        Assert.DoesNotContain(_files.VirtualAt("src/sub"), (await MapAsync(request)).Shared!.Roots.Keys);
    }

    [Fact]
    public async Task An_action_that_writes_outside_of_its_sources_shares_nothing()
    {
        await LearnAsync("a.c");

        InputMapping mapping = await MapAsync("a.c", "-o", _files.At("tools/include/second.h"));

        Assert.Null(mapping.Shared);
        Assert.NotNull((await MapAsync("a.c")).Shared);
    }

    [Fact]
    public async Task A_second_prediction_of_the_same_action_is_the_first()
    {
        await LearnAsync("a.c");

        Assert.Same(_predictions.Find(Request("a.c")), _predictions.Find(Request("a.c")));
    }

    [Fact]
    public async Task The_first_of_a_family_has_what_its_tool_looked_at()
    {
        await LearnAsync("a.c");

        InputMapping other = await MapAsync("b.c", "-DOTHER");

        Assert.IsType<FileFact>(other.Shared!.Facts[_files.VirtualAt("tools/include/first.h")]);
        Assert.Null(other.Find(_files.VirtualAt("src/own.h")));
    }

    [Fact]
    public async Task A_guess_that_was_enough_is_kept_as_what_it_looked_at()
    {
        await LearnAsync("a.c");
        Digest set = Digest.Compute(new byte[4096]);
        Prediction guess = _predictions.Find(Request("b.c"));

        Assert.True(_predictions.TryKeep(Request("b.c"), guess, set));

        Assert.True(_predictions.IsLearned(Request("b.c"), set));
        Prediction kept = _predictions.Find(Request("b.c"));
        Assert.Equal(guess.Own.OrderBy(static input => input.Path), kept.Own.OrderBy(static input => input.Path));
        Assert.Same(guess.Shared, kept.Shared);
        Assert.False(_predictions.TryKeep(Request("b.c"), kept, Digest.Compute(new byte[4095]))); // it has looked at something else: that is learned
    }

    [Fact]
    public async Task A_guess_that_is_larger_than_what_was_looked_at_is_not_kept()
    {
        await LearnAsync("a.c");

        Assert.False(_predictions.TryKeep(Request("b.c"), _predictions.Find(Request("b.c")), Digest.Compute(new byte[8])));

        Assert.False(_predictions.IsLearned(Request("b.c"), Digest.Compute(new byte[8])));
    }

    [Fact]
    public async Task What_was_read_of_a_named_output_stays_so()
    {
        ActionRequest request = Request("a.c", "-o", "b.c");
        _predictions.Learn(request, await MapAsync(request), [new(_files.VirtualAt("src/b.c"), ObservedKind.Read)], null);

        Assert.NotNull(Assert.IsType<FileFact>((await MapAsync(request)).Find(_files.VirtualAt("src/b.c"))).Digest);
    }

    [Fact]
    public async Task A_named_output_is_looked_for_and_is_no_other_files_business()
    {
        ActionRequest first = Request("a.c", "-o", "a.o");
        _predictions.Learn(
            first,
            await MapAsync(first),
            [new(_files.VirtualAt("src/a.o"), ObservedKind.Absent), new(_files.VirtualAt("src/own.h"), ObservedKind.Read)],
            null);

        ActionRequest second = Request("b.c", "-o", "b.o");
        InputMapping mapping = await MapAsync(second);

        Assert.IsType<AbsentFact>(mapping.Find(_files.VirtualAt("src/b.o")));
        Assert.NotNull(mapping.Find(_files.VirtualAt("src/own.h")));
        Assert.Null(mapping.Find(_files.VirtualAt("src/a.o")));
        Assert.Contains(_files.VirtualAt("src/b.o").Text, ExecuteMessage.Make(second, mapping, withSets: true).Execute.Inputs.Select(static fact => fact.Path));
    }

    [Fact]
    public async Task A_directory_of_headers_answers_for_the_names_that_are_not_there()
    {
        _files.Write("src/include/one.h", "one");
        ActionRequest request = Request("a.c", "-I", "include");
        InputMapping first = await MapAsync(request);
        _predictions.Learn(request, first, [new(_files.VirtualAt("src/include/stdio.h"), ObservedKind.Absent)], null);

        InputMapping mapping = await MapAsync(request);

        Assert.True(Assert.IsType<DirectoryFact>(mapping.Find(_files.VirtualAt("src/include"))).IsComplete);
        Assert.Null(mapping.Find(_files.VirtualAt("src/include/stdio.h")));
    }

    private Task LearnAsync(string source) => LearnAsync(Request(source));

    private async Task LearnAsync(ActionRequest request, params string[] more)
    {
        _predictions.Learn(
            request,
            await MapAsync(request),
            [
                new(_files.VirtualAt("src/own.h"), ObservedKind.Read),
                new(_files.VirtualAt("tools/include/first.h"), ObservedKind.Read),
                new(_files.VirtualAt("tools/include/second.h"), ObservedKind.Stated),
                new(_files.VirtualAt("tools/include/none.h"), ObservedKind.Absent),
                .. more.Select(path => new ObservedInput(_files.VirtualAt(path), ObservedKind.Read)),
            ],
            null);
    }

    private Task<InputMapping> MapAsync(string source, params string[] options) => MapAsync(Request(source, options));

    private Task<InputMapping> MapAsync(ActionRequest request) =>
        new InputMapper(_digests, new SharedMapper(_digests, _watch), TimeProvider.System).MapAsync(
            request, _predictions.Find(request), TestContext.Current.CancellationToken);

    private ActionRequest Request(string source, params string[] options) =>
        ActionRequest.Parse(Run(source, options), RequesterFixture.Predictors);

    private ActionRequest RequestWithRoot(string root)
    {
        Wire.Run run = Run("a.c");
        run.ReadRoots.Add(root);
        return ActionRequest.Parse(run, RequesterFixture.Predictors);
    }

    private Wire.Run Run(string source, params string[] options)
    {
        Wire.Run run = new() { Endpoint = "http://localhost:1", Command = new Wire.Command { WorkingDirectory = _files.At("src") }, Derive = true };
        run.Command.Arguments.AddRange(["/bin/true", .. options, source]);
        run.Command.Environment["HOME"] = "/nonexistent";
        run.ReadRoots.Add(_files.At("tools"));
        run.WriteRoots.Add(_files.At("src"));
        return run;
    }
}
