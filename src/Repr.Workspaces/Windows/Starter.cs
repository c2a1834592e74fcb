using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Workspaces.Windows;

/// <summary>What the starter of a tool says: <c>enum start_kind</c> of Starter/start.h.</summary>
internal enum StartKind : uint
{
    /// <summary>The tool runs; the value is its process number.</summary>
    Started = 1,

    /// <summary>The tool has ended; the value is its exit code.</summary>
    Exited = 2,

    /// <summary>The request could not be read; from here on the value is an error of Windows.</summary>
    BadRequest = 3,

    /// <summary>A drive letter could not be made.</summary>
    NoDrive = 4,

    /// <summary>The directory cannot be entered.</summary>
    NoDirectory = 5,

    /// <summary>The program could not be started.</summary>
    NoProgram = 6,
}

/// <summary>What the starter says: <c>struct start_report</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StartReport
{
    public StartKind Kind;
    public uint Value;
}

/// <summary>A drive letter that the worker lacks, and the directory of the worker that stands for it.</summary>
/// <param name="Letter">"X:"</param>
/// <param name="Target">\Device\HarddiskVolume3\repr\drives\X</param>
internal readonly record struct DriveLink(string Letter, string Target);

/// <summary>The requests to repr-start.exe, and what its answers mean.</summary>
internal static class Starter
{
    private const int FileNotFound = 2;
    private const int PathNotFound = 3;
    private const int BadImage = 193;

    /// <summary>Where it is: beside the worker.</summary>
    public static string DefaultPath => Path.Combine(AppContext.BaseDirectory, "repr-start.exe");

    /// <summary>Its command line.</summary>
    public static string CommandLine(nint pipe) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"repr-start {pipe:x}");

    /// <summary>The request to start a tool.</summary>
    public static byte[] Encode(string program, string commandLine, string directory, IReadOnlyCollection<DriveLink> drives)
    {
        StringBuilder texts = new();
        foreach (string text in (IEnumerable<string>)[program, commandLine, directory, .. drives.SelectMany(static drive => new[] { drive.Letter, drive.Target })])
        {
            texts.Append(text).Append('\0');
        }

        byte[] bytes = Encoding.Unicode.GetBytes(texts.ToString());
        byte[] request = new byte[(2 * sizeof(uint)) + bytes.Length];
        MemoryMarshal.Write(request, (uint)bytes.Length);
        MemoryMarshal.Write(request.AsSpan(sizeof(uint)), (uint)drives.Count);
        bytes.CopyTo(request.AsSpan(2 * sizeof(uint)));
        return request;
    }

    /// <summary>Why the tool was not started.</summary>
    public static ReprException Explain(Command command, StartReport report)
    {
        int error = (int)report.Value;
        string reason = Marshal.GetPInvokeErrorMessage(error);
        bool missing = error is FileNotFound or PathNotFound;
        return report.Kind switch
        {
            StartKind.NoDirectory when missing => Invalid($"The working directory '{command.WorkingDirectory}' was not found on the requester."),
            StartKind.NoDirectory => Invalid($"The working directory '{command.WorkingDirectory}' cannot be entered: {reason}"),
            StartKind.NoProgram when missing => Invalid($"The program '{command.Program}' was not found on the requester."),
            StartKind.NoProgram when error == BadImage => Invalid($"'{command.Program}' is no program of Windows for this processor."),
            StartKind.NoProgram => Invalid($"The program '{command.Program}' cannot be started: {reason}"),
            StartKind.NoDrive => new ReprException(ReprErrorCode.Unavailable, $"A drive letter of the requester could not be made: {reason}"),
            _ => new ReprException(ReprErrorCode.Internal, $"The starter of '{command.Program}' could not read its request: {reason}"),
        };

        static ReprException Invalid(string message) => new(ReprErrorCode.InvalidRequest, message);
    }
}
