using System.Text;

namespace Repr.Server.Reapi;

/// <summary>Who an action of the Remote Execution API believes to be: the same user on every worker, with a name.</summary>
internal static class Accounts
{
    /// <summary>User and group.</summary>
    public const uint Id = 1000;

    private const int FileMode = 0x1A4; // 0o644

    private static readonly (VirtualPath Path, byte[] Content)[] s_files =
    [
        (VirtualPath.Parse("/etc/passwd"), Encoding.UTF8.GetBytes(
            """
            root:x:0:0:root:/:/bin/sh
            build:x:1000:1000:build:/tmp:/bin/sh
            nobody:x:65534:65534:nobody:/:/bin/false

            """)),
        (VirtualPath.Parse("/etc/group"), Encoding.UTF8.GetBytes(
            """
            root:x:0:
            build:x:1000:
            nogroup:x:65534:

            """)),
    ];

    /// <summary>The files that say so; their content is in the store while the lease is held.</summary>
    public static async ValueTask<IReadOnlyList<InputFact>> StoreAsync(
        ILocalContentStore store, IContentLease lease, CancellationToken cancellationToken)
    {
        List<InputFact> facts = [new DirectoryFact(VirtualPath.Parse("/etc"), IsComplete: true, 0x1ED, InputRoot.ModifiedNs)];
        foreach ((VirtualPath path, byte[] bytes) in s_files)
        {
            Digest digest = Digest.Compute(bytes);
            lease.Add(digest);
            using MemoryStream content = new(bytes, writable: false);
            await store.PutAsync(digest, content, cancellationToken);
            facts.Add(new FileFact(path, digest, bytes.Length, FileMode, InputRoot.ModifiedNs));
        }

        return facts;
    }
}
