using Microsoft.Data.Sqlite;
using Repr;

namespace SqliteStore;

/// <summary>Blobs as rows of a SQLite database. Safe for concurrent use: each call has a connection of its own.</summary>
internal sealed class Store(string path) : IContentStore
{
    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        await using SqliteConnection database = Open();
        return [.. digests.Distinct().Where(digest => Find(database, digest) is null)];
    }

    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        SqliteConnection database = Open();
        if (Find(database, digest) is { } row)
        {
            return new OpenBlob(database, row);
        }

        await database.DisposeAsync();
        return null;
    }

    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        // Slow content must not keep the database locked: it is collected first.
        await using FileStream whole = new(Path.GetTempFileName(), FileMode.Create, FileAccess.ReadWrite, FileShare.None, 4096, FileOptions.DeleteOnClose);
        await content.CopyToAsync(whole, cancellationToken);
        whole.Position = 0;
        await using SqliteConnection database = Open();
        try
        {
            await using SqliteTransaction transaction = database.BeginTransaction();
            if (Run(database, "INSERT INTO blobs VALUES ($key, zeroblob($size)) ON CONFLICT DO NOTHING RETURNING rowid", ("$key", digest.HashText), ("$size", whole.Length)) is long row)
            {
                await using SqliteBlob blob = new(database, "blobs", "content", row);
                await whole.CopyToAsync(blob, cancellationToken);
            }

            transaction.Commit();
        }
        catch (SqliteException failure)
        {
            throw new ReprException(failure.SqliteErrorCode == 13 /* SQLITE_FULL */ ? ReprErrorCode.Exhausted : ReprErrorCode.Unavailable, failure.Message, failure);
        }
    }

    private static object? Run(SqliteConnection database, string sql, params (string Name, object Value)[] values)
    {
        using SqliteCommand command = database.CreateCommand();
        command.CommandText = sql;
        Array.ForEach(values, value => command.Parameters.AddWithValue(value.Name, value.Value));
        return command.ExecuteScalar();
    }

    private static long? Find(SqliteConnection database, Digest digest) =>
        (long?)Run(database, "SELECT rowid FROM blobs WHERE key = $key", ("$key", digest.HashText));

    // The host takes this failure for a store that does not answer: it warns, and goes on without the store for a while.
    private SqliteConnection Open()
    {
        SqliteConnection database = new(new SqliteConnectionStringBuilder { DataSource = path }.ToString());
        try
        {
            database.Open();
            Run(database, "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS blobs (key TEXT UNIQUE, content BLOB)");
            return database;
        }
        catch (SqliteException failure)
        {
            throw new ReprException(ReprErrorCode.Unavailable, $"{path}: {failure.Message}", failure);
        }
    }

    private sealed class OpenBlob(SqliteConnection database, long row) : SqliteBlob(database, "blobs", "content", row, readOnly: true)
    {
        private readonly SqliteConnection _database = database;

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            _database.Dispose();
        }
    }
}
