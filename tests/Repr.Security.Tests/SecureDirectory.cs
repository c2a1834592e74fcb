using Repr.Testing;

namespace Repr.Security.Tests;

/// <summary>A directory of its own for a test, with an authority.</summary>
internal sealed class SecureDirectory : IDisposable
{
    public SecureDirectory()
    {
        Path = Directory.CreateTempSubdirectory("repr-security-").FullName;
        Authority = new TestAuthority(System.IO.Path.Combine(Path, "pki"));
    }

    public string Path { get; }

    public TestAuthority Authority { get; }

    /// <summary>Writes a file by renaming it into place, and returns its path.</summary>
    public string Write(string name, string content)
    {
        string path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path + ".new", content);
        File.SetUnixFileMode(path + ".new", UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }

    public void Dispose()
    {
        Authority.Dispose();
        Directory.Delete(Path, recursive: true);
    }
}
