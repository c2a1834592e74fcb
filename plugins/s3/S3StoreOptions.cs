using System.ComponentModel.DataAnnotations;
using Repr.Cas.Far;

namespace Repr.Cas.S3;

/// <summary>Options of <see cref="S3Plugin"/>.</summary>
public sealed class S3StoreOptions() : FarStoreOptions("repr/"), IValidatableObject
{
    /// <summary>The bucket; it must exist.</summary>
    [Required]
    public string Bucket { get; set; } = string.Empty;

    /// <summary>The server, as in <c>http://ceph:7480</c>; null: Amazon's for <see cref="Region"/>.</summary>
    public Uri? ServiceUrl { get; set; }

    /// <summary>The region; null: what the SDK finds (<c>AWS_REGION</c>, profile), or <c>us-east-1</c> with a <see cref="ServiceUrl"/>.</summary>
    public string? Region { get; set; }

    /// <summary>The bucket is the first part of the path instead of the host's name. Null: yes with a <see cref="ServiceUrl"/>, else no.</summary>
    public bool? PathStyle { get; set; }

    /// <summary>The access key's id; null: credentials are what the SDK finds (environment, profile, web identity, instance).</summary>
    public string? AccessKey { get; set; }

    /// <summary>The secret of <see cref="AccessKey"/>.</summary>
    public string? SecretKey { get; set; }

    /// <summary>The token of temporary credentials; null: none.</summary>
    public string? SessionToken { get; set; }

    /// <summary>
    /// Where a rule of the bucket deletes objects by their age: half of that age. A blob that is older when somebody asks for it is
    /// copied onto itself, which makes it young. Null: objects are not renewed.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "3650.00:00:00", ErrorMessage = "must lie between 00:00:01 and 3650.00:00:00.")]
    public TimeSpan? RenewAfter { get; set; }

    /// <summary>Questions that are asked at once when several blobs are looked for: S3 knows no question for more than one.</summary>
    [Range(1, 256)]
    public int MaxConcurrency { get; set; } = 32;

    /// <summary>
    /// Bytes of a part. A blob that is longer is sent in parts, up to four at once, each held in memory so that it can be sent again.
    /// Grows by itself for blobs of more than 10,000 parts.
    /// </summary>
    [Range(5 << 20, 512 << 20)]
    public int PartBytes { get; set; } = 8 << 20;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ServiceUrl is { IsAbsoluteUri: false } || ServiceUrl is { Scheme: not ("http" or "https") })
        {
            yield return new ValidationResult("must begin with http:// or https://.", [nameof(ServiceUrl)]);
        }

        if (AccessKey is null != SecretKey is null)
        {
            yield return new ValidationResult("AccessKey and SecretKey go together.", [nameof(SecretKey)]);
        }

        if (SessionToken is not null && AccessKey is null)
        {
            yield return new ValidationResult("needs AccessKey and SecretKey.", [nameof(SessionToken)]);
        }
    }
}
