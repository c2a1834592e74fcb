namespace Repr.Cas.Directory;

/// <summary>
/// Removes what writers left that died in the middle. Machines' clocks differ, so ages are counted by the share's own: the time of
/// a file that was just written. Safe for concurrent use, also by many machines.
/// </summary>
/// <param name="directory">Where they are.</param>
/// <param name="abandonedAfter">How long nothing was written to them.</param>
/// <param name="context">The clock.</param>
internal sealed class AbandonedFiles(string directory, TimeSpan abandonedAfter, PluginContext context)
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    private long _nextTicks;

    /// <summary>Deletes a file if that is possible.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It is abandoned, then.
        }
    }

    /// <summary>Removes them, at most once an hour.</summary>
    /// <param name="justWritten">A file that was written a moment ago.</param>
    public void CleanUp(string justWritten)
    {
        long now = context.Time.GetUtcNow().UtcTicks;
        long next = Volatile.Read(ref _nextTicks);
        if (now < next || Interlocked.CompareExchange(ref _nextTicks, now + Interval.Ticks, next) != next)
        {
            return;
        }

        try
        {
            DateTime oldest = File.GetLastWriteTimeUtc(justWritten) - abandonedAfter;
            foreach (FileInfo file in new DirectoryInfo(directory).EnumerateFiles("*.tmp"))
            {
                if (file.LastWriteTimeUtc < oldest)
                {
                    TryDelete(file.FullName);
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Tried again in an hour; a put that has succeeded stays so.
        }
    }
}
