using StackExchange.Redis;

namespace Repr.Cas.Redis;

/// <summary>Makes stores that keep blobs in Redis, Valkey, Garnet or anything else that speaks RESP.</summary>
public sealed class RedisPlugin : IPlugin<IContentStore, RedisStoreOptions>
{
    /// <inheritdoc/>
    public string Name => "redis";

    /// <inheritdoc/>
    public IContentStore Create(RedisStoreOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ConfigurationOptions configuration;
        try
        {
            configuration = ConfigurationOptions.Parse(options.Servers);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            // The text may have a password: it is not repeated, and the exception's own message might do so.
            throw new ArgumentException("Servers: is nothing that StackExchange.Redis understands, as in 'redis:6379,ssl=true'.", nameof(options));
        }

        if (configuration.EndPoints.Count == 0)
        {
            throw new ArgumentException("Servers: names no server, as in 'redis:6379'.", nameof(options));
        }

        return new RedisContentStore(options, new RedisConnection(configuration, options));
    }
}
