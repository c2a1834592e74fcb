using System;
using System.IO;
using System.Linq;
using System.Reflection;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace Repr.Build.NetFrameworkHost;

/// <summary>
/// compile ENDPOINT REPR.DLL DIRECTORY SOURCE: prepares the project in that directory and compiles a source with the task CL. (The stock Exec
/// is Windows' alone in its version for the .NET Framework.)
/// parameters: what each task has as parameters, for comparison.
/// The exit code is 0 when the task succeeded.
/// </summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        if (arguments[0] == "parameters")
        {
            foreach (Type task in new[] { typeof(ReprPrepare), typeof(Exec), typeof(Cxx.CL), typeof(Cxx.Link), typeof(Cxx.Lib) })
            {
                foreach (string name in task.GetProperties(BindingFlags.Instance | BindingFlags.Public).Select(property => property.Name).Distinct().OrderBy(name => name, StringComparer.Ordinal))
                {
                    Console.WriteLine($"{task.Name}.{name}");
                }
            }

            return 0;
        }

        Directory.SetCurrentDirectory(arguments[3]);
        ConsoleEngine engine = new();
        ReprPrepare prepare = new()
        {
            BuildEngine = engine,
            Endpoint = arguments[1],
            ToolPath = arguments[2],
            ProjectDirectory = arguments[3],
            SourceRoot = arguments[3],
            Fallback = "fail",
        };
        TaskItem source = new(arguments[4]);
        source.SetMetadata("ObjectFileName", "obj/");
        source.SetMetadata("WarningLevel", "Level4");
        Cxx.CL compile = new() { BuildEngine = engine, Sources = [source], Toolset = "gcc", ProjectDirectory = arguments[3] };
        bool succeeded = prepare.Execute() && compile.Execute();
        foreach (ITaskItem made in compile.Objects)
        {
            Console.WriteLine($"object: {made.ItemSpec}");
        }

        Console.WriteLine($"runtime: {System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription}");
        return succeeded ? 0 : 1;
    }
}
