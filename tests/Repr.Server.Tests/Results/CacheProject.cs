using System.Diagnostics;
using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Results;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>Files of a requester, and commands over them that are run by a worker. What they leave is not written back.</summary>
internal sealed class CacheProject : IDisposable
{
    private ulong _lastId;

    /// <summary>Where the files are.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("repr-results-").FullName;

    /// <summary>What is sent with each command, besides the directory: of paths outside of it.</summary>
    public Dictionary<string, InputFact> Facts { get; } = new(StringComparer.Ordinal);

    /// <summary>A path in the directory.</summary>
    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>Writes a file.</summary>
    public string Write(string name, string content)
    {
        string path = PathOf(name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>A shell command in the directory, in which it may change anything.</summary>
    public Execute Shell(string script, CacheMode mode = CacheMode.ReadWrite)
    {
        Execute execute = TestRequester.Shell(++_lastId, script, Directory);
        execute.Command.WorkingDirectory = Directory;
        execute.Cache = mode;
        // Below /tmp a worker asks only for what it knows to be there.
        for (string place = Directory; place is not ("/tmp" or "/"); place = Path.GetDirectoryName(place)!)
        {
            execute.Inputs.Add(new InputFact { Path = place, Directory = new DirectoryFact { Mode = 0x1C0 } });
        }

        execute.Inputs.AddRange(Facts.Values.Select(fact => fact.Clone()));
        return execute;
    }

    /// <summary>A command in the directory.</summary>
    public Execute Command(string[] arguments, CacheMode mode = CacheMode.ReadWrite)
    {
        Execute execute = Shell("", mode);
        execute.Description = string.Join(' ', arguments);
        execute.Command.Arguments.Clear();
        execute.Command.Arguments.AddRange(arguments);
        return execute;
    }

    /// <summary>The same command without a worker.</summary>
    public (int ExitCode, string Error) RunHere(string[] arguments)
    {
        ProcessStartInfo start = new(arguments[0], arguments[1..])
        {
            WorkingDirectory = Directory,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }

    /// <inheritdoc/>
    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
