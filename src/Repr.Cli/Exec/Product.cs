namespace Repr.Cli.Exec;

/// <summary>What this program is, to be started again as the requester process.</summary>
internal static class Product
{
    /// <summary>repr.dll: its path, length and time name the door.</summary>
    public static string Assembly => typeof(Product).Assembly.Location;

    /// <summary>The program: repr.exe, or repr-host beside the front.</summary>
    public static string Program => Environment.ProcessPath!;
}
