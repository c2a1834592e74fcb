using Orleans.Concurrency;
using Repr.Farm;

namespace Repr.Server.Silo;

/// <summary>The pool of the farm. One grain, on whichever silo; where it is lost, another knows everything after one beat of each worker.</summary>
[Alias("repr.pool")]
public interface IPoolGrain : IGrainWithIntegerKey
{
    /// <summary>A worker is there.</summary>
    /// <param name="silo">Its silo, whose death is its.</param>
    /// <param name="beat">What it says.</param>
    /// <param name="front">Takes answers for its requesters.</param>
    [Alias("beat")]
    Task<FarmView> BeatAsync(string silo, NodeBeat beat, IFrontObserver front);

    /// <summary>Requesters want slots.</summary>
    [Alias("ask")]
    Task<QueueAnswer[]> AskAsync(SlotAsk[] asks);

    /// <summary>What is over.</summary>
    [Alias("end")]
    Task EndAsync(string front, long[] withdrawn, LeaseEnd[] ends);
}

/// <summary>Takes the pool's answers on a worker's silo.</summary>
[Alias("repr.front")]
public interface IFrontObserver : IGrainObserver
{
    /// <summary>The pool has decided. What is lost on the way is made good by the next beats.</summary>
    [OneWay]
    [Alias("answer")]
    Task AnswerAsync(PoolAnswers answers);
}
