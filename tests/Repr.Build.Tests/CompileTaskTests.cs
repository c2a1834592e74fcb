using System.Reflection;
using System.Runtime.Loader;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using Repr.Protocol.V1;

namespace Repr.Build.Tests;

/// <summary>What the compile tasks do besides compiling, on top of the real tasks of the SDK.</summary>
public sealed class CompileTaskTests
{
    private static bool s_finds;

    static CompileTaskTests() => FindCompilerTasks();

    /// <summary>From here on the tasks of the SDK are found.</summary>
    internal static void FindCompilerTasks()
    {
        if (Interlocked.Exchange(ref s_finds, true))
        {
            return;
        }

        string tasks = typeof(CompileTaskTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(data => data.Key == "CompilerTasks").Value!;
        AssemblyLoadContext.Default.Resolving += (context, name) =>
            name.Name == Path.GetFileNameWithoutExtension(tasks) ? context.LoadFromAssemblyPath(Path.GetFullPath(tasks)) : null;
    }

    [Fact]
    public void A_rehearsal_gets_to_its_end_and_leaves_nothing()
    {
        string[] before = Directory.GetFileSystemEntries(Path.GetTempPath(), "repr-*.rsp");

        Assert.True(Csc.Rehearse(Settings.Any));
        Assert.True(Vbc.Rehearse(Settings.Any));

        Assert.Equal(before, Directory.GetFileSystemEntries(Path.GetTempPath(), "repr-*.rsp"));
    }

    [Fact]
    public void What_is_read_to_warm_up_can_be_read() => Assert.Equal(DoorReply.ReplyOneofCase.Done, WarmUp.ReadSample().ReplyCase);

    [Fact]
    public void Parameters_of_all_kinds_are_set_as_by_reflection()
    {
        ITaskItem item = new TaskItem("item");
        (string Name, object? Value)[] values =
        [
            (nameof(Csc.DefineConstants), "A;B"),
            (nameof(Csc.References), new[] { item }),
            (nameof(Csc.OutputAssembly), item),
            (nameof(Csc.AddModules), new[] { "one", "two" }),
            (nameof(Csc.AllowUnsafeBlocks), true),
            (nameof(Csc.WarningLevel), 4),
            (nameof(Csc.Timeout), 1000),
            (nameof(Csc.EnvironmentVariables), new[] { "A=B" }),
            (nameof(Csc.KeyFile), null),
        ];
        Csc task = new();
        Csc reflected = new();
        foreach ((string name, object? value) in values)
        {
            PropertyInfo property = typeof(Csc).GetProperty(name)!;
            property.SetValue(reflected, value);
            ((IGeneratedTask)task).SetPropertyValue(new TaskPropertyInfo(name, property.PropertyType, false, false), value);
            Assert.Equal(property.GetValue(reflected), ((IGeneratedTask)task).GetPropertyValue(new TaskPropertyInfo(name, property.PropertyType, false, false)));
        }

        ((IGeneratedTask)task).SetPropertyValue(new TaskPropertyInfo(nameof(Csc.AllowUnsafeBlocks), typeof(bool), false, false), null!);
        Assert.False(task.AllowUnsafeBlocks);
        Assert.Throws<TargetInvocationException>(
            () => ((IGeneratedTask)task).SetPropertyValue(new TaskPropertyInfo(nameof(Csc.WarningLevel), typeof(int), false, false), "four"));
        Assert.Throws<MissingMemberException>(
            () => ((IGeneratedTask)task).SetPropertyValue(new TaskPropertyInfo("Unheard", typeof(string), false, false), ""));
    }

    [Fact]
    public void All_parameters_can_be_made_ready()
    {
        TaskParameters<Csc>.Prepare();
        TaskParameters<Vbc>.Prepare();
    }
}
