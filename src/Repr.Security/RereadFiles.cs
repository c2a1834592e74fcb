using System.Security.Cryptography;

namespace Repr.Security;

/// <summary>
/// A value that is made of the contents of small files, and made again when these change: tokens, keys, certificates. Contents are
/// compared, at most once a second: neither a coarse clock nor a link that leads elsewhere can hide a change. Safe for concurrent use.
/// </summary>
/// <param name="paths">The files, as absolute paths.</param>
/// <param name="parse">Makes the value. Its exceptions must not repeat content.</param>
/// <param name="time">The clock.</param>
public sealed class RereadFiles<T>(IReadOnlyList<string> paths, Func<IReadOnlyList<byte[]>, T> parse, TimeProvider time)
    where T : class
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly byte[]?[] _hashes = new byte[paths.Count][];
    private T? _value;
    private long _readAt;

    /// <summary>The value of what the files hold now, or held less than a second ago.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Unauthenticated"/>: a file cannot be read or does not hold what it should; the message names it.
    /// </exception>
    public T Read()
    {
        lock (_lock)
        {
            if (_value is not null && time.GetElapsedTime(_readAt) < Patience)
            {
                return _value;
            }

            try
            {
                byte[][] contents = [.. paths.Select(File.ReadAllBytes)];
                byte[][] hashes = [.. contents.Select(SHA256.HashData)];
                if (_value is null || !hashes.Zip(_hashes).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
                {
                    _value = null; // what is not there any more must not count, even if what is there is malformed
                    _value = parse(contents);
                    hashes.CopyTo(_hashes, 0);
                }

                _readAt = time.GetTimestamp();
                return _value;
            }
            catch (Exception exception) when (
                exception is IOException or UnauthorizedAccessException or FormatException or ArgumentException or CryptographicException)
            {
                _value = null;
                string names = string.Join(", ", paths.Select(static path => $"'{path}'"));
                throw new ReprException(ReprErrorCode.Unauthenticated, $"{names} cannot be used: {exception.Message}", exception);
            }
        }
    }
}
