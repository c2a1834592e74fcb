using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Repr.Plugins;

/// <summary>Binds settings to an object and finds everything that is wrong with them, not only the first.</summary>
public static class OptionsBinder
{
    /// <summary>Binds a section. Unknown names, values of the wrong type and what the attributes of the type forbid are problems.</summary>
    /// <param name="section">The settings.</param>
    /// <param name="problems">Gets a sentence for each setting that is wrong; it starts with the setting's full name.</param>
    public static TOptions Bind<TOptions>(IConfigurationSection section, ICollection<string> problems)
        where TOptions : class, new()
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(problems);
        TOptions options = new();
        HashSet<string> unbound = new(StringComparer.OrdinalIgnoreCase);
        Dictionary<string, PropertyInfo> properties = typeof(TOptions).GetProperties()
            .Where(static property => property.SetMethod is { IsPublic: true })
            .ToDictionary(static property => property.Name, StringComparer.OrdinalIgnoreCase);
        foreach (IConfigurationSection setting in section.GetChildren())
        {
            if (!properties.TryGetValue(setting.Key, out PropertyInfo? property))
            {
                problems.Add($"{setting.Path}: there is no such setting; known: {string.Join(", ", properties.Keys.Order(StringComparer.Ordinal))}.");
                continue;
            }

            try
            {
                // Null is an empty list or object: what is there by default stays.
                if (setting.Get(property.PropertyType, static binder => binder.ErrorOnUnknownConfiguration = true) is { } value)
                {
                    property.SetValue(options, value);
                }
            }
            catch (Exception exception) when (exception is InvalidOperationException or FormatException or ArgumentException)
            {
                // The value is not repeated: it may be a secret.
                problems.Add($"{setting.Path}: is no {Describe(property.PropertyType)}.");
                unbound.Add(property.Name);
            }
        }

        List<ValidationResult> results = [];
        Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true);
        foreach (ValidationResult result in results)
        {
            string? member = result.MemberNames.FirstOrDefault();
            if (member is null || !unbound.Contains(member))
            {
                problems.Add($"{section.Path}{(member is null ? string.Empty : ":" + member)}: {result.ErrorMessage}");
            }
        }

        return options;
    }

    private static string Describe(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is var actual && actual.IsEnum
            ? $"one of {string.Join(", ", Enum.GetNames(actual))}"
            : $"valid {actual.Name}";
}
