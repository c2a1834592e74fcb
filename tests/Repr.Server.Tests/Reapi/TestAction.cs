using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using CoreDigest = Repr.Digest;
using ReapiAction = Repr.Protocol.Reapi.Action;
using ReapiCommand = Repr.Protocol.Reapi.Command;
using ReapiDirectory = Repr.Protocol.Reapi.Directory;

namespace Repr.Server.Tests.Reapi;

/// <summary>An action as a client makes it: messages and files, uploaded one by one.</summary>
internal sealed class TestAction
{
    private readonly SortedDictionary<string, (byte[] Content, bool IsExecutable)> _files = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _links = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _directories = new(StringComparer.Ordinal) { "" };

    public TestAction(params string[] arguments)
    {
        Command.Arguments.Add(arguments);

        // Unlike any other test's action.
        Action.Salt = ByteString.CopyFrom(ReapiClient.NewContent(8));
    }

    public ReapiAction Action { get; } = new();

    public ReapiCommand Command { get; } = new();

    public static TestAction Shell(string script) => new("/bin/sh", "-c", script);

    public static TestAction Endless() => Shell("sleep 1000");

    public TestAction File(string path, string content, bool isExecutable = false)
    {
        _files.Add(path, (Encoding.UTF8.GetBytes(content), isExecutable));
        return Parents(path);
    }

    public TestAction Link(string path, string target)
    {
        _links.Add(path, target);
        return Parents(path);
    }

    public TestAction Directory(string path)
    {
        _directories.Add(path);
        return Parents(path);
    }

    public TestAction Outputs(params string[] paths)
    {
        Command.OutputPaths.Add(paths);
        return this;
    }

    public TestAction Within(TimeSpan timeout)
    {
        Action.Timeout = Duration.FromTimeSpan(timeout);
        return this;
    }

    public TestAction Variable(string name, string value)
    {
        Command.EnvironmentVariables.Add(new ReapiCommand.Types.EnvironmentVariable { Name = name, Value = value });
        return this;
    }

    /// <summary>Uploads all but what is to be left out.</summary>
    /// <param name="client">Where to.</param>
    /// <param name="isLeftOut">Told each blob's name ("action", "command", "/path" of a directory, "path" of a file) and digest.</param>
    public async Task<CoreDigest> UploadAsync(ReapiClient client, Func<string, CoreDigest, bool>? isLeftOut = null)
    {
        Action.InputRootDigest = (await UploadDirectoryAsync("")).ToReapi();
        Action.CommandDigest = (await PutAsync("command", Command.ToByteArray())).ToReapi();
        return await PutAsync("action", Action.ToByteArray());

        async Task<CoreDigest> UploadDirectoryAsync(string path)
        {
            ReapiDirectory directory = new();
            foreach ((string file, (byte[] content, bool isExecutable)) in _files.Where(file => ParentOf(file.Key) == path))
            {
                directory.Files.Add(new FileNode { Name = NameOf(file), Digest = (await PutAsync(file, content)).ToReapi(), IsExecutable = isExecutable });
            }

            foreach ((string link, string target) in _links.Where(link => ParentOf(link.Key) == path))
            {
                directory.Symlinks.Add(new SymlinkNode { Name = NameOf(link), Target = target });
            }

            foreach (string child in _directories.Where(child => child.Length > 0 && ParentOf(child) == path).ToList())
            {
                directory.Directories.Add(new DirectoryNode { Name = NameOf(child), Digest = (await UploadDirectoryAsync(child)).ToReapi() });
            }

            return await PutAsync("/" + path, directory.ToByteArray());
        }

        async Task<CoreDigest> PutAsync(string name, byte[] content)
        {
            CoreDigest digest = CoreDigest.Compute(content);
            if (isLeftOut is null || !isLeftOut(name, digest))
            {
                await client.PutAsync(content);
            }

            return digest;
        }
    }

    private static string ParentOf(string path) => path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : "";

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private TestAction Parents(string path)
    {
        for (string parent = ParentOf(path); parent.Length > 0; parent = ParentOf(parent))
        {
            _directories.Add(parent);
        }

        return this;
    }
}
