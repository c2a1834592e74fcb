using System.Diagnostics;

namespace Repr.Telemetry;

/// <summary>
/// A part of a trace, or nothing at all when nobody listens: then all calls are free. Spans are passed on by hand, never by
/// <see cref="Activity.Current"/>: work of many actions shares the threads and the streams of a session. Safe for concurrent use, except
/// that it ends once.
/// </summary>
public readonly struct Span : IDisposable
{
    private static readonly ActivitySource Source = new(
        TelemetryNames.Source, typeof(Span).Assembly.GetName().Version?.ToString(3));

    private readonly Activity? _activity;
    private readonly ActivityContext _context;

    private Span(Activity? activity, ActivityContext context)
    {
        _activity = activity;
        _context = activity?.Context ?? context;
    }

    /// <summary>Somebody takes what is set here.</summary>
    public bool IsRecorded => _activity is { IsAllDataRequested: true };

    /// <summary>
    /// What tells another process where its spans belong: a <c>traceparent</c> as of https://www.w3.org/TR/trace-context/; empty when
    /// there is no trace.
    /// </summary>
    public string TraceParent => HasContext
        ? $"00-{_context.TraceId.ToHexString()}-{_context.SpanId.ToHexString()}-{(byte)_context.TraceFlags:x2}"
        : "";

    /// <summary>32 digits; null when there is no trace.</summary>
    public string? TraceId => HasContext ? _context.TraceId.ToHexString() : null;

    private bool HasContext => _context.TraceId != default;

    /// <summary>Starts a span that has no parent in this process.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="kind">Its role.</param>
    /// <param name="traceParent">The parent in another process; empty or malformed: the span starts a trace of its own.</param>
    public static Span Start(string name, ActivityKind kind, string? traceParent)
    {
        ActivityContext.TryParse(traceParent, null, isRemote: true, out ActivityContext parent);
        return Start(name, kind, parent, default);
    }

    /// <summary>Starts a span within this one. Nothing is started outside of a trace.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="kind">Its role.</param>
    /// <param name="start">When it began; default: now.</param>
    public Span Child(string name, ActivityKind kind = ActivityKind.Internal, DateTimeOffset start = default) =>
        HasContext ? Start(name, kind, _context, start) : default;

    /// <summary>Adds an attribute; null adds none.</summary>
    public Span Set(string name, object? value)
    {
        _activity?.SetTag(name, value);
        return this;
    }

    /// <summary>Gives it another name, for what is known only in the course of it.</summary>
    public Span Rename(string name)
    {
        if (_activity is not null)
        {
            _activity.DisplayName = name;
        }

        return this;
    }

    /// <summary>Notes that it failed.</summary>
    /// <param name="type">The kind of failure.</param>
    /// <param name="message">For people.</param>
    public void Fail(string type, string message) => _activity?.SetTag(TelemetryNames.ErrorType, type).SetStatus(ActivityStatusCode.Error, message);

    /// <summary>Notes that something happened in it.</summary>
    public void Note(string name, string message) =>
        _activity?.AddEvent(new ActivityEvent(name, tags: new ActivityTagsCollection { ["message"] = message }));

    /// <summary>Ends it at an earlier time than now.</summary>
    public void End(DateTimeOffset time)
    {
        _activity?.SetEndTime(time.UtcDateTime);
        Dispose();
    }

    /// <summary>Ends it.</summary>
    public void Dispose() => _activity?.Dispose();

    private static Span Start(string name, ActivityKind kind, ActivityContext parent, DateTimeOffset start)
    {
        if (!Source.HasListeners())
        {
            return new Span(null, parent);
        }

        // Else one without a parent would get that of whoever happens to run here, as the HTTP request of a session.
        Activity? current = Activity.Current;
        Activity.Current = null;
        Activity? activity = Source.StartActivity(name, kind, parent, startTime: start);
        Activity.Current = current;
        return new Span(activity, parent);
    }
}
