using System.Buffers.Binary;
using Repr.Server.Execution;

namespace Repr.Server.Results;

/// <summary>
/// What an action sees at paths, each as a digest of all that a tool can learn there: the mode and content of a file that is read, its mode
/// and length when it is only looked at; the mode of a directory, and what the kernel tells of each entry when it is listed; the text of a
/// link; that there is nothing. Times are left out: they change without a change, and no compiler looks at them. One action's; not safe
/// for concurrent use.
/// </summary>
/// <param name="files">What the action sees.</param>
internal sealed class PathFacts(InputTree files)
{
    private readonly Dictionary<ObservedInput, Digest> _known = [];

    /// <summary>What is at a path, if that is known without a question; else null.</summary>
    public Digest? Peek(ObservedInput input)
    {
        if (_known.TryGetValue(input, out Digest known))
        {
            return known;
        }

        if (Describe(input) is not { } fact)
        {
            return null;
        }

        _known.Add(input, fact);
        return fact;
    }

    /// <summary>Asks the requester, about all at the same time: with one question, if it answers such. Afterwards they are known.</summary>
    /// <exception cref="ReprException">An answer could not be had.</exception>
    public async Task AskAsync(IReadOnlyCollection<ObservedInput> inputs, CancellationToken cancellationToken)
    {
        if (files.AsksMany && inputs.Count > 1)
        {
            await files.LookAtManyAsync(inputs, cancellationToken);
            inputs = [.. inputs.Where(input => !files.Knows(input))];
        }

        // Listings afterwards: they say of a file that it is there, without its content.
        await Task.WhenAll(inputs.Select(input => AskEntryAsync(input, cancellationToken)));
        await Task.WhenAll(inputs.Where(static input => input.Kind == ObservedKind.Listed).Select(input => AskListingAsync(input.Path, cancellationToken)));
    }

    /// <summary>The fingerprint of a command in a world.</summary>
    /// <param name="weak">Of the command.</param>
    /// <param name="pathSet">The name of the paths.</param>
    /// <param name="facts">What is at each of them, in their order.</param>
    public static Digest Strong(Digest weak, Digest pathSet, IReadOnlyList<Digest> facts)
    {
        using Fingerprint strong = new("repr result 1");
        strong.Add(weak).Add(pathSet).Add(facts.Count);
        foreach (Digest fact in facts)
        {
            strong.Add(fact);
        }

        return strong.End();
    }

    /// <summary>The beginning of a fact: enough to tell what has changed, not to rely on.</summary>
    public static ulong Shorten(Digest fact)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        fact.CopyHashTo(hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    private async Task AskEntryAsync(ObservedInput input, CancellationToken cancellationToken)
    {
        if (await files.LookAsync(input.Path, cancellationToken) is FileFact file && input.Kind == ObservedKind.Read)
        {
            await files.LookIntoAsync(file, cancellationToken);
        }
    }

    private async Task AskListingAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        if (files.Peek(path) is DirectoryFact directory)
        {
            await files.LookOverAsync(directory, cancellationToken);
        }
    }

    private Digest? Describe(ObservedInput input) => files.Peek(input.Path) switch
    {
        null => null,
        FileFact file when input.Kind == ObservedKind.Read =>
            files.PeekContent(file) is { } content ? End(new Fingerprint("file").Add(file.Mode).Add(content)) : null,
        FileFact file => End(new Fingerprint("file's entry").Add(file.Mode).Add(file.SizeBytes)),
        DirectoryFact directory when input.Kind == ObservedKind.Listed =>
            files.PeekListing(directory) is { } entries ? Describe(directory, entries) : null,
        DirectoryFact { Path.IsRoot: true } => End(new Fingerprint("root")), // not every requester says its mode
        DirectoryFact directory => End(new Fingerprint("directory").Add(directory.Mode)),
        SymlinkFact link => End(new Fingerprint("link").Add(link.Target)),
        _ => End(new Fingerprint("nothing")),
    };

    // A listing tells the kernel the attributes of all entries, so that a tool may learn them without a further question.
    private static Digest Describe(DirectoryFact directory, IReadOnlyList<FileEntry> entries)
    {
        Fingerprint listing = new Fingerprint("listing").Add(directory.Mode).Add(entries.Count);
        foreach (FileEntry entry in entries.OrderBy(static entry => entry.Name, StringComparer.Ordinal))
        {
            listing.Add(entry.Name).Add((int)entry.Kind).Add(entry.Mode).Add(entry.SizeBytes).Add(entry.LinkTarget ?? "");
        }

        return End(listing);
    }

    private static Digest End(Fingerprint fact)
    {
        using (fact)
        {
            return fact.End();
        }
    }
}
