using System.Diagnostics;
using System.Globalization;
using Repr.Bench.Peers;

namespace Repr.Bench;

/// <summary>
/// Sources of C or C++ that are compiled by CMake or make with a launcher before each compiler: the sample of the repository, or a source
/// package of Debian as its authors released it, without Debian's patches.
/// </summary>
/// <param name="options">Where its files go.</param>
/// <param name="key">"cxx": the sample; else the name of the source package.</param>
/// <param name="directory">Where it is built.</param>
internal sealed class CxxWorkload(BenchOptions options, string key, string directory) : Workload
{
    // What the build of a package needs beyond what is usual.
    private static readonly Dictionary<string, string[]> s_arguments = new(StringComparer.Ordinal)
    {
        ["lua5.4"] = ["linux"],
        ["yaml-cpp"] = ["-DYAML_CPP_BUILD_TESTS=OFF"],
        ["fmtlib"] = ["-DFMT_TEST=OFF", "-DFMT_DOC=OFF"],
    };

    // make looks the variable up in the environment when it runs a command.
    private static readonly string[] s_compilers = ["CC=$(RUN) gcc", "CXX=$(RUN) g++"];

    private bool _hasCMake;

    /// <inheritdoc/>
    public override string Key => key;

    /// <inheritdoc/>
    public override string Title => IsSample ? "C++ sample of the repository" : $"{key}, a source package of Debian";

    /// <inheritdoc/>
    public override IReadOnlyList<Configuration> Configurations { get; } = Configuration.OfCompilers([.. options.Tools]);

    /// <inheritdoc/>
    public override int Slots => options.Jobs;

    /// <inheritdoc/>
    public override Checkout Checkout { get; } = new(directory);

    private bool IsSample => key == "cxx";

    private string Sources => Path.Combine(directory, "src");

    private string Build => _hasCMake ? Path.Combine(directory, "build") : Sources;

    private string Launcher => Path.Combine(options.Repository, "eng/bench/cxx/launch.sh");

    /// <inheritdoc/>
    public override async Task PrepareAsync(ControlGroup group, CancellationToken cancellationToken)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        Directory.CreateDirectory(directory);
        if (IsSample)
        {
            await RunAsync(group, "cp", ["-r", Path.Combine(options.Repository, "tests/assets/CxxSample"), Sources], cancellationToken);
            await RunAsync(group, "cp", [Path.Combine(options.Repository, "eng/bench/cxx/CMakeLists.txt"), Sources], cancellationToken);
        }
        else
        {
            string fetch = Path.Combine(options.Repository, "eng/bench/sources.sh");
            await RunAsync(group, fetch, [Path.Combine(options.Artifacts, "sources"), key, Sources], cancellationToken);
        }

        _hasCMake = File.Exists(Path.Combine(Sources, "CMakeLists.txt"));
        string[] arguments = s_arguments.GetValueOrDefault(key) ?? [];
        if (_hasCMake)
        {
            await RunAsync(
                group,
                "cmake",
                [
                    "-S", Sources, "-B", Build, "-G", "Unix Makefiles", "-DCMAKE_BUILD_TYPE=Release",
                    $"-DCMAKE_C_COMPILER_LAUNCHER={Launcher}", $"-DCMAKE_CXX_COMPILER_LAUNCHER={Launcher}", .. arguments,
                ],
                cancellationToken);
        }
        else if (File.Exists(Path.Combine(Sources, "configure")))
        {
            await RunAsync(group, "./configure", [], cancellationToken);
        }
        else if (!File.Exists(Path.Combine(Sources, "Makefile")))
        {
            throw new BenchException($"{key} has neither CMakeLists.txt nor configure nor Makefile: the bench does not know how to build it.");
        }

        Checkout.Remember();
    }

    /// <inheritdoc/>
    public override ProcessStartInfo StartOf(ControlGroup group, Configuration configuration, Tool? tool, IReadOnlyList<string> prefix)
    {
        string[] make =
        [
            .. prefix, "make", "-C", Build, string.Create(CultureInfo.InvariantCulture, $"-j{options.Jobs}"),
            .. _hasCMake ? [] : s_compilers, .. _hasCMake ? [] : s_arguments.GetValueOrDefault(key) ?? [],
        ];
        ProcessStartInfo start = group.StartOf(make[0], make[1..]);
        Tool.SetEnvironment(start, tool);
        foreach ((string name, string value) in configuration.Environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>Object files, programs and libraries: an ELF file or an archive by its first bytes.</summary>
    public override bool IsCompared(string file)
    {
        Span<byte> magic = stackalloc byte[4];
        using FileStream content = File.OpenRead(file);
        int length = content.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        return length == magic.Length && (magic.SequenceEqual("\u007fELF"u8) || magic.SequenceEqual("!<ar"u8));
    }

    private async Task RunAsync(ControlGroup group, string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = group.StartOf(program, arguments);
        start.WorkingDirectory = Directory.Exists(Sources) ? Sources : directory;
        Tool.SetEnvironment(start, null);
        ChildProcess run = await ChildProcess.RunAsync(start, cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"{key} can't be prepared, `{program}` says:\n{run.Output}");
        }
    }
}
