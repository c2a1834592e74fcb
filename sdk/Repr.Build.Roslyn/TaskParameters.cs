using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>
/// Sets and reads the parameters of a task by delegates, for its <see cref="IGeneratedTask"/>. MSBuild would do it by reflection, which compiles code of its own for each
/// property that it meets a second time: some sixty of them, in each node. Safe for concurrent use.
/// </summary>
/// <typeparam name="TTask">The task.</typeparam>
internal static class TaskParameters<TTask>
    where TTask : class, ITask
{
    // Of the type, as its properties.
    private static readonly ConcurrentDictionary<string, Action<TTask, object?>> s_setters = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, Func<TTask, object?>> s_getters = new(StringComparer.Ordinal);

    /// <summary>Makes ready to set all there are.</summary>
    public static void Prepare()
    {
        foreach (PropertyInfo property in typeof(TTask).GetProperties())
        {
            if (property.SetMethod is { IsPublic: true })
            {
                s_setters.GetOrAdd(property.Name, MakeSetter);
            }
        }
    }

    /// <summary>Sets a parameter.</summary>
    /// <param name="task">The task.</param>
    /// <param name="name">Of a public property that can be set.</param>
    /// <param name="value">Of its type.</param>
    /// <exception cref="TargetInvocationException">The property does not take the value: MSBuild expects what reflection throws.</exception>
    public static void Set(TTask task, string name, object? value)
    {
        Action<TTask, object?> setter = s_setters.GetOrAdd(name, MakeSetter);
        try
        {
            setter(task, value);
        }
        catch (Exception exception) when (exception is not TargetInvocationException)
        {
            throw new TargetInvocationException(exception);
        }
    }

    /// <summary>Reads a parameter.</summary>
    /// <param name="task">The task.</param>
    /// <param name="name">Of a public property that can be read.</param>
    public static object? Get(TTask task, string name) => s_getters.GetOrAdd(name, MakeGetter)(task);

    private static PropertyInfo Find(string name) =>
        typeof(TTask).GetProperty(name) ?? throw new MissingMemberException(typeof(TTask).FullName, name);

    private static Action<TTask, object?> MakeSetter(string name)
    {
        PropertyInfo property = Find(name);
        if (property.SetMethod is null)
        {
            throw new ArgumentException($"The parameter {name} can't be set.", nameof(name));
        }

        return Make<string>(property) ?? Make<ITaskItem[]>(property) ?? Make<ITaskItem>(property) ?? Make<string[]>(property)
            ?? Make<bool>(property) ?? Make<int>(property) ?? property.SetValue;
    }

    // Null sets the default of a value type, as reflection does.
    private static Action<TTask, object?>? Make<TValue>(PropertyInfo property)
    {
        if (property.PropertyType != typeof(TValue))
        {
            return null;
        }

        Action<TTask, TValue?> set = property.SetMethod!.CreateDelegate<Action<TTask, TValue?>>();
        return (task, value) => set(task, value is null ? default : (TValue)value);
    }

    private static Func<TTask, object?> MakeGetter(string name)
    {
        PropertyInfo property = Find(name);
        return property.PropertyType.IsValueType
            ? property.GetValue
            : property.GetMethod!.CreateDelegate<Func<TTask, object?>>();
    }
}
