namespace Repr.Requester.Tests;

/// <summary>A directory of one test, removed at its end.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory()
    {
        Path = Directory.CreateTempSubdirectory("repr-test-").FullName;
    }

    public string Path { get; }

    public string At(string relative) => System.IO.Path.Combine(Path, relative);

    public VirtualPath VirtualAt(string relative) => VirtualPath.Parse(At(relative));

    public string Write(string relative, string content)
    {
        string path = At(relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Gives a file a second name.</summary>
    public void Link(string existing, string name)
    {
        using System.Diagnostics.Process ln = System.Diagnostics.Process.Start("ln", [At(existing), At(name)]);
        ln.WaitForExit();
    }

    public void Dispose() => Directory.Delete(Path, true);
}
