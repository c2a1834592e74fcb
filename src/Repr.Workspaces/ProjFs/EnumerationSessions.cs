namespace Repr.Workspaces.ProjFs;

/// <summary>
/// Where each handle that lists a directory has come to. The end of a listing is not always told, so that there is a limit: the
/// session that was not used for the longest time is dropped. Safe for concurrent use.
/// </summary>
/// <param name="fileSystem">Matches names.</param>
/// <param name="limit">How many sessions there are at most.</param>
internal sealed class EnumerationSessions(IProjFs fileSystem, int limit)
{
    private readonly Dictionary<Guid, Session> _sessions = [];
    private long _uses;

    /// <summary>How many there are now.</summary>
    public int Count
    {
        get
        {
            lock (_sessions)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Begins a listing, and drops the least recently used one when there are too many.</summary>
    /// <param name="id">Of the file system.</param>
    /// <param name="lines">All lines, in the file system's order.</param>
    public void Start(Guid id, IReadOnlyList<ProjectedLine> lines)
    {
        lock (_sessions)
        {
            if (_sessions.Count >= limit && !_sessions.ContainsKey(id))
            {
                _sessions.Remove(_sessions.MinBy(pair => pair.Value.LastUse).Key);
            }

            _sessions[id] = new Session(lines) { LastUse = ++_uses };
        }
    }

    /// <summary>Ends a listing.</summary>
    public void End(Guid id)
    {
        lock (_sessions)
        {
            _sessions.Remove(id);
        }
    }

    /// <summary>Fills a buffer with the next lines. The search expression is the one of the first call, and of each restart.</summary>
    /// <returns><see cref="HResult.InvalidHandle"/>: there is no such session.</returns>
    public int Fill(Guid id, string? pattern, bool restart, bool single, IDirectoryBuffer buffer)
    {
        Session? session;
        lock (_sessions)
        {
            if (!_sessions.TryGetValue(id, out session))
            {
                return HResult.InvalidHandle;
            }

            session.LastUse = ++_uses;
        }

        lock (session)
        {
            if (restart || session.Selected is null)
            {
                session.Selected = Select(session.All, pattern);
                session.Next = 0;
            }

            for (int first = session.Next; session.Next < session.Selected.Count; session.Next++)
            {
                ProjectedLine line = session.Selected[session.Next];
                int result = single && session.Next > first ? HResult.InsufficientBuffer : buffer.Add(line.Name, line.Entry);
                if (result == HResult.InsufficientBuffer && session.Next > first)
                {
                    break; // the rest comes with the next call
                }

                if (result < 0)
                {
                    return result; // not even one line fits
                }
            }

            return HResult.Ok;
        }
    }

    private IReadOnlyList<ProjectedLine> Select(IReadOnlyList<ProjectedLine> all, string? pattern) =>
        string.IsNullOrEmpty(pattern) || pattern == "*" ? all : [.. all.Where(line => fileSystem.MatchesName(line.Name, pattern))];

    private sealed class Session(IReadOnlyList<ProjectedLine> all)
    {
        public IReadOnlyList<ProjectedLine> All => all;

        public IReadOnlyList<ProjectedLine>? Selected { get; set; }

        public int Next { get; set; }

        public long LastUse { get; set; }
    }
}
