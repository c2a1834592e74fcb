using Repr.Protocol;
using Repr.Requester.Tests;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.WindowsSuite;

/// <summary>Actions of a requester on Windows, against a worker's side of the wire on a real socket.</summary>
public sealed class ActionTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task Paths_travel_as_the_wires_and_answers_have_the_file_systems_spelling()
    {
        string header = _requester.Files.Write(@"src\Inc\Header.H", "header");
        string output = _requester.Files.At(@"obj\out");
        Wire.Execute? seen = null;
        Wire.FileAnswer? entry = null;
        Wire.FileAnswer? listing = null;
        Wire.FileAnswer? system = null;
        _requester.Worker.RunTool = async (action, _) =>
        {
            seen = action.Execute;
            entry = await action.AskAsync(WindowsPath.Parse(header.ToUpperInvariant()).Text.Replace("/C:", "/c:", StringComparison.Ordinal), Wire.FileQuestion.Types.Kind.Entry);
            listing = await action.AskAsync(WindowsPath.Parse(_requester.Files.At(@"SRC\inc")).Text, Wire.FileQuestion.Types.Kind.Listing);
            system = await action.AskAsync("/C:/Windows/win.ini", Wire.FileQuestion.Types.Kind.Content);
            return _requester.Succeed((WindowsPath.Parse(output.ToUpperInvariant()).Text, "result"));
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.True(reply.Done is not null, reply.ToString());
        Assert.Equal(WindowsPath.Parse(_requester.Files.At("src")), VirtualPath.Parse(seen!.Command.WorkingDirectory));
        Assert.EndsWith("/cmd.exe", seen.Command.Program, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith("/C:/", seen.Command.Program, StringComparison.Ordinal);
        Assert.Equal(Path.Combine(Environment.SystemDirectory, "cmd.exe"), seen.Command.Arguments[0]);
        Assert.EndsWith("/src/Inc/Header.H", entry!.Entry.Path, StringComparison.Ordinal);
        Assert.Equal("header", System.Text.Encoding.UTF8.GetString(_requester.Worker.Blobs[entry.Entry.File.Digest.ToCore()]));
        Assert.EndsWith("/src/Inc/Header.H", Assert.Single(listing!.Listing.Entries).Path, StringComparison.Ordinal);
        Assert.NotEqual("", system!.Refused);
        Assert.Equal("result", await File.ReadAllTextAsync(output, TestContext.Current.CancellationToken));
        Assert.Equal(["OUT"], Directory.GetFiles(_requester.Files.At("obj")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("out:stream")]
    [InlineData("nul")]
    public async Task An_output_that_is_no_file_of_windows_is_not_written(string name)
    {
        Wire.Run run = _requester.NewRun();
        run.WriteRoots.Add(_requester.Files.At("obj"));
        string place = WindowsPath.Parse(_requester.Files.At("obj")).Text + "/" + name;
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((place, "result")));

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.NotNull(reply.NotRun);
        Assert.Empty(Directory.GetFileSystemEntries(_requester.Files.At("obj")));
    }

    [Fact]
    public async Task A_network_path_as_working_directory_runs_locally_and_says_why()
    {
        Wire.Run run = _requester.NewRun();
        run.Command.WorkingDirectory = @"\\server\share\src";

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Contains("network share", reply.NotRun?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_a_command_line_is_completed_as_windows_would_run_it()
    {
        _requester.Files.Write(@"src\a.c", "int a;");
        Wire.Run run = new() { Endpoint = _requester.Worker.Endpoint.ToString(), Derive = true, Command = new Wire.Command { WorkingDirectory = _requester.Files.At("src") } };
        run.Command.Arguments.AddRange(["cmd", "/c", "type", "A.C"]);
        run.Command.Environment.Add("Path", Environment.SystemDirectory);
        run.Command.Environment.Add("UserProfile", @"C:\users\nobody");
        Wire.Execute? seen = null;
        _requester.Worker.RunTool = (action, _) =>
        {
            seen = action.Execute;
            return Task.FromResult(_requester.Succeed());
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.True(reply.Done is not null, reply.ToString());
        Assert.EndsWith("/cmd.exe", seen!.Command.Program, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("cmd", seen.Command.Arguments[0]);
        Assert.Contains(seen.Inputs, fact => fact.Path.EndsWith("/src/a.c", StringComparison.Ordinal) && fact.File is not null);
    }
}
