using System.Diagnostics;

namespace Repr.Deployment.Tests;

/// <summary>Programs that are run in the repository.</summary>
internal static class Product
{
    /// <summary>The program <c>repr</c>, as it was built.</summary>
    public static string Repr { get; } = Path.Combine(Repository.Product, "repr");

    /// <summary>Helm, which eng/setup.sh installs.</summary>
    public static string Helm { get; } = Path.Combine(Repository.Root, "artifacts/kubernetes/helm/helm");

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? directory = null)
    {
        (int code, string output, string error) = await TryRunAsync(program, arguments, environment, directory);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}:\n{output}{error}");
        return output;
    }

    /// <summary>Runs a program to its end, also a bad one.</summary>
    public static async Task<(int Code, string Output, string Error)> TryRunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? directory = null)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory ?? Repository.Root };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
        Task<string> error = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return (process.ExitCode, await output, await error);
    }
}
