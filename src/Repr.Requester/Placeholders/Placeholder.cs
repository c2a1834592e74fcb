using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Repr.Requester.Placeholders;

/// <summary>
/// A file that is not here: what it is, without its bytes. Its path says it all, so that whoever serves it need know nothing else, and two
/// files of the same content have times of their own. Immutable.
/// </summary>
/// <param name="Digest">Its content.</param>
/// <param name="Mode">Permission bits, 0o777.</param>
/// <param name="ModifiedNs">Nanoseconds since 1970 UTC.</param>
/// <param name="Name">Its last component: tools look at extensions.</param>
internal sealed record Placeholder(Digest Digest, int Mode, long ModifiedNs, string Name)
{
    private const int DirectoryParts = 4;

    /// <summary>The directory in which it is, as in "(64 hexadecimal digits)-(bytes)-(mode, octal)-(nanoseconds)".</summary>
    public string Directory => string.Create(
        CultureInfo.InvariantCulture, $"{Digest.HashText}-{Digest.SizeBytes}-{Convert.ToString(Mode, 8)}-{ModifiedNs}");

    /// <summary>Reads what <see cref="Directory"/> has written.</summary>
    /// <returns>False when it is something else, even if it is only written in another way.</returns>
    public static bool TryParse(string directory, string name, [NotNullWhen(true)] out Placeholder? placeholder)
    {
        placeholder = null;
        string[] parts = directory.Split('-');
        if (parts.Length != DirectoryParts
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long size)
            || !Digest.TryParse(parts[0], size, out Digest digest)
            || parts[2].Length is 0 or > 3 || parts[2].AsSpan().ContainsAnyExceptInRange('0', '7')
            || !long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out long modifiedNs))
        {
            return false;
        }

        Placeholder read = new(digest, Convert.ToInt32(parts[2], 8), modifiedNs, name);
        placeholder = read.Directory == directory ? read : null;
        return placeholder is not null;
    }
}

/// <summary>Where the bytes of a placeholder come from.</summary>
/// <param name="Digest">Its content.</param>
/// <param name="Contents">Who fetches it.</param>
internal sealed record PlaceholderContent(Digest Digest, PlaceholderContents Contents)
{
    /// <summary>Opens its content on this machine, fetched and checked. The caller disposes the handle.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: nobody has it any more.</exception>
    public ValueTask<Microsoft.Win32.SafeHandles.SafeFileHandle> OpenAsync(CancellationToken cancellationToken) =>
        Contents.OpenAsync(Digest, cancellationToken);
}
