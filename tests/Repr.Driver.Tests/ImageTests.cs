using System.Reflection.PortableExecutable;
using System.Text;

namespace Repr.Driver.Tests;

/// <summary>reprflt.sys as it is built here: what a kernel would look at before it runs it.</summary>
public sealed class ImageTests(BuiltDriver driver)
{
    [Fact]
    public void It_is_built_and_inspected_by_one_command()
    {
        Assert.Contains("imports: fltmgr.sys ntoskrnl.exe\n", driver.Build.Text, StringComparison.Ordinal);
        Assert.Contains("subsystem: native, force integrity", driver.Build.Text, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(driver.Output, "reprflt.pdb")));
    }

    [Fact]
    public void It_is_a_native_image_of_x64_with_forced_integrity_and_the_mitigations()
    {
        using PEReader image = Open("reprflt.sys");

        Assert.Equal(Machine.Amd64, image.PEHeaders.CoffHeader.Machine);
        Assert.Equal(Subsystem.Native, image.PEHeaders.PEHeader!.Subsystem);
        const DllCharacteristics Wanted = (DllCharacteristics)0x0080 | DllCharacteristics.NxCompatible | DllCharacteristics.DynamicBase | DllCharacteristics.HighEntropyVirtualAddressSpace;
        Assert.Equal(Wanted, image.PEHeaders.PEHeader.DllCharacteristics & Wanted);
        Assert.Empty(image.PEHeaders.SectionHeaders.Where(static section =>
            section.SectionCharacteristics.HasFlag(SectionCharacteristics.MemExecute) && section.SectionCharacteristics.HasFlag(SectionCharacteristics.MemWrite)));
    }

    [Fact]
    public void It_imports_from_the_filter_manager_and_the_kernel_only()
    {
        using PEReader image = Open("reprflt.sys");

        Assert.Equal(["fltmgr.sys", "ntoskrnl.exe"], ImportedModules(image).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task It_can_be_signed_for_a_machine_in_test_mode()
    {
        Ended ended = await ExternalProgram.RunAsync(Path.Combine(Repository.Driver, "sign-test.sh"), [driver.Output]);

        Assert.Contains("Signature verification: ok", ended.WithSuccess().Text, StringComparison.Ordinal);
        using PEReader signed = Open("reprflt-test.sys");
        Assert.True(signed.PEHeaders.PEHeader!.CertificateTableDirectory.Size > 0);
        Assert.NotEqual(0u, signed.PEHeaders.PEHeader.CheckSum); // the kernel refuses an image without it
    }

    private PEReader Open(string name) => new(File.OpenRead(Path.Combine(driver.Output, name)), PEStreamOptions.PrefetchEntireImage);

    // The import directory: descriptors of 20 bytes, the name's address at 12, until one without.
    private static IEnumerable<string> ImportedModules(PEReader image)
    {
        int at = image.PEHeaders.PEHeader!.ImportTableDirectory.RelativeVirtualAddress;
        for (; ; at += 20)
        {
            int name = image.GetSectionData(at + 12).GetReader(0, 4).ReadInt32();
            if (name == 0)
            {
                yield break;
            }

            byte[] text = [.. image.GetSectionData(name).GetContent().TakeWhile(static c => c != 0)];
            yield return Encoding.ASCII.GetString(text);
        }
    }
}
