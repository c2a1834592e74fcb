using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Repr.Security.Jwt;

/// <summary>
/// The keys of an issuer: fetched when they are needed first, after an hour, and when a token is signed by another key (the issuer has
/// changed them). When they cannot be fetched, those before them stay. Safe for concurrent use.
/// </summary>
internal sealed class IssuerKeys : IDisposable
{
    private static readonly TimeSpan Age = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _gate = new(1);
    private readonly HttpClient _client = new() { Timeout = Patience };
    private readonly JwtOptions _options;
    private readonly PluginContext _context;
    private IReadOnlyList<SecurityKey>? _keys;
    private long _fetchedAt;
    private long? _triedAt;

    /// <summary>Makes one that has fetched nothing yet.</summary>
    public IssuerKeys(JwtOptions options, PluginContext context)
    {
        _options = options;
        _context = context;
    }

    /// <summary>The keys.</summary>
    /// <param name="unlike">Keys that are not enough: others are wanted; null: any will do.</param>
    /// <param name="cancellationToken">Nobody waits any more.</param>
    /// <returns>What is known; null: nothing could be fetched ever. The same as before when it is too early to fetch again.</returns>
    public async ValueTask<IReadOnlyList<SecurityKey>?> GetAsync(IReadOnlyList<SecurityKey>? unlike, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _keys) is { } known && !ReferenceEquals(known, unlike) && !IsOld)
        {
            return known;
        }

        await _gate.WaitAsync(cancellationToken);
        try
        {
            bool isEnough = _keys is not null && !ReferenceEquals(_keys, unlike) && !IsOld;
            if (isEnough || (_triedAt is { } tried && _context.Time.GetElapsedTime(tried) < TimeSpan.FromSeconds(_options.RefreshSeconds)))
            {
                return _keys;
            }

            try
            {
                IReadOnlyList<SecurityKey> fetched = await FetchAsync(cancellationToken);
                Volatile.Write(ref _fetchedAt, _context.Time.GetTimestamp());
                Volatile.Write(ref _keys, fetched);
            }
            catch (Exception exception) when (
                exception is IOException or HttpRequestException or InvalidOperationException or ArgumentException
                || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                _context.Warn($"The keys of '{_options.Issuer}' could not be fetched: {exception.GetBaseException().Message}");
            }

            _triedAt = _context.Time.GetTimestamp();
            return _keys;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _client.Dispose();
        _gate.Dispose();
    }

    private bool IsOld => _context.Time.GetElapsedTime(Volatile.Read(ref _fetchedAt)) > Age;

    private async Task<IReadOnlyList<SecurityKey>> FetchAsync(CancellationToken cancellationToken)
    {
        string address = _options.KeysUrl ?? _options.Issuer!.TrimEnd('/') + "/.well-known/openid-configuration";
        HttpDocumentRetriever retriever = new(_client) { RequireHttps = !new Uri(address).IsLoopback };
        if (_options.KeysUrl is not null)
        {
            return [.. new JsonWebKeySet(await retriever.GetDocumentAsync(address, cancellationToken)).GetSigningKeys()];
        }

        OpenIdConnectConfiguration found = await OpenIdConnectConfigurationRetriever.GetAsync(address, retriever, cancellationToken);
        return found.Issuer == _options.Issuer
            ? [.. found.SigningKeys]
            : throw new InvalidOperationException($"'{address}' is of the issuer '{found.Issuer}'.");
    }
}
