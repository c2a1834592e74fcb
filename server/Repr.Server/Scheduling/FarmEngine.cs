using System.Net;
using Microsoft.Extensions.Logging;
using Repr.Farm;

namespace Repr.Server.Scheduling;

/// <summary>What an engine needs to make this worker a part of a farm.</summary>
/// <param name="Store">Where the workers find each other, as in "redis://10.0.0.1:6379".</param>
/// <param name="Password">Of the store; null: that of its address.</param>
/// <param name="Node">This worker's name.</param>
/// <param name="Listen">Where the other workers reach it; port 0 takes a free one.</param>
/// <param name="Pool">The farm's rules.</param>
/// <param name="Logging">Its log.</param>
public sealed record FarmEngine(Uri Store, string? Password, string Node, IPEndPoint Listen, PoolOptions Pool, ILoggerFactory Logging);

/// <summary>Joins a farm. Returns at once: what is not there yet is tried again, and until then the pool is away.</summary>
public delegate IScheduler JoinFarm(FarmEngine engine);
