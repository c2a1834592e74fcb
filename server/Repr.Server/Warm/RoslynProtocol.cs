using System.Buffers.Binary;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;

namespace Repr.Server.Warm;

/// <summary>
/// The language of one version of Roslyn's compiler server. Source: src/Compilers/Core/CommandLine/BuildProtocol.cs of dotnet/roslyn.
/// It is not promised to be stable, so what changed between versions is read from the server's own metadata; a server that does not
/// look as expected is not used.
/// </summary>
/// <param name="CompilerHash">What a client must show to be of the same version: the server's commit.</param>
/// <param name="HasTextIds">Ids of requests are strings, not GUIDs.</param>
internal sealed record RoslynProtocol(string CompilerHash, bool HasTextIds)
{
    private const uint CSharp = 0x44532521;
    private const uint VisualBasic = 0x44532522;
    private const int Completed = 1;
    private const int MaximumResponseLength = 256 << 20;

    // The argument's kinds.
    private const int CurrentDirectory = 0x51147221;
    private const int CommandLineArgument = 0x51147222;
    private const int LibraryVariable = 0x51147223;
    private const int KeepAlive = 0x51147224;
    private const int TemporaryDirectory = 0x51147226;

    private const string KeepAliveSeconds = "864000"; // its life is the worker's affair; no limit at all is an error to some versions

    private static readonly string[] s_refusals = ["another version", "", "inconsistent analyzers", "shut down", "rejected", "another commit"];

    /// <summary>Reads the language from the server's assembly; null: it is not one that is known here.</summary>
    /// <param name="server">VBCSCompiler.dll.</param>
    public static RoslynProtocol? Read(Stream server)
    {
        try
        {
            using PEReader image = new(server, PEStreamOptions.LeaveOpen);
            MetadataReader metadata = image.GetMetadataReader();
            return FindCommit(metadata) is { Length: > 0 } hash && FindTextIds(metadata) is { } hasTextIds
                ? new RoslynProtocol(hash, hasTextIds)
                : null;
        }
        catch (BadImageFormatException)
        {
            return null;
        }
    }

    /// <summary>Sends one compile.</summary>
    public async ValueTask WriteRequestAsync(
        Stream connection,
        bool isVisualBasic,
        string workingDirectory,
        string temporaryDirectory,
        string? libraries,
        IReadOnlyList<string> arguments,
        CancellationToken cancellationToken)
    {
        using MemoryStream request = new();
        await using (BinaryWriter writer = new(request, Encoding.Unicode, leaveOpen: true))
        {
            writer.Write(0); // the length, when it is known
            if (HasTextIds)
            {
                writer.Write("repr");
            }
            else
            {
                writer.Write(Guid.Empty.ToByteArray());
            }

            writer.Write(isVisualBasic ? VisualBasic : CSharp);
            writer.Write(CompilerHash);
            writer.Write(arguments.Count + 3 + (libraries is null ? 0 : 1));
            Write(writer, CurrentDirectory, 0, workingDirectory);
            Write(writer, TemporaryDirectory, 0, temporaryDirectory);
            Write(writer, KeepAlive, 0, KeepAliveSeconds);
            if (libraries is not null)
            {
                Write(writer, LibraryVariable, 0, libraries);
            }

            for (int i = 0; i < arguments.Count; i++)
            {
                Write(writer, CommandLineArgument, i, arguments[i]);
            }
        }

        byte[] bytes = request.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length - sizeof(int));
        await connection.WriteAsync(bytes, cancellationToken);
    }

    /// <summary>Receives how a compile ended.</summary>
    /// <exception cref="WarmToolException">The server did not compile.</exception>
    /// <exception cref="IOException">The server is gone.</exception>
    public static async ValueTask<(int ExitCode, string Output)> ReadResponseAsync(Stream connection, CancellationToken cancellationToken)
    {
        byte[] length = new byte[sizeof(int)];
        await connection.ReadExactlyAsync(length, cancellationToken);
        int bytes = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (bytes is < sizeof(int) or > MaximumResponseLength)
        {
            throw new WarmToolException($"its answer has {bytes} bytes");
        }

        byte[] response = new byte[bytes];
        await connection.ReadExactlyAsync(response, cancellationToken);
        int kind = BinaryPrimitives.ReadInt32LittleEndian(response);
        if (kind != Completed)
        {
            throw new WarmToolException(kind >= 0 && kind < s_refusals.Length ? s_refusals[kind] : $"answer {kind}");
        }

        try
        {
            using BinaryReader reader = new(new MemoryStream(response, sizeof(int), bytes - sizeof(int)), Encoding.Unicode);
            int exitCode = reader.ReadInt32();
            _ = reader.ReadBoolean(); // whether a console would get UTF-8; text of actions is
            int characters = reader.ReadInt32();
            return (exitCode, characters <= 0 ? "" : new string(reader.ReadChars(characters)));
        }
        catch (EndOfStreamException)
        {
            throw new WarmToolException("its answer ends too early");
        }
    }

    private static void Write(BinaryWriter writer, int kind, int index, string value)
    {
        writer.Write(kind);
        writer.Write(index);
        writer.Write(value.Length);
        writer.Write(value.ToCharArray());
    }

    // [assembly: Microsoft.CodeAnalysis.CommitHash("...")]
    private static string? FindCommit(MetadataReader metadata)
    {
        foreach (CustomAttributeHandle handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            CustomAttribute attribute = metadata.GetCustomAttribute(handle);
            EntityHandle type = attribute.Constructor.Kind == HandleKind.MemberReference
                ? metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent
                : metadata.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).GetDeclaringType();
            StringHandle name = type.Kind switch
            {
                HandleKind.TypeReference => metadata.GetTypeReference((TypeReferenceHandle)type).Name,
                HandleKind.TypeDefinition => metadata.GetTypeDefinition((TypeDefinitionHandle)type).Name,
                _ => default,
            };
            if (!name.IsNil && metadata.StringComparer.Equals(name, "CommitHashAttribute"))
            {
                BlobReader value = metadata.GetBlobReader(attribute.Value);
                return value.ReadUInt16() == 1 ? value.ReadSerializedString() : null;
            }
        }

        return null;
    }

    // Microsoft.CodeAnalysis.CommandLine.BuildRequest.RequestId: a string, or a value type, which is the GUID of older versions.
    private static bool? FindTextIds(MetadataReader metadata)
    {
        foreach (TypeDefinition type in metadata.TypeDefinitions.Select(metadata.GetTypeDefinition))
        {
            if (!metadata.StringComparer.Equals(type.Name, "BuildRequest"))
            {
                continue;
            }

            foreach (FieldDefinition field in type.GetFields().Select(metadata.GetFieldDefinition))
            {
                if (metadata.StringComparer.Equals(field.Name, "RequestId"))
                {
                    BlobReader signature = metadata.GetBlobReader(field.Signature);
                    _ = signature.ReadSignatureHeader();
                    return signature.ReadSignatureTypeCode() switch
                    {
                        SignatureTypeCode.String => true,
                        SignatureTypeCode.TypeHandle => false,
                        _ => null,
                    };
                }
            }
        }

        return null;
    }
}
