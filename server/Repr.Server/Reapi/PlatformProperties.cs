using System.Runtime.InteropServices;
using Repr.Protocol.Reapi;

namespace Repr.Server.Reapi;

/// <summary>
/// What a worker offers of the platform that an action may ask for. Each property of an action must be offered with that value: one
/// that is not known here may mean anything, an image with another compiler for instance.
/// </summary>
internal sealed class PlatformProperties
{
    private const string AnyValue = "*";

    private readonly List<(string Name, string Value)> _offered =
    [
        ("OSFamily", "linux"),
        ("OSFamily", "Linux"),
        ("ISA", RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "x86-64",
            Architecture.Arm64 => "arm-a64",
            Architecture other => other.ToString().ToLowerInvariant(),
        }),
    ];

    /// <summary>The machine's own properties and those of the administrator.</summary>
    /// <param name="offered">NAME=VALUE; the value '*' stands for any.</param>
    /// <exception cref="ArgumentException">One has another form; the message is for the administrator.</exception>
    public PlatformProperties(IEnumerable<string> offered)
    {
        foreach (string text in offered)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            _offered.Add(equals > 0
                ? (text[..equals], text[(equals + 1)..])
                : throw new ArgumentException($"--reapi-platform: '{text}' is not NAME=VALUE."));
        }
    }

    /// <summary>Checks what an action asks for.</summary>
    /// <exception cref="ReapiException">It is not offered.</exception>
    public void Require(Platform? wanted)
    {
        foreach (Platform.Types.Property property in wanted?.Properties ?? [])
        {
            if (!_offered.Any(offer => offer.Name == property.Name && (offer.Value == property.Value || offer.Value == AnyValue)))
            {
                throw ReapiException.Unmet(
                    $"The action asks for a worker with the platform property '{property.Name}={property.Value}'; this one offers "
                    + $"{string.Join(", ", _offered.Select(offer => $"{offer.Name}={offer.Value}"))}. Remove it from the client's exec_properties, "
                    + $"or start the worker with --reapi-platform '{property.Name}={property.Value}' if that is what it is.");
            }
        }
    }
}
