using Microsoft.Data.Sqlite;
using Repr;

namespace SqliteStore;

/// <summary>
/// Blobs in one SQLite file, which a CI system can save and restore as its cache, and processes of one machine can share. Blobs are below
/// 1 GB, SQLite's limit; content goes through a temporary file, so that the database is never locked at the speed of a network.
/// Safe for concurrent use.
/// </summary>
internal sealed class Store(string path) : IContentStore
{
    private readonly string _database = new SqliteConnectionStringBuilder { DataSource = path }.ToString();

    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken) =>
        await CallAsync(connection => digests.Distinct().Where(digest => FindRow(connection, digest) is null).ToList(), cancellationToken);

    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => await CallAsync<Stream?>(
        connection =>
        {
            // One view of the database, even when another puts the same blob meanwhile.
            using SqliteTransaction transaction = connection.BeginTransaction(deferred: true);
            if (FindRow(connection, digest) is not { } row)
            {
                return null;
            }

            FileStream copy = NewTemporaryFile();
            using SqliteBlob blob = new(connection, "blobs", "content", row, readOnly: true);
            blob.CopyTo(copy);
            copy.Position = 0;
            return copy;
        },
        cancellationToken);

    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        await using FileStream copy = NewTemporaryFile();
        await content.CopyToAsync(copy, cancellationToken);
        copy.Position = 0;
        await CallAsync(
            connection =>
            {
                using SqliteTransaction transaction = connection.BeginTransaction();
                using SqliteCommand insert = connection.CreateCommand();
                insert.CommandText = "INSERT OR REPLACE INTO blobs (hash, content) VALUES ($hash, zeroblob($length)) RETURNING rowid";
                insert.Parameters.AddWithValue("$hash", digest.HashText);
                insert.Parameters.AddWithValue("$length", copy.Length);
                using (SqliteBlob blob = new(connection, "blobs", "content", (long)insert.ExecuteScalar()!))
                {
                    copy.CopyTo(blob);
                }

                transaction.Commit();
                return true;
            },
            cancellationToken);
    }

    private static FileStream NewTemporaryFile() => new(
        Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 17, FileOptions.DeleteOnClose);

    private static long? FindRow(SqliteConnection connection, Digest digest)
    {
        using SqliteCommand select = connection.CreateCommand();
        select.CommandText = "SELECT rowid FROM blobs WHERE hash = $hash";
        select.Parameters.AddWithValue("$hash", digest.HashText);
        return (long?)select.ExecuteScalar();
    }

    // SQLite's calls block their thread. A database that is locked is waited for, 30 seconds.
    private Task<T> CallAsync<T>(Func<SqliteConnection, T> call, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            try
            {
                using SqliteConnection connection = new(_database);
                connection.Open();
                using SqliteCommand create = connection.CreateCommand();
                create.CommandText = "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS blobs (hash TEXT PRIMARY KEY, content BLOB NOT NULL)";
                create.ExecuteNonQuery();
                return call(connection);
            }
            catch (SqliteException failure)
            {
                bool isFull = failure.SqliteErrorCode is 13 or 18; // SQLITE_FULL, SQLITE_TOOBIG
                throw new ReprException(isFull ? ReprErrorCode.Exhausted : ReprErrorCode.Unavailable, $"'{path}': {failure.Message}", failure);
            }
        },
        cancellationToken);
}
