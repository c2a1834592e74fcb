using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>Objects that the engine keeps for the tasks of one build in one process, of one copy of this assembly, and disposes of at its end. Safe for concurrent use.</summary>
internal static class BuildObjects
{
    /// <summary>The object of a build, made for the first who asks; null where the engine keeps nothing.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="engine">A task's engine.</param>
    /// <param name="name">Which of that type.</param>
    /// <param name="make">Makes one.</param>
    public static T? GetOrMake<T>(IBuildEngine engine, string name, Func<T> make)
        where T : class
    {
        string key = $"Repr.Build.{typeof(T).Name}|{typeof(T).TypeHandle.Value}|{name}"; // another copy has another type
        if (engine is not IBuildEngine4 objects)
        {
            return null;
        }

        if (objects.GetRegisteredTaskObject(key, RegisteredTaskObjectLifetime.Build) is T known)
        {
            return known;
        }

        objects.RegisterTaskObject(key, make(), RegisteredTaskObjectLifetime.Build, allowEarlyCollection: false);
        return objects.GetRegisteredTaskObject(key, RegisteredTaskObjectLifetime.Build) as T; // perhaps of another thread
    }
}
