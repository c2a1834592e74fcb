using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using System.Text.RegularExpressions;
using Repr.Driver.Tests;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>
/// The C# declarations of the Projected File System against projectedfslib.h of the Windows SDK, by a compiler: a program is written
/// from the declarations, one line for each size, offset, constant and parameter; clang compiles it with the header, for Windows; the
/// numbers are read from the object file. A name that the header does not have does not compile.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed partial class LayoutTests : IDisposable
{
    private const ulong Mark = 0x7265_7072_6c61_796f;

    // Constants in the header begin with these.
    private static readonly Dictionary<Type, string> s_prefixes = new()
    {
        [typeof(PrjNotifyTypes)] = "PRJ_NOTIFY_",
        [typeof(PrjFileState)] = "PRJ_FILE_STATE_",
        [typeof(PrjCallbackDataFlags)] = "PRJ_CB_DATA_FLAG_",
        [typeof(PrjStartvirtualizingFlags)] = "PRJ_FLAG_",
        [typeof(PrjExtInfoType)] = "PRJ_EXT_INFO_TYPE_",
        [typeof(PrjCompleteCommandType)] = "PRJ_COMPLETE_COMMAND_TYPE_",
    };

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-layout-").FullName;

    private static IEnumerable<Type> Declarations => typeof(ProjFsNative).Assembly.GetTypes()
        .Where(type => type.Namespace == typeof(ProjFsNative).Namespace && type.IsValueType && type.Name.StartsWith("Prj", StringComparison.Ordinal));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Sizes_and_offsets_of_structures_are_the_headers()
    {
        Dictionary<string, ulong> ours = [];
        foreach (Type type in Declarations.Where(type => !type.IsEnum && type != typeof(PrjPlaceholderId)))
        {
            string name = ToMacro(type.Name);
            ours[$"sizeof({name})"] = (ulong)SizeOf(type);
            foreach (FieldInfo field in type.GetFields(BindingFlags.Public | BindingFlags.Instance))
            {
                ours[$"offsetof({name}, {field.Name})"] = (ulong)OffsetOf(type, field);
                ours[$"sizeof((({name} *)0)->{field.Name})"] = (ulong)SizeOf(field.FieldType);
            }
        }

        Assert.True(ours.Count > 100, $"{ours.Count} values");
        Assert.Equal(await CompileAsync(ours.Keys), ours);
    }

    [Fact]
    public async Task Constants_are_the_headers()
    {
        Dictionary<string, ulong> ours = [];
        foreach (Type type in Declarations.Where(type => type.IsEnum))
        {
            foreach (object value in Enum.GetValues(type))
            {
                string name = s_prefixes[type] + ToMacro(value.ToString()!);
                bool isOurs = type == typeof(PrjFileState) && (PrjFileState)value == PrjFileState.None; // no such constant
                if (!isOurs)
                {
                    ours[$"(uint32_t){name}"] = Convert.ToUInt32(value, CultureInfo.InvariantCulture);
                }
            }
        }

        foreach (PrjNotifyTypes value in Enum.GetValues<PrjNotifyTypes>().Where(value => value != PrjNotifyTypes.None))
        {
            ours[$"(uint32_t)PRJ_NOTIFICATION_{ToMacro(value.ToString())}"] = (uint)value;
        }

        foreach (FieldInfo field in typeof(HResult).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            string name = field.Name == nameof(HResult.Ok) ? "S_OK" : $"HRESULT_FROM_WIN32(ERROR_{ToMacro(field.Name)})";
            ours[$"(uint32_t){name}"] = unchecked((uint)(int)field.GetRawConstantValue()!);
        }

        ours["(uint32_t)PRJ_PLACEHOLDER_ID_LENGTH"] = (uint)SizeOf(typeof(PrjPlaceholderId));
        Assert.True(ours.Count > 40, $"{ours.Count} values");
        Assert.Equal(await CompileAsync(ours.Keys), ours);
    }

    [Fact]
    public async Task Functions_and_callbacks_take_what_the_header_says()
    {
        Dictionary<string, ulong> ours = [];
        foreach (MethodInfo method in typeof(ProjFsNative).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
        {
            Add($"decltype({method.Name})", method.ReturnType, [.. method.GetParameters().Select(parameter => parameter.ParameterType)]);
        }

        foreach (FieldInfo field in typeof(PrjCallbacks).GetFields())
        {
            Type function = field.GetModifiedFieldType().UnderlyingSystemType;
            string name = "PRJ_" + ToMacro(field.Name.Replace("Callback", "", StringComparison.Ordinal)) + "_CB";
            Add(name, function.GetFunctionPointerReturnType(), function.GetFunctionPointerParameterTypes());
        }

        Assert.True(ours.Count > 60, $"{ours.Count} values");
        Assert.Equal(await CompileAsync(ours.Keys), ours);

        void Add(string name, Type result, Type[] parameters)
        {
            ours[$"Signature<{name}>::count"] = (ulong)parameters.Length;
            ours[$"Signature<{name}>::size(0)"] = (ulong)(result == typeof(void) ? 0 : SizeOf(result));
            for (int i = 0; i < parameters.Length; i++)
            {
                ours[$"Signature<{name}>::size({i + 1})"] = (ulong)SizeOf(parameters[i]);
            }
        }
    }

    // The values of C++ expressions, as a compiler for Windows sees them.
    private async Task<Dictionary<string, ulong>> CompileAsync(IEnumerable<string> expressions)
    {
        string[] all = [.. expressions];
        string sdk = typeof(LayoutTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "WindowsSdk").Value!;
        string header = Directory.GetFiles(sdk, "projectedfslib.h", SearchOption.AllDirectories).Single();
        File.Copy(header, Path.Combine(_directory, "projectedfslib.h"), overwrite: true); // alone: everything else is mingw-w64's
        StringBuilder source = new("""
            #include <stdint.h>
            #include <stddef.h>
            #include <windows.h>
            #include <projectedfslib.h>
            template <class T> constexpr uint64_t size_of() { return sizeof(T); }
            template <> constexpr uint64_t size_of<void>() { return 0; }
            template <class F> struct Signature;
            template <class R, class... P> struct Signature<R(P...)> {
                static constexpr uint64_t count = sizeof...(P);
                static constexpr uint64_t size(int which) {
                    const uint64_t sizes[] = { size_of<R>(), size_of<P>()... };
                    return sizes[which];
                }
            };
            extern "C" constexpr uint64_t layout[] = {

            """);
        source.Append(CultureInfo.InvariantCulture, $"0x{Mark:x}u,\n");
        foreach (string expression in all)
        {
            source.Append("(uint64_t)").Append(expression).Append(",\n");
        }

        source.Append("};\nextern \"C\" const uint64_t *used = layout;\n");
        string program = Path.Combine(_directory, "layout.cpp");
        string compiled = Path.Combine(_directory, "layout.obj");
        await File.WriteAllTextAsync(program, source.ToString(), TestContext.Current.CancellationToken);
        (await ExternalProgram.RunAsync(
            "clang++",
            [
                "--target=x86_64-w64-windows-gnu", "-std=c++17", "-w", "-D_WIN32_WINNT=0x0A00", "-D_WIN32_WINNT_WIN10_RS5=0x0A00",
                "-DNTDDI_VERSION=0x0A00000C", "-I", _directory, "-c", program, "-o", compiled,
            ])).WithSuccess();
        byte[] content = await File.ReadAllBytesAsync(compiled, TestContext.Current.CancellationToken);
        int at = content.AsSpan().IndexOf(BitConverter.GetBytes(Mark));
        Assert.True(at >= 0, "The object file has no layout.");
        return all.Select((expression, i) => (expression, value: BitConverter.ToUInt64(content, at + ((i + 1) * sizeof(ulong)))))
            .ToDictionary(pair => pair.expression, pair => pair.value);
    }

    // PrjFileState -> PRJ_FILE_STATE
    private static string ToMacro(string name) => WordStart().Replace(name, "_").ToUpperInvariant();

    private static int SizeOf(Type type) =>
        type == typeof(string) || type.IsPointer || type.IsFunctionPointer || type.IsUnmanagedFunctionPointer || type.IsByRef ? IntPtr.Size
        : (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static int OffsetOf(Type type, FieldInfo field) => (int)Marshal.OffsetOf(type, field.Name);

    [GeneratedRegex("(?<=[a-z0-9])(?=[A-Z])")]
    private static partial Regex WordStart();
}
