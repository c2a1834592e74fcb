using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Requester.Door;

/// <summary>
/// Starts a program on Windows that has nothing of its parent: no handle, no console, no job. The base library passes on every handle that
/// can be inherited: who waits for the end of a pipe of the build would then wait for the requester process (as for a compiler server).
/// Repr.Build.Tasks compiles this file too, for the .NET Framework as well. Thread-safe.
/// </summary>
internal static class DetachedProcessNative
{
    private const uint DetachedProcess = 0x8;
    private const uint UnicodeEnvironment = 0x400;
    private const uint BreakawayFromJob = 0x1000000;
    private const int AccessDenied = 5;

    /// <summary>Starts it.</summary>
    /// <param name="program">Full path.</param>
    /// <param name="arguments">What follows the program.</param>
    /// <param name="directory">Where it starts.</param>
    /// <param name="environment">Its whole environment.</param>
    /// <exception cref="Win32Exception">It could not be started.</exception>
    public static void Start(
        string program, IReadOnlyList<string> arguments, string directory, IEnumerable<KeyValuePair<string, string>> environment)
    {
        StringBuilder line = new();
        Append(line, program);
        foreach (string argument in arguments)
        {
            line.Append(' ');
            Append(line, argument);
        }

        StringBuilder block = new();
        foreach (KeyValuePair<string, string> variable in environment.OrderBy(variable => variable.Key, StringComparer.OrdinalIgnoreCase))
        {
            block.Append(variable.Key).Append('=').Append(variable.Value).Append('\0');
        }

        block.Append('\0');
        StartupInfo start = new() { Size = Marshal.SizeOf<StartupInfo>() };
        IntPtr variables = Marshal.StringToHGlobalUni(block.ToString());
        try
        {
            uint flags = DetachedProcess | UnicodeEnvironment;
            // A job of the build's machine (an agent of a CI system) may forbid to leave it.
            if (!CreateProcess(program, (line + "\0").ToCharArray(), 0, 0, false, flags | BreakawayFromJob, variables, directory, ref start, out ProcessInformation process)
                && (Marshal.GetLastWin32Error() != AccessDenied
                    || !CreateProcess(program, (line + "\0").ToCharArray(), 0, 0, false, flags, variables, directory, ref start, out process)))
            {
                throw new Win32Exception(Marshal.GetLastWin32Error());
            }

            CloseHandle(process.Thread);
            CloseHandle(process.Process);
        }
        finally
        {
            Marshal.FreeHGlobal(variables);
        }
    }

    /// <summary>Adds an argument in quotes, by the rules of CommandLineToArgvW: backslashes count only before a quote.</summary>
    public static void Append(StringBuilder line, string argument)
    {
        line.Append('"');
        int backslashes = 0;
        foreach (char c in argument)
        {
            line.Append('\\', c == '"' ? backslashes + 1 : 0).Append(c);
            backslashes = c == '\\' ? backslashes + 1 : 0;
        }

        line.Append('\\', backslashes).Append('"');
    }

    [DllImport("kernel32", EntryPoint = "CreateProcessW", CharSet = CharSet.Unicode, SetLastError = true, ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CreateProcess(
        string program, char[] line, nint processSecurity, nint threadSecurity, [MarshalAs(UnmanagedType.Bool)] bool inherits, uint flags,
        IntPtr environment, string directory, ref StartupInfo start, out ProcessInformation process);

    [DllImport("kernel32", ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CloseHandle(IntPtr handle);

    // STARTUPINFOW
    [StructLayout(LayoutKind.Sequential)]
    private struct StartupInfo
    {
        public int Size;
        public IntPtr Reserved;
        public IntPtr Desktop;
        public IntPtr Title;
        public int X;
        public int Y;
        public int Width;
        public int Height;
        public int Columns;
        public int Rows;
        public int Fill;
        public int Flags;
        public short ShowWindow;
        public short ReservedSize;
        public IntPtr ReservedBytes;
        public IntPtr Input;
        public IntPtr Output;
        public IntPtr Error;
    }

    // PROCESS_INFORMATION
    [StructLayout(LayoutKind.Sequential)]
    private struct ProcessInformation
    {
        public IntPtr Process;
        public IntPtr Thread;
        public int ProcessId;
        public int ThreadId;
    }
}
