using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Repr.Protocol.Reapi;
using Repr.Server.Security;

namespace Repr.Server.Services;

/// <summary>Says what the worker can do, in the words of the Remote Execution API v2.</summary>
/// <param name="executes">Whether it runs actions.</param>
internal sealed class CapabilitiesService(bool executes) : Capabilities.CapabilitiesBase
{
    /// <inheritdoc/>
    [Authorize(Policies.Introduce)]
    public override Task<ServerCapabilities> GetCapabilities(GetCapabilitiesRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerCapabilities
        {
            LowApiVersion = new SemVer { Major = 2 },
            HighApiVersion = new SemVer { Major = 2, Minor = 3 },
            CacheCapabilities = new CacheCapabilities
            {
                DigestFunctions = { DigestFunction.Types.Value.Sha256 },
                ActionCacheUpdateCapabilities = new ActionCacheUpdateCapabilities
                {
                    UpdateEnabled = context.GetHttpContext().User.HasClaim(Policies.ScopeClaim, Scopes.CasWrite),
                },
                MaxBatchTotalSizeBytes = ContentAddressableStorageService.MaximumBatchBytes,
                SymlinkAbsolutePathStrategy = SymlinkAbsolutePathStrategy.Types.Value.Allowed,
                SupportedCompressors = { Compressor.Types.Value.Zstd },
                SupportedBatchUpdateCompressors = { Compressor.Types.Value.Zstd },
            },
            ExecutionCapabilities = new ExecutionCapabilities
            {
                DigestFunction = DigestFunction.Types.Value.Sha256,
                ExecEnabled = executes,
                DigestFunctions = { DigestFunction.Types.Value.Sha256 },
            },
        });
}
