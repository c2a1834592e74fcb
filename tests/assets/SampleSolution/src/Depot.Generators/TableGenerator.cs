using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Depot.Generators;

/// <summary>Turns additional files (*.table) into lists of constants, and writes a column list for each type that is marked with [Table].</summary>
[Generator(LanguageNames.CSharp)]
public sealed class TableGenerator : IIncrementalGenerator
{
    private const string AttributeSource = """
        namespace Depot.Generated
        {
            [global::System.AttributeUsage(global::System.AttributeTargets.Class | global::System.AttributeTargets.Struct)]
            internal sealed class TableAttribute : global::System.Attribute
            {
            }
        }
        """;

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        context.RegisterPostInitializationOutput(output => output.AddSource("TableAttribute.g.cs", SourceText.From(AttributeSource, Encoding.UTF8)));

        IncrementalValuesProvider<(string Name, ImmutableArray<string> Columns)> types = context.SyntaxProvider.ForAttributeWithMetadataName(
            "Depot.Generated.TableAttribute",
            static (node, _) => node is TypeDeclarationSyntax,
            static (match, _) => (
                match.TargetSymbol.Name,
                ((INamedTypeSymbol)match.TargetSymbol).GetMembers().OfType<IPropertySymbol>()
                    .Where(property => !property.IsImplicitlyDeclared && !property.IsStatic)
                    .Select(property => property.Name)
                    .ToImmutableArray()));
        context.RegisterSourceOutput(types, static (output, type) => output.AddSource(
            type.Name + ".Columns.g.cs",
            SourceText.From(
                "namespace Depot.Generated\n{\n    internal static class " + type.Name + "Columns\n    {\n        public static readonly string[] All = { "
                + string.Join(", ", type.Columns.Select(column => "\"" + column + "\"")) + " };\n    }\n}\n",
                Encoding.UTF8)));

        IncrementalValuesProvider<(AdditionalText Text, AnalyzerConfigOptionsProvider Options)> tables = context.AdditionalTextsProvider
            .Where(text => text.Path.EndsWith(".table", StringComparison.Ordinal))
            .Combine(context.AnalyzerConfigOptionsProvider);
        context.RegisterSourceOutput(tables, static (output, table) =>
        {
            string name = Path.GetFileNameWithoutExtension(table.Text.Path);
            table.Options.GlobalOptions.TryGetValue("depot_units", out string? units);
            StringBuilder text = new("namespace Depot.Generated\n{\n    internal static class " + name + "Table\n    {\n");
            text.Append("        public const string Units = \"").Append(units ?? "none").Append("\";\n");
            foreach (string line in table.Text.GetText(output.CancellationToken)?.ToString().Split('\n') ?? [])
            {
                string[] parts = line.Trim().Split('=');
                if (parts.Length == 2)
                {
                    text.Append("        public const decimal ").Append(parts[0]).Append(" = ").Append(parts[1]).Append("m;\n");
                }
            }

            output.AddSource(name + ".Table.g.cs", SourceText.From(text.Append("    }\n}\n").ToString(), Encoding.UTF8));
        });
    }
}
