namespace Repr.Requester.Placeholders;

/// <summary>
/// The workers that have contents of placeholders, the last one first. Kept in a file beyond this process, since the links are too. Safe
/// for concurrent use.
/// </summary>
/// <param name="path">The file; a line for each.</param>
internal sealed class PlaceholderWorkers(string path)
{
    private const int Kept = 32;

    private readonly Lock _writing = new();
    private volatile IReadOnlyList<Uri> _endpoints = Read(path);

    /// <summary>The workers; none: nothing has ever been left with one.</summary>
    public IReadOnlyList<Uri> Endpoints => _endpoints;

    /// <summary>Notes a worker that has left something there.</summary>
    public void Note(Uri endpoint)
    {
        if (_endpoints is [Uri last, ..] && last == endpoint)
        {
            return;
        }

        lock (_writing)
        {
            bool isNew = !_endpoints.Contains(endpoint);
            _endpoints = [endpoint, .. _endpoints.Concat(Read(path)).Where(other => other != endpoint).Distinct().Take(Kept - 1)];
            if (isNew)
            {
                Write();
            }
        }
    }

    private static IReadOnlyList<Uri> Read(string path)
    {
        try
        {
            return
            [
                .. File.ReadLines(path).Select(line => Uri.TryCreate(line, UriKind.Absolute, out Uri? endpoint) ? endpoint : null)
                    .OfType<Uri>()
                    .Take(Kept),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private void Write()
    {
        try
        {
            string temporary = $"{path}.{Environment.ProcessId}";
            File.WriteAllLines(temporary, _endpoints.Select(endpoint => endpoint.ToString()));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Then the next process has to be told anew: its placeholders are lost, and made again.
        }
    }
}
