using Tmds.DBus.Protocol;

namespace Repr.Server.Presence;

/// <summary>
/// What logind knows: desktops tell it when nobody has touched keyboard and mouse for the time of their settings, it looks at terminals
/// itself, and programs that must not be disturbed (a film, a talk) say so. org.freedesktop.login1(5), IdleHint and IdleSinceHint.
/// </summary>
/// <param name="connection">To the system's bus; owned.</param>
/// <param name="time">The clock.</param>
internal sealed class LogindPresence(DBusConnection connection, TimeProvider time) : IPresence
{
    private const string Service = "org.freedesktop.login1";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public string Name => "logind";

    /// <summary>Connects to it.</summary>
    /// <returns>Null: there is none here.</returns>
    public static async Task<LogindPresence?> TryConnectAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (DBusAddress.System is not { } address)
        {
            return null;
        }

        LogindPresence logind = new(new DBusConnection(new DBusConnectionOptions(address) { AutoConnect = true }), time);
        try
        {
            await logind.LookAsync(cancellationToken);
            return logind;
        }
        catch (PresenceException)
        {
            await logind.DisposeAsync();
            return null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<TimeSpan> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!(await GetAsync("IdleHint", cancellationToken)).GetBool())
            {
                return TimeSpan.Zero;
            }

            ulong since = (await GetAsync("IdleSinceHint", cancellationToken)).GetUInt64(); // microseconds of Unix time; 0: since ever
            TimeSpan away = since == 0 ? TimeSpan.MaxValue : time.GetUtcNow() - DateTimeOffset.UnixEpoch.AddMicroseconds(since);
            return away > TimeSpan.Zero ? away : TimeSpan.FromTicks(1); // clocks may be set; that nobody is there holds
        }
        catch (Exception failure) when (failure is DBusExceptionBase or TimeoutException or InvalidOperationException or IOException)
        {
            throw new PresenceException($"logind does not answer: {failure.Message.TrimEnd('.')}.", failure);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        connection.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task<VariantValue> GetAsync(string property, CancellationToken cancellationToken)
    {
        MessageWriter writer = connection.GetMessageWriter();
        MessageBuffer message;
        try
        {
            writer.WriteMethodCallHeader(
                destination: Service, path: "/org/freedesktop/login1", @interface: "org.freedesktop.DBus.Properties", member: "Get", signature: "ss");
            writer.WriteString(Service + ".Manager");
            writer.WriteString(property);
            message = writer.CreateMessage();
        }
        finally
        {
            writer.Dispose();
        }

        return connection.CallMethodAsync(message, static (reply, _) => reply.GetBodyReader().ReadVariantValue(), null)
            .WaitAsync(s_patience, time, cancellationToken);
    }
}
