using System.Security.Cryptography;
using System.Text;
using Repr.Farm;

namespace Repr.Server.Scheduling;

/// <summary>Section <c>Farm</c> of a worker's settings file. The same on all workers of a farm, except for the labels.</summary>
public sealed class FarmOptions
{
    /// <summary>What this worker has that others have not.</summary>
    public IList<string> Labels { get; init; } = [];

    /// <summary>Shares of users and of their projects, as in "alice" and "alice/app"; those that are not named have 1.</summary>
    public IDictionary<string, double> Shares { get; init; } = new Dictionary<string, double>();

    /// <summary>Share of interactive work when batch work wants all the rest.</summary>
    public double InteractiveShare { get; set; } = 9;

    /// <summary>Share of batch work.</summary>
    public double BatchShare { get; set; } = 1;

    /// <summary>Whether the workers of the farm give each other content, so that a requester sends each blob to one of them only.</summary>
    public bool SharesContent { get; set; } = true;

    /// <summary>Whether they give each other results of tools' runs, too; only where they share content.</summary>
    public bool SharesResults { get; set; } = true;

    /// <summary>Password of the farm's store; null: that of its address.</summary>
    public string? Password { get; set; }

    /// <summary>All that is wrong, one sentence each.</summary>
    internal IEnumerable<string> FindProblems()
    {
        foreach ((string name, double share) in Shares.Append(new("InteractiveShare", InteractiveShare)).Append(new("BatchShare", BatchShare)))
        {
            if (share is not (> 0 and < 1e6))
            {
                yield return $"Farm: the share of '{name}' is not a number above 0.";
            }
        }
    }

    /// <summary>The pool's rules.</summary>
    /// <param name="farm">The farm, as the option has it.</param>
    internal PoolOptions ToPool(string farm) => new()
    {
        Key = KeyOf(farm),
        Weights = new Dictionary<string, double>(Shares),
        InteractiveWeight = InteractiveShare,
        BatchWeight = BatchShare,
    };

    /// <summary>
    /// What all workers of a farm know, and no requester needs to: made of where they find each other and of the password there. Alone, nobody
    /// needs it, and it is another one each time.
    /// </summary>
    /// <param name="farm">The farm, as the option has it.</param>
    internal byte[] KeyOf(string farm)
    {
        if (farm == WorkerOptions.LocalFarm)
        {
            return RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes);
        }

        Uri store = new(farm);
        string secret = Password ?? Uri.UnescapeDataString(store.UserInfo.Split(':', 2).ElementAtOrDefault(1) ?? "");
        return HMACSHA256.HashData(
            Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes("repr-farm " + store.AbsolutePath.Trim('/'))); // its host may be spelled in several ways
    }
}
