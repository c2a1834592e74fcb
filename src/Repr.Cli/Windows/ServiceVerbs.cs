using System.CommandLine;
using Repr.Server;

namespace Repr.Cli.Windows;

/// <summary>The options <c>--install</c> and <c>--uninstall</c> of <c>serve</c>.</summary>
internal static class ServiceVerbs
{
    private const int CannotBeDone = 2;

    // What says so is no argument of the service.
    private static readonly string[] s_own = ["--install", "--uninstall"];

    /// <summary>Installs or uninstalls the service of this machine.</summary>
    /// <param name="options">The settings of the worker; checked before they are installed.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="isInstall">Which of the two.</param>
    /// <param name="hasData">Whether the command line has <c>--data</c>; a service has another default.</param>
    /// <returns>The process's exit code.</returns>
    public static async Task<int> RunAsync(WorkerOptions options, ParseResult parsed, bool isInstall, bool hasData)
    {
        (TextWriter output, TextWriter error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        if (!OperatingSystem.IsWindows())
        {
            await error.WriteLineAsync(
                $"repr serve: {(isInstall ? "--install" : "--uninstall")} is for services of Windows. "
                + "On Linux, install the unit eng/systemd/repr-worker.service with systemctl (docs/operations.md).");
            return CannotBeDone;
        }

        try
        {
            if (!isInstall)
            {
                ServiceInstallation.Uninstall();
                await output.WriteLineAsync($"The service '{ServiceInstallation.Name}' is gone; its data is left.");
                return 0;
            }

            List<string> problems = [.. Worker.FindProblems(options)];
            if (!options.SlotUsers)
            {
                problems.Add("--install: give --slot-users too; without them tools would run as SYSTEM.");
            }

            foreach (string problem in problems)
            {
                await error.WriteLineAsync($"repr serve: {problem}");
            }

            if (problems.Count > 0)
            {
                return CannotBeDone;
            }

            string data = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Repr");
            string[] given = [.. parsed.Tokens.Select(static token => token.Value).Skip(1).Where(token => !s_own.Contains(token))];
            ServiceInstallation.Install(hasData ? given : [.. given, "--data", data]);
            await output.WriteLineAsync($"The service '{ServiceInstallation.Name}' is installed. Start it: sc start {ServiceInstallation.Name}");
            return 0;
        }
        catch (ReprException failure)
        {
            await error.WriteLineAsync($"repr serve: {failure.Message}");
            return CannotBeDone;
        }
    }
}
