using System.Net;
using System.Runtime.CompilerServices;
using DnsClient;
using DnsClient.Protocol;

namespace Repr.Discovery.Dns;

/// <summary>
/// Asks name servers. That a name has no such records, or does not exist, is an empty set; no answer, or another one, is a failure. Of SRV
/// records only those of the lowest priority count (RFC 2782); weights do not: load is measured. With http the workers are addressed by
/// IP address, as the asked servers know them; with https by name, since that is what their certificates have.
/// </summary>
internal sealed class DnsDiscovery : IWorkerDiscovery
{
    private const int DnsPort = 53;

    private readonly DnsOptions _options;
    private readonly TimeProvider _time;
    private readonly LookupClient _client;

    /// <summary>Makes it; nothing is asked yet.</summary>
    public DnsDiscovery(DnsOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        IPEndPoint[] servers = [.. options.Servers.Select(static server => IPEndPoint.Parse(server))];
        foreach (IPEndPoint server in servers.Where(static server => server.Port == 0))
        {
            server.Port = DnsPort;
        }

        LookupClientOptions client = servers.Length > 0 ? new LookupClientOptions(servers) : new LookupClientOptions();
        client.UseCache = false; // the time to live is obeyed here
        client.ThrowDnsErrors = false;
        client.Timeout = TimeSpan.FromSeconds(2);
        client.Retries = 1;
        _client = new LookupClient(client);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        HashSet<Uri>? before = null;
        while (true)
        {
            (HashSet<Uri> found, TimeSpan timeToLive) = await (_options.Records == DnsRecords.Services
                ? FindServicesAsync(cancellationToken)
                : FindAddressesAsync(_options.Name, _options.Port, cancellationToken));
            if (before is null || !before.SetEquals(found))
            {
                before = found;
                yield return found;
            }

            double seconds = Math.Clamp(timeToLive.TotalSeconds, _options.MinimumSeconds, _options.MaximumSeconds);
            await Task.Delay(TimeSpan.FromSeconds(seconds), _time, cancellationToken);
        }
    }

    private async Task<(HashSet<Uri> Found, TimeSpan TimeToLive)> FindAddressesAsync(string name, int port, CancellationToken cancellationToken)
    {
        IDnsQueryResponse[] answers = await Task.WhenAll(
            AskAsync(name, QueryType.A, cancellationToken), AskAsync(name, QueryType.AAAA, cancellationToken));
        AddressRecord[] records = [.. answers.SelectMany(static answer => answer.Answers.AddressRecords())];
        return (
            [.. records.Select(record => new UriBuilder(_options.Scheme, record.Address.ToString(), port).Uri)],
            ShortestOf(answers.SelectMany(static answer => answer.Answers)));
    }

    private async Task<(HashSet<Uri> Found, TimeSpan TimeToLive)> FindServicesAsync(CancellationToken cancellationToken)
    {
        IDnsQueryResponse answer = await AskAsync(_options.Name, QueryType.SRV, cancellationToken);
        SrvRecord[] services = [.. answer.Answers.SrvRecords().Where(static service => service.Target.Value != ".")];
        TimeSpan shortest = ShortestOf(answer.Answers);
        HashSet<Uri> found = [];
        foreach (SrvRecord service in services.Where(service => service.Priority == services.Min(static other => other.Priority)))
        {
            string target = service.Target.Value.TrimEnd('.');
            if (_options.Scheme == Uri.UriSchemeHttps)
            {
                found.Add(new UriBuilder(_options.Scheme, target, service.Port).Uri);
                continue;
            }

            (HashSet<Uri> addresses, TimeSpan timeToLive) = await FindAddressesAsync(target, service.Port, cancellationToken);
            found.UnionWith(addresses);
            shortest = timeToLive < shortest ? timeToLive : shortest;
        }

        return (found, shortest);
    }

    private async Task<IDnsQueryResponse> AskAsync(string name, QueryType type, CancellationToken cancellationToken)
    {
        try
        {
            IDnsQueryResponse answer = await _client.QueryAsync(name, type, cancellationToken: cancellationToken);
            return answer.Header.ResponseCode is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain
                ? answer
                : throw new IOException($"the name server {answer.NameServer} answers '{answer.Header.ResponseCode}' for {type} of '{name}'");
        }
        catch (DnsResponseException failure)
        {
            throw new IOException($"{type} of '{name}' can't be asked for: {failure.Message}", failure);
        }
    }

    private static TimeSpan ShortestOf(IEnumerable<DnsResourceRecord> records) =>
        records.Select(static record => TimeSpan.FromSeconds(record.TimeToLive)).DefaultIfEmpty(TimeSpan.Zero).Min();
}
