using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Depot.Analyzers;

/// <summary>Reports words in type names that the file forbidden.txt lists, and public fields.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp, LanguageNames.VisualBasic)]
public sealed class NamingAnalyzer : DiagnosticAnalyzer
{
    private static readonly DiagnosticDescriptor s_forbiddenWord = new(
        "DEPOT001", "Forbidden word", "The name '{0}' has the word '{1}'", "Naming", DiagnosticSeverity.Warning, true);

    private static readonly DiagnosticDescriptor s_publicField = new(
        "DEPOT002", "Public field", "The field '{0}' is public", "Design", DiagnosticSeverity.Info, true);

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [s_forbiddenWord, s_publicField];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            string[] words = start.Options.AdditionalFiles
                .Where(file => Path.GetFileName(file.Path) == "forbidden.txt")
                .SelectMany(file => file.GetText(start.CancellationToken)?.Lines.Select(line => line.ToString().Trim()) ?? [])
                .Where(word => word.Length > 0)
                .ToArray();
            start.RegisterSymbolAction(
                symbol =>
                {
                    if (words.FirstOrDefault(word => symbol.Symbol.Name.IndexOf(word, StringComparison.OrdinalIgnoreCase) >= 0) is { } word)
                    {
                        symbol.ReportDiagnostic(Diagnostic.Create(s_forbiddenWord, symbol.Symbol.Locations[0], symbol.Symbol.Name, word));
                    }
                },
                SymbolKind.NamedType);
        });
        context.RegisterSymbolAction(
            symbol =>
            {
                if (symbol.Symbol is IFieldSymbol { DeclaredAccessibility: Accessibility.Public, IsConst: false, IsStatic: false })
                {
                    symbol.ReportDiagnostic(Diagnostic.Create(s_publicField, symbol.Symbol.Locations[0], symbol.Symbol.Name));
                }
            },
            SymbolKind.Field);
    }
}
