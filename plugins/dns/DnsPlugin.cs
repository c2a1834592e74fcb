using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Repr.Discovery.Dns;

/// <summary>Which records say where the workers are.</summary>
public enum DnsRecords
{
    /// <summary>A and AAAA: one address for each worker, all with the same port.</summary>
    Addresses,

    /// <summary>SRV (RFC 2782): names with ports, as in "_repr._tcp.example.com".</summary>
    Services,
}

/// <summary>Options of <see cref="DnsPlugin"/>.</summary>
public sealed class DnsOptions : IValidatableObject
{
    /// <summary>The name that is asked for.</summary>
    [Required]
    public string Name { get; set; } = "";

    /// <summary>What kind of records it has.</summary>
    public DnsRecords Records { get; set; } = DnsRecords.Addresses;

    /// <summary>The workers' port, for <see cref="DnsRecords.Addresses"/>.</summary>
    [Range(1, 65535)]
    public int Port { get; set; } = 7070;

    /// <summary>"http" or "https".</summary>
    [RegularExpression("https?", ErrorMessage = "must be http or https.")]
    public string Scheme { get; set; } = "http";

    /// <summary>Name servers, as in "10.0.0.2" or "10.0.0.2:53"; none: those of this machine.</summary>
    public string[] Servers { get; set; } = [];

    /// <summary>Seconds after which it is asked again at the earliest, and after a failure.</summary>
    [Range(1, 3600)]
    public int MinimumSeconds { get; set; } = 5;

    /// <summary>Seconds after which it is asked again at the latest, whatever the records' time to live.</summary>
    [Range(1, 86400)]
    public int MaximumSeconds { get; set; } = 60;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (MaximumSeconds < MinimumSeconds)
        {
            yield return new ValidationResult("is less than MinimumSeconds.", [nameof(MaximumSeconds)]);
        }

        foreach (string server in Servers.Where(static server => !IPEndPoint.TryParse(server, out _)))
        {
            yield return new ValidationResult($"'{server}' is not an IP address, with or without a port.", [nameof(Servers)]);
        }

        if (Records == DnsRecords.Addresses && Scheme == "https")
        {
            yield return new ValidationResult("with Addresses the workers' certificates would have to be of IP addresses; use Services.", [nameof(Scheme)]);
        }
    }
}

/// <summary>"dns": workers behind a name, asked again when the time to live of its records is over.</summary>
public sealed class DnsPlugin : IPlugin<IWorkerDiscovery, DnsOptions>
{
    /// <inheritdoc/>
    public string Name => "dns";

    /// <inheritdoc/>
    public IWorkerDiscovery Create(DnsOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new DnsDiscovery(options, context.Time);
    }
}
