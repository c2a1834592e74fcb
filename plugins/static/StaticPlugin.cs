using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;

namespace Repr.Discovery.Fixed;

/// <summary>Options of <see cref="StaticPlugin"/>.</summary>
public sealed class StaticOptions : IValidatableObject
{
    /// <summary>The workers, as in "http://10.0.0.7:7070".</summary>
    [Required]
    [MinLength(1, ErrorMessage = "names no worker.")]
    public Uri[] Addresses { get; set; } = [];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Addresses
        .Where(static address => !address.IsAbsoluteUri || address.Scheme is not ("http" or "https") || address.PathAndQuery != "/")
        .Select(static address => new ValidationResult($"'{address}' is not of the form http://host:port or https://host:port.", [nameof(Addresses)]));
}

/// <summary>"static": workers whose addresses do not change.</summary>
public sealed class StaticPlugin : IPlugin<IWorkerDiscovery, StaticOptions>
{
    /// <inheritdoc/>
    public string Name => "static";

    /// <inheritdoc/>
    public IWorkerDiscovery Create(StaticOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new StaticDiscovery(options.Addresses);
    }

    private sealed class StaticDiscovery(IReadOnlyCollection<Uri> addresses) : IWorkerDiscovery
    {
        public async IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield return addresses;
        }
    }
}
