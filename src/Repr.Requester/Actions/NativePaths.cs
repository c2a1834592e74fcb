using Google.Protobuf.Collections;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// The door's clients write paths as this machine does ("C:\src\x.cs"), everything behind it as the wire does ("/C:/src/x.cs"). The same
/// on Linux. What the tool itself gets, its arguments and environment, stays as it is. Pure.
/// </summary>
internal static class NativePaths
{
    /// <summary>A run whose paths are those of the wire.</summary>
    /// <param name="native">A run with a command; not changed.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: the program, the working directory or an output is none of this machine's files: a
    /// network path, a device. Hints and roots that are none are left out: what is there is asked for, and then refused.
    /// </exception>
    public static Wire.Run ToVirtual(Wire.Run native)
    {
        if (!OperatingSystem.IsWindows())
        {
            return native;
        }

        Wire.Run run = native.Clone();
        Wire.Command command = run.Command ?? throw new ReprException(ReprErrorCode.InvalidRequest, "A run has a command.");
        command.WorkingDirectory = Disk.ParseNative(command.WorkingDirectory).Text;
        command.Program = Disk.ParseNative(command.Program.Length > 0 ? command.Program : command.Arguments.FirstOrDefault()).Text;
        foreach (Wire.VirtualFile file in run.VirtualFiles)
        {
            file.Path = Disk.ParseNative(file.Path).Text;
        }

        foreach (RepeatedField<string> outputs in new[] { run.OutputFiles, run.OutputDirectories, run.WriteRoots, run.PlaceholderFiles, command.OutputRoots, command.CopyRoots })
        {
            for (int index = 0; index < outputs.Count; index++)
            {
                outputs[index] = Disk.ParseNative(outputs[index]).Text;
            }
        }

        foreach (RepeatedField<string> hints in new[] { run.Inputs, run.GuessedInputs, run.ReadRoots })
        {
            string[] known = [.. hints.Where(static path => Disk.TryParseNative(path, out _)).Select(static path => Disk.ParseNative(path).Text)];
            hints.Clear();
            hints.AddRange(known);
        }

        return run;
    }

    /// <summary>A variable of an environment, whose names have no case on Windows; null: it is not there.</summary>
    public static string? FindVariable(IEnumerable<KeyValuePair<string, string>> environment, string name)
    {
        StringComparison comparison = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return environment.FirstOrDefault(pair => string.Equals(pair.Key, name, comparison)).Value;
    }
}
