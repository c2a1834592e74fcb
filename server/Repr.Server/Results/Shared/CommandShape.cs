using System.Text;
using Repr.Server.Execution;

namespace Repr.Server.Results.Shared;

/// <summary>
/// A command without the place of its sources: the same for two checkouts of a project, also of two requesters. Immutable.
/// </summary>
/// <param name="Name">The fingerprint of the command without that place, without its environment and its user.</param>
/// <param name="Tool">The fingerprint of its tool alone.</param>
/// <param name="Sources">Where its sources are: the outermost directory of those that the requester lets a worker ask about and that hold the working directory.</param>
internal sealed record CommandShape(Digest Name, Digest Tool, VirtualPath Sources)
{
    private const long LargestResponseFile = 1 << 20;
    private const char Place = '\u0001'; // in no path and no argument

    /// <summary>Makes it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="caller">Whose runs are known to it: a caller's name, or the same for all.</param>
    /// <param name="workspace">The kind of workspace.</param>
    /// <param name="store">Has the response files.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async ValueTask<CommandShape> OfAsync(
        ActionRequest request, string caller, string workspace, IContentStore store, CancellationToken cancellationToken)
    {
        Command command = request.Command;
        VirtualPath sources = FindSources(command.WorkingDirectory, request.ReadRoots);
        using Fingerprint tool = new("repr tool 1");
        tool.Add(System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier).Add(workspace).Add(caller).Add(command.Program.Text)
            .Add([.. command.Arguments.Take(3).Where(static argument => argument.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))]);
        Digest toolName = tool.End();

        using Fingerprint name = new("repr shape 1");
        name.Add(toolName)
            .Add([.. command.Arguments.Select(argument => WithoutPlace(argument, sources))])
            .Add(WithoutPlace(command.WorkingDirectory.Text, sources))
            .Add([.. command.OutputRoots.Select(root => WithoutPlace(root.Text, sources)).Order(StringComparer.Ordinal)]);
        foreach (FileFact file in WeakFingerprint.ResponseFiles(request))
        {
            name.Add(await ReadAsync(file.Digest!.Value, store, cancellationToken) is { } text
                ? WithoutPlace(text, sources)
                : file.Digest.Value.HashText);
        }

        return new CommandShape(name.End(), toolName, sources);
    }

    /// <summary>The outermost root that holds a directory; the directory itself when none does.</summary>
    public static VirtualPath FindSources(VirtualPath directory, IReadOnlyList<VirtualPath> roots)
    {
        VirtualPath found = directory;
        foreach (VirtualPath root in roots)
        {
            if (!root.IsRoot && directory.IsWithin(root) && found.IsWithin(root))
            {
                found = root;
            }
        }

        return found;
    }

    /// <summary>Takes the place of the sources out of a text, wherever it is a whole path or the beginning of one.</summary>
    public static string WithoutPlace(string text, VirtualPath sources)
    {
        string place = sources.Text;
        if (sources.IsRoot || !text.Contains(place, StringComparison.Ordinal))
        {
            return text;
        }

        StringBuilder result = new(text.Length);
        int from = 0;
        for (int at = text.IndexOf(place, StringComparison.Ordinal); at >= 0; at = text.IndexOf(place, from, StringComparison.Ordinal))
        {
            int end = at + place.Length;
            bool isWhole = end == text.Length || !IsOfName(text[end]); // what is before may be an option, as in "-I/src"
            result.Append(text, from, at - from).Append(isWhole ? Place.ToString() : place);
            from = end;
        }

        return result.Append(text, from, text.Length - from).ToString();
    }

    private static bool IsOfName(char character) => char.IsLetterOrDigit(character) || character is '.' or '_' or '-' or '+' or '@' or '~';

    private static async ValueTask<string?> ReadAsync(Digest digest, IContentStore store, CancellationToken cancellationToken)
    {
        if (digest.SizeBytes > LargestResponseFile)
        {
            return null;
        }

        try
        {
            await using Stream? content = await store.OpenAsync(digest, cancellationToken);
            if (content is null)
            {
                return null;
            }

            using StreamReader reader = new(content, Encoding.UTF8);
            return await reader.ReadToEndAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is ReprException or IOException)
        {
            return null;
        }
    }
}
