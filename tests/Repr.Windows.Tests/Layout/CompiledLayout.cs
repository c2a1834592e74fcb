using System.Runtime.CompilerServices;
using System.Text;
using Repr.Driver.Tests;

namespace Repr.Windows.Tests.Layout;

/// <summary>A table of sizes, offsets and values that a compiler for Windows made.</summary>
internal static class CompiledLayout
{
    /// <summary>Compiles a source and reads its table.</summary>
    /// <param name="source">From the repository's root.</param>
    /// <param name="text">Characters of a name in it.</param>
    /// <param name="options">For the compiler.</param>
    public static async Task<Dictionary<string, ulong>> CompileAsync(string source, int text, params string[] options)
    {
        int length = text + sizeof(ulong);
        string file = Path.Combine(WindowsBuild.StandIns, Path.GetFileNameWithoutExtension(source) + "-layout.o");
        (await ExternalProgram.RunAsync(
            "clang",
            [
                "--target=x86_64-w64-windows-gnu", "-std=gnu11", "-fms-extensions", "-Wno-pragma-pack", "-Werror", "-D_WIN32_WINNT=0x0A00", .. options,
                "-c", Path.Combine(Repository.Root, source), "-o", file,
            ])).WithSuccess();
        byte[] content = await File.ReadAllBytesAsync(file);
        int at = content.AsSpan().IndexOf("reprflt layout begins"u8);
        Assert.True(at >= 0, $"{file} has no layout.");
        Dictionary<string, ulong> entries = [];
        for (at += length; ; at += length)
        {
            string name = Encoding.ASCII.GetString(content, at, text).TrimEnd('\0');
            if (name == "reprflt layout ends")
            {
                return entries;
            }

            entries.Add(name, BitConverter.ToUInt64(content, at + text));
        }
    }

    /// <summary>Where a field is in its structure.</summary>
    public static ulong Offset<TStructure, TField>(ref TStructure structure, ref TField field) =>
        (ulong)Unsafe.ByteOffset(ref Unsafe.As<TStructure, byte>(ref structure), ref Unsafe.As<TField, byte>(ref field));
}
