using System.Text;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;
using ReapiDirectory = Repr.Protocol.Reapi.Directory;

namespace Repr.Server.Tests.Reapi;

/// <summary>What of an action's files is told and stored.</summary>
public sealed class ExecutionOutputTests(ReapiWorkerFixture worker) : IClassFixture<ReapiWorkerFixture>, IDisposable
{
    private readonly ReapiClient _client = new(worker);

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Files_are_told_with_content_and_executable_bit_and_their_directories_are_there()
    {
        TestAction action = TestAction.Shell("echo a > deep/er/a; echo b > b; chmod +x b; echo c > undeclared").Outputs("absent", "b", "deep/er/a");

        ReapiActionResult result = await TestExecution.ResultAsync(_client, action);

        Assert.Equal(["b True", "deep/er/a False"], result.OutputFiles.Select(file => $"{file.Path} {file.IsExecutable}"));
        Assert.Equal("a\n", await TestExecution.TextAsync(_client, result.OutputFiles[1].Digest));
        Assert.Empty(result.OutputDirectories);
        Assert.Empty(result.OutputSymlinks);
    }

    [Fact]
    public async Task Outputs_are_found_from_the_working_directory()
    {
        TestAction action = TestAction.Shell("echo x > out; echo y > ../y").Directory("work").Outputs("../y", "out");
        action.Command.WorkingDirectory = "work";

        ReapiActionResult result = await TestExecution.ResultAsync(_client, action);

        Assert.Equal(["../y", "out"], result.OutputFiles.Select(file => file.Path));
    }

    [Fact]
    public async Task A_directory_is_told_as_a_tree_of_all_that_is_in_it_inputs_too()
    {
        TestAction action = TestAction.Shell("mkdir -p out/new/empty; echo x > out/new/x; chmod +x out/new/x; ln -s x out/new/link; rm out/gone; echo 2 > out/changed")
            .File("out/kept/input", "kept\n")
            .File("out/gone", "gone\n")
            .File("out/changed", "1\n")
            .Outputs("out");

        ReapiActionResult result = await TestExecution.ResultAsync(_client, action);

        OutputDirectory output = Assert.Single(result.OutputDirectories);
        Assert.Equal("out", output.Path);
        Assert.Equal(
            ["/changed 2", "/kept/", "/kept/input kept", "/new/", "/new/empty/", "/new/link -> x", "/new/x x*"], await DescribeAsync(output.TreeDigest));
    }

    [Fact]
    public async Task The_empty_path_is_the_working_directory()
    {
        TestAction action = TestAction.Shell("echo x > x").File("input", "i\n");
        action.Command.OutputDirectories.Add("");

        ReapiActionResult result = await TestExecution.ResultAsync(_client, action);

        Assert.Equal("", Assert.Single(result.OutputDirectories).Path);
        Assert.Equal(["/input i", "/x x"], await DescribeAsync(result.OutputDirectories[0].TreeDigest));
    }

    [Fact]
    public async Task An_input_that_is_an_output_too_is_told_as_it_is_in_the_end()
    {
        TestAction action = TestAction.Shell("rm removed; rm -r dir; echo more >> appended")
            .File("appended", "first\n")
            .File("dir/below", "x")
            .File("left", "left\n")
            .File("removed", "x")
            .Outputs("appended", "dir/below", "left", "removed");

        ReapiActionResult result = await TestExecution.ResultAsync(_client, action);

        Assert.Equal(["appended", "left"], result.OutputFiles.Select(file => file.Path));
        Assert.Equal("first\nmore\n", await TestExecution.TextAsync(_client, result.OutputFiles[0].Digest));
        Assert.Equal("left\n", await TestExecution.TextAsync(_client, result.OutputFiles[1].Digest));
    }

    [Fact]
    public async Task Links_are_told_as_links_in_the_fields_of_either_version()
    {
        const string Script = "ln -s /absolute file; ln -s ../absent directory";
        TestAction before = TestAction.Shell(Script);
        before.Command.OutputFiles.Add("file");
        before.Command.OutputDirectories.Add("directory");
        ReapiActionResult old = await TestExecution.ResultAsync(_client, before);
        ReapiActionResult current = await TestExecution.ResultAsync(_client, TestAction.Shell(Script).Outputs("directory", "file"));

        Assert.Equal("/absolute", Assert.Single(old.OutputFileSymlinks).Target);
        Assert.Equal("../absent", Assert.Single(old.OutputDirectorySymlinks).Target);
        Assert.Empty(old.OutputSymlinks);
        Assert.Equal(["directory -> ../absent", "file -> /absolute"], current.OutputSymlinks.Select(link => $"{link.Path} -> {link.Target}"));
        Assert.Empty(current.OutputFileSymlinks);
        Assert.Empty(current.OutputDirectorySymlinks);
    }

    [Theory]
    [InlineData("mkdir out", false)]
    [InlineData("echo x > out", true)]
    public async Task An_output_of_another_kind_than_was_said_is_refused(string script, bool isDirectory)
    {
        TestAction action = TestAction.Shell(script);
        (isDirectory ? action.Command.OutputDirectories : action.Command.OutputFiles).Add("out");

        ExecuteResponse response = await TestExecution.RunAsync(_client, action);

        Assert.Equal((int)StatusCode.FailedPrecondition, response.Status.Code);
        Assert.Contains("'out'", response.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Equal_directories_make_equal_trees()
    {
        async Task<CoreDigest> TreeAsync(string script) =>
            (await TestExecution.ResultAsync(_client, TestAction.Shell(script).Outputs("out"))).OutputDirectories[0].TreeDigest.ToCore();

        Assert.Equal(
            await TreeAsync("mkdir -p out/a out/b; echo 1 > out/a/f; echo 1 > out/b/f; echo 2 > out/é; echo 2 > out/z"),
            await TreeAsync("mkdir -p out; echo 2 > out/z; echo 2 > out/é; mkdir out/b out/a; echo 1 > out/b/f; echo 1 > out/a/f"));
    }

    [Fact]
    public async Task Outputs_of_a_failure_are_told_too()
    {
        ReapiActionResult result = await TestExecution.ResultAsync(_client, TestAction.Shell("echo log > log; exit 1").Outputs("log"));

        Assert.Equal(1, result.ExitCode);
        Assert.Equal("log\n", await TestExecution.TextAsync(_client, Assert.Single(result.OutputFiles).Digest));
    }

    private async Task<List<string>> DescribeAsync(Protocol.Reapi.Digest digest)
    {
        Tree tree = Tree.Parser.ParseFrom(await _client.ReadAsync(ReapiClient.ReadName(digest.ToCore())));
        Dictionary<CoreDigest, ReapiDirectory> children = tree.Children.ToDictionary(
            child => CoreDigest.Compute(Google.Protobuf.MessageExtensions.ToByteArray(child)));
        List<string> lines = [];
        await AddAsync("", tree.Root);
        return [.. lines.Order(StringComparer.Ordinal)];

        async Task AddAsync(string path, ReapiDirectory directory)
        {
            Assert.Equal(directory.Files.OrderBy(file => file.Name, StringComparer.Ordinal), directory.Files);
            foreach (FileNode file in directory.Files)
            {
                string content = Encoding.UTF8.GetString(await _client.ReadAsync(ReapiClient.ReadName(file.Digest.ToCore())));
                lines.Add($"{path}/{file.Name} {content.TrimEnd()}{(file.IsExecutable ? "*" : "")}");
            }

            lines.AddRange(directory.Symlinks.Select(link => $"{path}/{link.Name} -> {link.Target}"));
            foreach (DirectoryNode child in directory.Directories)
            {
                lines.Add($"{path}/{child.Name}/");
                await AddAsync($"{path}/{child.Name}", children[child.Digest.ToCore()]);
            }
        }
    }
}
