namespace Repr.Farm;

/// <summary>Which worker gets an action. Pure.</summary>
internal static class Placement
{
    private const double MuchSlower = 2;

    /// <summary>
    /// The best of the workers that have room. One with a free slot, by warm tool and content, then by rendezvous hash, so that what
    /// belongs together comes together; else the one whose queue is shortest for its slots, or one with the tool or content where one action more
    /// waits: affinity is worth so much, and no more. What can run at once never waits for it.
    /// </summary>
    /// <param name="workers">All workers.</param>
    /// <param name="ask">What is placed.</param>
    /// <param name="now">The time.</param>
    /// <param name="mayWait">Whether it may wait at a worker; else only free slots count.</param>
    /// <param name="needsMemory">Whether the worker must have the memory that it expects to use.</param>
    /// <returns>Null: none has room.</returns>
    public static PoolWorker? Choose(List<PoolWorker> workers, SlotAsk ask, TimeSpan now, bool mayWait, bool needsMemory)
    {
        PoolWorker? best = Choose(workers, ask, now, mayWait, needsMemory, avoid: true, out bool fits);
        return best is null && !fits && ask.Avoid.Count > 0 ? Choose(workers, ask, now, mayWait, needsMemory, avoid: false, out _) : best;
    }

    private static PoolWorker? Choose(
        List<PoolWorker> workers, SlotAsk ask, TimeSpan now, bool mayWait, bool needsMemory, bool avoid, out bool fits)
    {
        fits = false;
        Candidate balanced = default;
        Candidate affine = default;
        foreach (PoolWorker worker in workers)
        {
            int free = worker.FreePlaces(now);
            if ((free == 0 && fits) || !worker.Fits(ask) || (avoid && ask.Avoid.Count > 0 && ask.Avoid.Contains(worker.Beat.Endpoint, StringComparer.Ordinal)))
            {
                continue;
            }

            fits = true;
            if (free == 0 || (needsMemory && !worker.HasMemory(ask)))
            {
                continue;
            }

            Candidate candidate = new(worker, ask);
            if (!mayWait && candidate.Waiting > 0)
            {
                continue;
            }

            balanced = candidate.IsBetterThan(balanced) ? candidate : balanced;
            affine = candidate.Affinity > 0 && candidate.IsCloserThan(affine) ? candidate : affine;
        }

        int patience = balanced.Waiting == 0 ? 0 : balanced.Waiting + 1;
        return affine.Worker is { } near && affine.Waiting <= patience ? near : balanced.Worker;
    }

    private readonly struct Candidate(PoolWorker worker, SlotAsk ask)
    {
        public PoolWorker? Worker => worker;

        public int Affinity { get; } = worker.Slowness > MuchSlower ? 0 : worker.AffinityTo(ask);

        /// <summary>Actions that would wait there for a slot, with this one.</summary>
        public int Waiting { get; } = Math.Max(0, worker.Used + 1 - worker.Beat.Slots);

        private double Load => (worker.Used + 1.0) / worker.Beat.Slots;

        private bool IsSlow => worker.Slowness > MuchSlower;

        private ulong Rendezvous => worker.RendezvousOf(ask.ContentKey);

        public bool IsBetterThan(in Candidate other)
        {
            if (other.Worker is null)
            {
                return true;
            }

            if (Waiting > 0 != other.Waiting > 0)
            {
                return Waiting == 0;
            }

            if (IsSlow != other.IsSlow)
            {
                return !IsSlow;
            }

            if (Waiting > 0 && Load.CompareTo(other.Load) is var load and not 0)
            {
                return load < 0;
            }

            return Rendezvous > other.Rendezvous;
        }

        public bool IsCloserThan(in Candidate other)
        {
            if (other.Worker is null)
            {
                return true;
            }

            if (Waiting != other.Waiting)
            {
                return Waiting < other.Waiting;
            }

            return Affinity != other.Affinity ? Affinity > other.Affinity : Rendezvous > other.Rendezvous;
        }
    }
}
