using System.Globalization;
using System.Net.Http.Headers;
using Grpc.Core;

namespace Repr.Requester.Security;

/// <summary>Shows a credential with every call (RFC 6750, 2.1), as it is at that moment.</summary>
internal sealed class CredentialHandler(ICredential credential, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private static readonly string s_unauthenticated = ((int)StatusCode.Unauthenticated).ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        string token = await credential.GetTokenAsync(request.RequestUri!, cancellationToken);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
        if (response.Headers.TryGetValues("grpc-status", out IEnumerable<string>? status) && status.Contains(s_unauthenticated))
        {
            credential.Forget(token);
        }

        return response;
    }
}
