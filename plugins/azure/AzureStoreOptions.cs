using System.ComponentModel.DataAnnotations;
using Repr.Cas.Far;

namespace Repr.Cas.AzureBlob;

/// <summary>Options of <see cref="AzureBlobPlugin"/>.</summary>
public sealed class AzureStoreOptions() : FarStoreOptions("repr/"), IValidatableObject
{
    /// <summary>The container; it must exist.</summary>
    [Required]
    [RegularExpression("[a-z0-9-]{3,63}|\\$root", ErrorMessage = "has 3 to 63 lower-case letters, digits and hyphens.")]
    public string Container { get; set; } = string.Empty;

    /// <summary>The account with its key or shared access signature, as the portal shows it; null: <see cref="ServiceUri"/> has the account.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>
    /// The account's blob service, as in <c>https://account.blob.core.windows.net</c>; may have a shared access signature as its
    /// query. Without that, <see cref="SasToken"/> and <see cref="AccountKey"/>, credentials are what the client finds (environment,
    /// workload or managed identity, <c>az login</c>); that needs https.
    /// </summary>
    public Uri? ServiceUri { get; set; }

    /// <summary>A shared access signature for <see cref="ServiceUri"/>; it allows to read, create, write and list in the container.</summary>
    public string? SasToken { get; set; }

    /// <summary>The account's name for <see cref="AccountKey"/>.</summary>
    public string? AccountName { get; set; }

    /// <summary>The account's key for <see cref="ServiceUri"/>.</summary>
    public string? AccountKey { get; set; }

    /// <summary>
    /// Where a rule of the account deletes blobs by their age: half of that age. A blob that is older when somebody asks for it gets its
    /// properties set again, which makes it young. Null: blobs are not renewed.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "3650.00:00:00", ErrorMessage = "must lie between 00:00:01 and 3650.00:00:00.")]
    public TimeSpan? RenewAfter { get; set; }

    /// <summary>Questions that are asked at once when several blobs are looked for: the service knows no question for more than one.</summary>
    [Range(1, 256)]
    public int MaxConcurrency { get; set; } = 32;

    /// <summary>Bytes of a block. A blob that is longer is sent in blocks, up to four at once, each held in memory so that it can be sent again.</summary>
    [Range(1 << 20, 512 << 20)]
    public int BlockBytes { get; set; } = 8 << 20;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ConnectionString is null == ServiceUri is null)
        {
            yield return new ValidationResult("one of ConnectionString and ServiceUri is needed, and not both.", [nameof(ConnectionString)]);
        }

        if (ServiceUri is { IsAbsoluteUri: false } || ServiceUri is { Scheme: not ("http" or "https") })
        {
            yield return new ValidationResult("must begin with http:// or https://.", [nameof(ServiceUri)]);
        }

        if (AccountName is null != AccountKey is null)
        {
            yield return new ValidationResult("AccountName and AccountKey go together.", [nameof(AccountKey)]);
        }

        if (ServiceUri is null && (SasToken ?? AccountKey) is not null)
        {
            yield return new ValidationResult("SasToken and AccountKey need ServiceUri.", [nameof(ServiceUri)]);
        }

        if (ServiceUri is { IsAbsoluteUri: true })
        {
            int given = new[] { SasToken is not null, AccountKey is not null, ServiceUri.Query.Length > 1 }.Count(static given => given);
            if (given > 1)
            {
                yield return new ValidationResult("may have one of SasToken, AccountKey and a query, and not more.", [nameof(ServiceUri)]);
            }

            if (given == 0 && ServiceUri.Scheme == "http")
            {
                yield return new ValidationResult("must begin with https:// unless SasToken or AccountKey is given.", [nameof(ServiceUri)]);
            }
        }
    }
}
