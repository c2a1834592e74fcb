using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Reapi;

/// <summary>A worker that runs actions of the Remote Execution API.</summary>
public sealed class ReapiWorkerFixture : WorkerFixture
{
    public const string OfferedProperty = "Pool=tests";

    protected override WorkerOptions Configure(WorkerOptions options) =>
        options with { ReapiExecution = true, ReapiPlatform = [OfferedProperty, "cache-silo-key=*"] };
}
