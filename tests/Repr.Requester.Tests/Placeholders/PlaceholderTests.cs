using Repr.Requester.Placeholders;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placeholders;

public sealed class PlaceholderTests
{
    private static readonly Placeholder s_object = new(Digest.Compute("code"u8), 0x1A4, 1_700_000_000_123_456_700, "a.o");

    [Fact]
    public void A_name_says_all_that_a_file_is()
    {
        Assert.True(Placeholder.TryParse(s_object.Directory, "a.o", out Placeholder? read));
        Assert.Equal(s_object, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc-4-644-1")]
    [InlineData("{0}-4-644")]
    [InlineData("{0}-4-644-1-2")]
    [InlineData("{0}-04-644-1")]
    [InlineData("{0}--4-644-1")]
    [InlineData("{0}-4-0644-1")]
    [InlineData("{0}-4-648-1")]
    [InlineData("{0}-4-644--1")]
    [InlineData("{0}-4-644-+1")]
    [InlineData("{0}-4-644-99999999999999999999")]
    public void What_is_written_in_another_way_is_none(string pattern) => Assert.False(
        Placeholder.TryParse(pattern.Replace("{0}", s_object.Digest.HashText, StringComparison.Ordinal), "a.o", out _));

    [Theory]
    [InlineData("gcc -c a.c -o out/a.o", "/w/out/a.o")]
    [InlineData("/usr/bin/g++-12 -MD -MF a.d -o /x/a.o -c a.cpp", "/x/a.o")]
    [InlineData("gcc -c a.c b.cc -I c.c", "/w/a.o /w/b.o")]
    [InlineData("clang-cl /c /Foobj/a.obj a.cpp", "/w/obj/a.obj")]
    [InlineData("gcc a.c -o prog", "")]
    [InlineData("gcc -S a.c -o a.s", "")]
    [InlineData("sh -c gcc", "")]
    [InlineData("clang-cl /c /Foobj/ a.cpp", "")]
    public void Objects_of_a_compile_may_be_placeholders_and_nothing_else(string command, string expected)
    {
        Wire.Run run = new() { PlaceholderObjects = true, Command = new Wire.Command { WorkingDirectory = "/w", Arguments = { command.Split(' ') } } };

        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), PlaceholderOutputs.Of(run));
        run.PlaceholderObjects = false;
        Assert.Empty(PlaceholderOutputs.Of(run));
    }

    [Fact]
    public void A_run_that_is_malformed_has_none() =>
        Assert.Empty(PlaceholderOutputs.Of(new Wire.Run { PlaceholderObjects = true, Command = new Wire.Command { WorkingDirectory = "w" } }));

    [Fact]
    public void Workers_are_remembered_the_last_one_first()
    {
        using TemporaryDirectory files = new();
        PlaceholderWorkers workers = new(files.At("workers"));
        Assert.Empty(workers.Endpoints);
        for (int port = 1; port <= 40; port++)
        {
            workers.Note(new Uri($"http://worker:{port}"));
        }

        workers.Note(new Uri("http://worker:30"));

        Assert.Equal([30, 40, 39], workers.Endpoints.Take(3).Select(endpoint => endpoint.Port));
        Assert.Equal(32, workers.Endpoints.Count);
        Assert.Equal(40, new PlaceholderWorkers(files.At("workers")).Endpoints[0].Port);
    }
}
