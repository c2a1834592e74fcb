namespace Microsoft.Build.Framework;

/// <summary>
/// Says that a task may run in a process that builds several projects at once. The engine finds it by its full name, so this copy
/// works with every MSBuild, also with those that are older than the attribute.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
internal sealed class MSBuildMultiThreadableTaskAttribute : Attribute;
