using Repr.Farm;
using Wire = Repr.Protocol.V1;

namespace Repr.Server.Scheduling;

/// <summary>Messages of farm.proto and the nouns of the pool. What arrives is validated here. Pure.</summary>
internal static class LeaseConversions
{
    private const int MaximumText = 1024;
    private const int MaximumList = 64;

    /// <summary>Reads an ask.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>.</exception>
    public static SlotAsk ToAsk(this Wire.Need? need, string user)
    {
        Require(need is not null && need.Labels.Count <= MaximumList && need.Avoid.Count <= MaximumList);
        Require(need!.MemoryBytes >= 0 && need.Seconds is >= 0 and < 1e9 && need.SecondsAfter is >= 0 and < 1e9);
        Require(need.Labels.Concat(need.Avoid).Append(need.Project).Append(need.Platform).Append(user).All(static text => text.Length <= MaximumText));
        return new SlotAsk
        {
            Front = "",
            Number = 0,
            Account = new Account(need.Priority == Wire.Priority.Batch ? Priority.Batch : Priority.Interactive, user, need.Project),
            Platform = need.Platform,
            Labels = [.. need.Labels.Order(StringComparer.Ordinal)],
            ToolKey = need.ToolKey,
            ContentKey = need.ContentKey,
            MemoryBytes = need.MemoryBytes,
            ExpectedSeconds = need.Seconds,
            SecondsAfter = need.SecondsAfter,
            Avoid = [.. need.Avoid.Order(StringComparer.Ordinal)],
        };
    }

    /// <summary>Reads a lease.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>.</exception>
    public static SlotLease ToLease(this Wire.Lease lease)
    {
        Require(new[] { lease.LeaseId, lease.WorkerId, lease.Incarnation, lease.Endpoint, lease.Front }.All(static text => text.Length is > 0 and <= MaximumText));
        Require(lease.Seal.Length <= MaximumText);
        return new SlotLease
        {
            Id = lease.LeaseId,
            Worker = lease.WorkerId,
            Incarnation = lease.Incarnation,
            Endpoint = lease.Endpoint,
            Seal = lease.Seal,
            Ask = lease.Need.ToAsk(lease.User) with { Front = lease.Front, Number = (long)lease.Number },
        };
    }

    /// <summary>Writes a lease.</summary>
    public static Wire.Lease ToWire(this SlotLease lease)
    {
        SlotAsk ask = lease.Ask;
        Wire.Lease wire = new()
        {
            LeaseId = lease.Id,
            WorkerId = lease.Worker,
            Incarnation = lease.Incarnation,
            Endpoint = lease.Endpoint,
            Seal = lease.Seal,
            Front = ask.Front,
            Number = (ulong)ask.Number,
            User = ask.Account.User,
            Need = new Wire.Need
            {
                Priority = ask.Account.Priority == Priority.Batch ? Wire.Priority.Batch : Wire.Priority.Interactive,
                Project = ask.Account.Project,
                Platform = ask.Platform,
                ToolKey = ask.ToolKey,
                ContentKey = ask.ContentKey,
                MemoryBytes = ask.MemoryBytes,
                Seconds = ask.ExpectedSeconds,
                SecondsAfter = ask.SecondsAfter,
            },
        };
        wire.Need.Labels.AddRange(ask.Labels);
        wire.Need.Avoid.AddRange(ask.Avoid);
        return wire;
    }

    /// <summary>Reads the end of a lease.</summary>
    public static LeaseEnd ToEnd(this Wire.LeaseEnd end) => new(
        end.LeaseId,
        end.Outcome switch
        {
            Wire.LeaseEnd.Types.Outcome.Done => LeaseOutcome.Done,
            Wire.LeaseEnd.Types.Outcome.Failed => LeaseOutcome.Failed,
            Wire.LeaseEnd.Types.Outcome.Different => LeaseOutcome.Different,
            _ => LeaseOutcome.Unused,
        });

    /// <summary>Writes what to expect.</summary>
    public static Wire.Expected ToWire(this QueueAnswer answer) =>
        new() { Workers = (uint)answer.Workers, Queued = (uint)answer.Queued, Seconds = answer.Seconds };

    /// <summary>Writes the farm.</summary>
    public static Wire.FarmState ToWire(this FarmView view)
    {
        Wire.FarmState state = new() { Slots = (uint)view.Slots, Busy = (uint)view.Busy, Queued = (uint)view.Queued };
        state.Endpoints.AddRange(view.Endpoints);
        return state;
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, "A lease or the need for one is malformed; use the same version of Repr on both sides.");
        }
    }
}
