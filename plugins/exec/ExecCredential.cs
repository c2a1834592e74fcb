using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace Repr.Security.Exec;

/// <summary>Asks a program for the token, and again when that is about to expire or a worker does not know it. Safe for concurrent use.</summary>
internal sealed class ExecCredential(ExecCredentialOptions options, TimeProvider time) : ICredential, IDisposable
{
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, (string Token, DateTimeOffset Until)> _tokens = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public IReadOnlyCollection<string> SecretFiles => [];

    /// <inheritdoc/>
    public async ValueTask<string> GetTokenAsync(Uri worker, CancellationToken cancellationToken)
    {
        string origin = worker.GetLeftPart(UriPartial.Authority);
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_tokens.TryGetValue(origin, out (string Token, DateTimeOffset Until) known) && time.GetUtcNow() < known.Until)
            {
                return known.Token;
            }

            (string token, DateTimeOffset? expires) = Read(await RunAsync(origin, cancellationToken));
            _tokens[origin] = (token, expires - Margin ?? time.GetUtcNow().AddSeconds(options.CacheSeconds));
            return token;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Forget(string token)
    {
        _gate.Wait();
        try
        {
            foreach (string origin in _tokens.Where(pair => pair.Value.Token == token).Select(static pair => pair.Key).ToList())
            {
                _tokens.Remove(origin);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private async Task<string> RunAsync(string origin, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo(options.Command!, options.Arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        try
        {
            process.Start();
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> said = process.StandardError.ReadToEndAsync(limit.Token); // not repeated: it may be secret
            await AskAsync(process, origin);
            string text = await output;
            await said;
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? text : throw Failed($"ended with exit code {process.ExitCode}");
        }
        catch (Win32Exception exception)
        {
            throw Failed($"could not be started: {exception.Message}", exception);
        }
        catch (OperationCanceledException exception)
        {
            Kill(process);
            cancellationToken.ThrowIfCancellationRequested();
            throw Failed($"did not end within {options.TimeoutSeconds} s", exception);
        }
    }

    private static async Task AskAsync(Process process, string origin)
    {
        try
        {
            await process.StandardInput.WriteAsync(JsonSerializer.Serialize(new Dictionary<string, string> { ["uri"] = origin }));
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It does not read what it is asked.
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    private (string Token, DateTimeOffset? Expires) Read(string output)
    {
        try
        {
            if (!output.AsSpan().TrimStart().StartsWith("{"))
            {
                return (BearerToken.Parse(output), null);
            }

            using JsonDocument answer = JsonDocument.Parse(output);
            string? header = answer.RootElement.GetProperty("headers").EnumerateObject()
                .Where(static pair => string.Equals(pair.Name, "Authorization", StringComparison.OrdinalIgnoreCase))
                .Select(static pair => pair.Value[0].GetString())
                .FirstOrDefault();
            const string Scheme = "Bearer ";
            return header?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) == true
                ? (BearerToken.Parse(header[Scheme.Length..]), answer.RootElement.TryGetProperty("expires", out JsonElement expires) ? expires.GetDateTimeOffset() : null)
                : throw Failed("wrote no header 'Authorization: Bearer ...'");
        }
        catch (Exception exception) when (exception is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw Failed("wrote neither a token nor the JSON of a credential helper"); // without the cause, which may repeat what it wrote
        }
    }

    private ReprException Failed(string what, Exception? cause = null) => new(
        ReprErrorCode.Unauthenticated, $"The credential helper '{options.Command}' {what}. Run it by hand to see why.", cause);
}
