namespace Repr.Cas;

/// <summary>A store behind the one on this machine.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Store">The store; what it holds need not be trusted.</param>
/// <param name="IsGuarded">It checks what it gives and fails fast by itself.</param>
public sealed record FarContentStore(string Name, IContentStore Store, bool IsGuarded = false);
