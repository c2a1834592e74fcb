using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.ServiceProcess;
using Repr.Server;

namespace Repr.Cli.Windows;

/// <summary>The worker as a service of Windows, which runs as SYSTEM and starts with the machine. Needs an administrator.</summary>
[SupportedOSPlatform("windows")]
internal static unsafe class ServiceInstallation
{
    /// <summary>The service's name, and the source of its events.</summary>
    public const string Name = "Repr";

    private const string DisplayName = "Repr worker";
    private const string Description = "Runs compilers and other tools of builds for requesters.";
    private const string Driver = "reprflt";

    /// <summary>Installs the service, which runs <c>repr serve</c> with these arguments.</summary>
    /// <exception cref="ReprException">Windows refused, or it is there.</exception>
    public static void Install(IReadOnlyList<string> arguments)
    {
        using ServiceNative.Handle manager = OpenManager();
        string commandLine = string.Join(' ', new[] { Environment.ProcessPath!, "serve" }.Concat(arguments).Select(Quote));
        bool hasDriver = IsThere(manager, Driver);
        using ServiceNative.Handle service = ServiceNative.Create(
            manager,
            Name,
            DisplayName,
            ServiceNative.ServiceAll,
            ServiceNative.OwnProcess,
            ServiceNative.AutomaticStart,
            ServiceNative.ErrorNormal,
            commandLine,
            null,
            null,
            hasDriver ? Driver + "\0" : null, // loaded before the worker asks for it
            null,
            null);
        if (service.IsInvalid)
        {
            throw Failed("installed", Marshal.GetLastPInvokeError());
        }

        fixed (char* description = Description)
        {
            char* text = description;
            ServiceNative.Action* actions = stackalloc ServiceNative.Action[]
            {
                new() { Kind = ServiceNative.Restart, DelayMilliseconds = 5_000 },
                new() { Kind = ServiceNative.Restart, DelayMilliseconds = 60_000 },
            };
            ServiceNative.Failures failures = new() { ResetSeconds = 86_400, Count = 2, Actions = actions };
            _ = ServiceNative.Change(service, ServiceNative.Description, &text);
            _ = ServiceNative.Change(service, ServiceNative.FailureActions, &failures);
        }

        if (!EventLog.SourceExists(Name))
        {
            EventLog.CreateEventSource(new EventSourceCreationData(Name, "Application"));
        }
    }

    /// <summary>Stops the service, and takes it, its source of events and the users of its slots away.</summary>
    /// <exception cref="ReprException">Windows refused, or it is not there.</exception>
    public static void Uninstall()
    {
        using ServiceNative.Handle manager = OpenManager();
        using ServiceNative.Handle service = ServiceNative.Open(manager, Name, ServiceNative.ServiceAll);
        if (service.IsInvalid)
        {
            throw Failed("uninstalled", Marshal.GetLastPInvokeError());
        }

        using (ServiceController controller = new(Name))
        {
            if (controller.CanStop)
            {
                controller.Stop();
                controller.WaitForStatus(ServiceControllerStatus.Stopped, TimeSpan.FromMinutes(2));
            }
        }

        if (!ServiceNative.Delete(service))
        {
            throw Failed("uninstalled", Marshal.GetLastPInvokeError());
        }

        if (EventLog.SourceExists(Name))
        {
            EventLog.DeleteEventSource(Name);
        }

        Worker.RemoveSlotUsers();
    }

    private static ServiceNative.Handle OpenManager()
    {
        ServiceNative.Handle manager = ServiceNative.OpenManager(null, null, ServiceNative.ManagerAll);
        return manager.IsInvalid ? throw Failed("reached", Marshal.GetLastPInvokeError()) : manager;
    }

    private static bool IsThere(ServiceNative.Handle manager, string name)
    {
        const uint QueryConfiguration = 1;
        using ServiceNative.Handle service = ServiceNative.Open(manager, name, QueryConfiguration);
        return !service.IsInvalid;
    }

    // A path that ends in a backslash would take the quote with it.
    private static string Quote(string argument) => '"' + (argument.EndsWith('\\') ? argument + '\\' : argument) + '"';

    private static ReprException Failed(string what, int error) => new(
        ReprErrorCode.Unavailable,
        error switch
        {
            ServiceNative.Exists => $"The service '{Name}' is there already; take it away with 'repr serve --uninstall' first.",
            ServiceNative.DoesNotExist => $"There is no service '{Name}'.",
            _ => $"The service '{Name}' could not be {what}: {new Win32Exception(error).Message} (error {error}). An administrator can.",
        });
}
