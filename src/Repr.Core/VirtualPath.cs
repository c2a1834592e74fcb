using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Repr;

/// <summary>
/// An absolute path of the requester, normalised: it starts with '/', has no empty, "." or ".." component, no NUL and no
/// trailing slash (except the root itself). At most 4,095 bytes in UTF-8, each name at most 255 (Linux PATH_MAX, NAME_MAX).
/// Purely lexical: it knows nothing of links. Immutable; the default value is not a path.
/// <para>
/// A path whose first name is a drive ("/C:/src") is one of Windows and is compared without case, on every system: two spellings of it
/// name one file. All others are compared ordinally, and come before those. <see cref="WindowsPath"/> converts.
/// </para>
/// </summary>
public readonly struct VirtualPath : IEquatable<VirtualPath>, IComparable<VirtualPath>
{
    /// <summary>Longest path in bytes of UTF-8.</summary>
    public const int MaximumLength = 4095;

    /// <summary>Longest name in bytes of UTF-8.</summary>
    public const int MaximumNameLength = 255;

    private readonly string? _text;

    private VirtualPath(string text) => _text = text;

    /// <summary>The root, "/".</summary>
    public static VirtualPath Root { get; } = new("/");

    /// <summary>The path as text.</summary>
    /// <exception cref="InvalidOperationException">This is the default value.</exception>
    public string Text => _text ?? throw new InvalidOperationException("The default VirtualPath is not a path.");

    /// <summary>True for "/".</summary>
    public bool IsRoot => Text.Length == 1;

    /// <summary>True for <c>default(VirtualPath)</c>.</summary>
    public bool IsDefault => _text is null;

    /// <summary>True for a path of Windows: its first name is a drive, as in "/C:/src".</summary>
    public bool HasDrive => Text is ['/', _, ':'] or ['/', _, ':', '/', ..] && char.IsAsciiLetter(Text[1]);

    /// <summary>The last component; empty for the root.</summary>
    public string Name => Text[(Text.LastIndexOf('/') + 1)..];

    /// <summary>The directory that holds this path; the root's parent is the root.</summary>
    public VirtualPath Parent
    {
        get
        {
            int slash = Text.LastIndexOf('/');
            return slash == 0 ? Root : new VirtualPath(Text[..slash]);
        }
    }

    /// <summary>Compares two paths; those of Windows without case.</summary>
    public static bool operator ==(VirtualPath left, VirtualPath right) => left.Equals(right);

    /// <summary>Compares two paths; those of Windows without case.</summary>
    public static bool operator !=(VirtualPath left, VirtualPath right) => !left.Equals(right);

    /// <summary>Orders two paths; those of Windows without case, after all others.</summary>
    public static bool operator <(VirtualPath left, VirtualPath right) => left.CompareTo(right) < 0;

    /// <summary>Orders two paths; those of Windows without case, after all others.</summary>
    public static bool operator >(VirtualPath left, VirtualPath right) => left.CompareTo(right) > 0;

    /// <summary>Orders two paths; those of Windows without case, after all others.</summary>
    public static bool operator <=(VirtualPath left, VirtualPath right) => left.CompareTo(right) <= 0;

    /// <summary>Orders two paths; those of Windows without case, after all others.</summary>
    public static bool operator >=(VirtualPath left, VirtualPath right) => left.CompareTo(right) >= 0;

    /// <summary>Accepts a path that is already normalised; changes nothing.</summary>
    /// <param name="text">The path.</param>
    /// <param name="path">The result.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence: "has a '..' component".</param>
    public static bool TryParse(string? text, out VirtualPath path, [NotNullWhen(false)] out string? problem)
    {
        path = default;
        problem = FindProblem(text);
        if (problem is not null)
        {
            return false;
        }

        path = new VirtualPath(text!);
        return true;
    }

    /// <summary>Accepts a path that is already normalised.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: the path is not absolute and normalised.</exception>
    public static VirtualPath Parse(string? text) =>
        TryParse(text, out VirtualPath path, out string? problem)
            ? path
            : throw new ReprException(ReprErrorCode.InvalidRequest, $"The path '{Shorten(text)}' {problem}.");

    /// <summary>The path of an entry of this directory.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: the name is not one component.</exception>
    public VirtualPath Append(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Contains('/', StringComparison.Ordinal)
            ? throw new ReprException(ReprErrorCode.InvalidRequest, $"'{Shorten(name)}' is not a file name.")
            : Parse(IsRoot ? "/" + name : Text + "/" + name);
    }

    /// <summary>True for the root itself and everything below it. Compares whole components: "/a/bc" is not within "/a/b".</summary>
    public bool IsWithin(VirtualPath root) =>
        root.IsRoot
        || (Text.StartsWith(root.Text, root.Comparison)
            && (Text.Length == root.Text.Length || Text[root.Text.Length] == '/'));

    /// <inheritdoc/>
    public bool Equals(VirtualPath other) => string.Equals(_text, other._text, Comparison);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is VirtualPath other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _text is null ? 0 : string.GetHashCode(_text, Comparison);

    /// <inheritdoc/>
    public int CompareTo(VirtualPath other)
    {
        StringComparison mine = Comparison;
        return mine == other.Comparison ? string.Compare(_text, other._text, mine) : mine == StringComparison.Ordinal ? -1 : 1;
    }

    /// <inheritdoc/>
    public override string ToString() => _text ?? "";

    private StringComparison Comparison => _text is not null && HasDrive ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    // In UTF-8, where a char takes three bytes at most: few have to be counted.
    private static bool IsLonger(ReadOnlySpan<char> text, int bytes) =>
        text.Length > bytes || (text.Length > bytes / 3 && Encoding.UTF8.GetByteCount(text) > bytes);

    private static string? FindProblem(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "is empty";
        }

        if (text[0] != '/')
        {
            return "is not absolute";
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return "contains a NUL character";
        }

        if (IsLonger(text, MaximumLength))
        {
            return $"is longer than {MaximumLength} bytes";
        }

        if (text.Length == 1)
        {
            return null;
        }

        foreach (Range range in text.AsSpan(1).Split('/'))
        {
            ReadOnlySpan<char> name = text.AsSpan(1)[range];
            if (name.IsEmpty)
            {
                return "has an empty component";
            }

            if (name is "." or "..")
            {
                return $"has a '{name}' component";
            }

            if (IsLonger(name, MaximumNameLength))
            {
                return $"has a name longer than {MaximumNameLength} bytes";
            }
        }

        return null;
    }

    private static string Shorten(string? text) => text is { Length: > 200 } ? text[..200] + "..." : text ?? "";
}
