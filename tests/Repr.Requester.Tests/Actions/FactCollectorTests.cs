using Repr.Requester.Actions;
using Repr.Requester.Files;

namespace Repr.Requester.Tests.Actions;

public sealed class FactCollectorTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly DigestCache _digests;
    private readonly FactCollector _facts;

    public FactCollectorTests()
    {
        _digests = new DigestCache(_directory.At("digests"), TimeProvider.System);
        _facts = new FactCollector(_digests, TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        _digests.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_file_that_was_just_written_is_read_once_though_two_ask_for_it()
    {
        ResolvedPath file = _facts.Walker.Resolve(VirtualPath.Parse(_directory.Write("a", "content")));

        _facts.AddFile(file);
        _facts.AddFile(file);
        await _facts.FinishAsync();

        Assert.Equal(Digest.Compute("content"u8), Assert.IsType<FileFact>(_facts.Facts[file.Path]).Digest);
        Assert.Equal(1, _digests.HashedFiles);
    }

    [Fact]
    public async Task Few_or_many_small_or_large_all_get_their_digest_but_one_that_has_gone()
    {
        Dictionary<VirtualPath, string> contents = [];
        for (int index = 0; index < 40; index++)
        {
            string content = new((char)('a' + (index % 26)), index % 2 == 0 ? index : 20_000 + index);
            contents.Add(VirtualPath.Parse(_directory.Write($"f{index}", content)), content);
        }

        VirtualPath gone = VirtualPath.Parse(_directory.Write("gone", "soon"));
        ResolvedPath was = _facts.Walker.Resolve(gone);
        File.Delete(gone.Text);

        _facts.AddFile(was);
        foreach (VirtualPath path in contents.Keys)
        {
            _facts.AddFile(_facts.Walker.Resolve(path));
        }

        await _facts.FinishAsync();
        Assert.DoesNotContain(gone, _facts.Facts.Keys);
        Assert.All(contents, file => Assert.Equal(
            Digest.Compute(System.Text.Encoding.UTF8.GetBytes(file.Value)), Assert.IsType<FileFact>(_facts.Facts[file.Key]).Digest));
    }
}
