using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Repr.Bench;
using Repr.Bench.Peers;

namespace Repr.Cases;

/// <summary>What one pass over the files of one language took, per compile.</summary>
/// <param name="Tool">As in "distcc"; "nothing": the loop alone.</param>
/// <param name="Language">"C" or "C++".</param>
/// <param name="Pass">From 1; 0: the first one, which warms the tool up.</param>
/// <param name="Remote">Compiles that a worker executed.</param>
/// <param name="CpuMs">Processor milliseconds of the requester's side.</param>
/// <param name="WallMs">Milliseconds.</param>
/// <param name="Device">Bytes on the pair of devices, headers of TCP and IP included.</param>
/// <param name="Payload">Bytes of TCP payload on connections that last; only for Repr.</param>
internal sealed record Cost(
    string Tool, string Language, int Pass, int Remote, double CpuMs, double WallMs, WireBytes Device, WireBytes? Payload);

/// <summary>Compiles the same files with each tool, one after the other.</summary>
/// <param name="options">Where.</param>
/// <param name="box">The tools.</param>
internal sealed class Costs(CasesOptions options, Toolbox box)
{
    /// <summary>Files of each language.</summary>
    public const int Files = 40;

    private const int Passes = 4;

    // What a pass leaves for later (a cache that is written) belongs to it.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private string Sources => Path.Combine(options.Work, "costs");

    /// <summary>Measures.</summary>
    public async IAsyncEnumerable<Cost> MeasureAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Sources);
        await WriteSourcesAsync(cancellationToken);
        foreach ((string language, string loop) in new[]
        {
            ("C", "for f in c*.c; do $RUN gcc -O2 -g0 -Iinc -c $f -o ${f%.c}.o; done"),
            ("C++", "for f in x*.cc; do $RUN g++ -O2 -g0 -Iinc -c $f -o ${f%.cc}.o; done"),
        })
        {
            yield return await MeasureAsync(null, language, loop.Replace("$RUN gcc", "/bin/true", StringComparison.Ordinal)
                .Replace("$RUN g++", "/bin/true", StringComparison.Ordinal), 1, cancellationToken);

            // Pass by pass, so that what else happens on this machine meets all of them.
            for (int pass = 0; pass <= Passes; pass++)
            {
                foreach (Tool tool in box.Tools.Where(tool => tool is not CcacheTool))
                {
                    yield return await MeasureAsync(tool, language, loop, pass, cancellationToken);
                }
            }
        }
    }

    private async Task<Cost> MeasureAsync(Tool? tool, string language, string loop, int pass, CancellationToken cancellationToken)
    {
        foreach (string old in Directory.EnumerateFiles(Sources, "*.o"))
        {
            File.Delete(old);
        }

        if (tool is not null && (pass == 0 || tool is not DistccTool))
        {
            await tool.BeginAsync(cancellationToken); // the include server of pump lives through the passes
        }

        int before = tool is null or not DistccTool || pass == 0 ? 0 : (await tool.EndAsync(cancellationToken)).Remote;
        WireCounter? wire = tool is ReprTool repr ? new WireCounter(repr.Endpoint) : null;
        await Task.Delay(Settling, cancellationToken);
        WireBytes? payload = wire is null ? null : await wire.CountAsync(cancellationToken);
        WireBytes device = box.Network.Count();
        TimeSpan cpu = box.Requester.Used() ?? throw new BenchException(box.Requester.WhyNot!);
        long start = Stopwatch.GetTimestamp();
        ProcessStartInfo command = box.Requester.StartOf("/bin/sh", ["-c", loop]);
        command.WorkingDirectory = Sources;
        Tool.SetEnvironment(command, tool);
        ChildProcess run = await ChildProcess.RunAsync(command, cancellationToken);
        TimeSpan wall = Stopwatch.GetElapsedTime(start);
        await Task.Delay(Settling, cancellationToken);
        cpu = box.Requester.Used()!.Value - cpu;
        int remote = tool is null ? 0 : (await tool.EndAsync(cancellationToken)).Remote - before;
        WireBytes? payloadAfter = wire is null ? null : await wire.CountAsync(cancellationToken);
        return run.ExitCode != 0
            ? throw new BenchException($"Compiles with {tool?.Name} failed:\n{run.Output}")
            : new Cost(
                tool?.Name ?? "nothing", language, pass, remote, cpu.TotalMilliseconds / Files, wall.TotalMilliseconds / Files,
                PerCompile(box.Network.Count() - device), payloadAfter - payload is WireBytes bytes ? PerCompile(bytes) : null);
    }

    private static WireBytes PerCompile(WireBytes bytes) => new(bytes.Sent / Files, bytes.Received / Files);

    private async Task WriteSourcesAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(Sources, "inc"));
        await File.WriteAllTextAsync(
            Path.Combine(Sources, "inc/common.h"), "#define FACTOR 3\nint scale(int value);\n", cancellationToken);
        for (int number = 0; number < Files; number++)
        {
            string c = $$"""
                #include <stdio.h>
                #include <stdlib.h>
                #include <string.h>
                #include "common.h"
                static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
                int run{{number}}(const char *text)
                {
                    int values[{{number + 8}}];
                    for (int i = 0; i < {{number + 8}}; i++)
                        values[i] = scale((int)strlen(text) + i * {{number}}) % (FACTOR + {{number}});
                    qsort(values, {{number + 8}}, sizeof *values, by_value);
                    return printf("%d %s\n", values[{{number / 2}}], text);
                }

                """;
            string cxx = $$"""
                #include <iostream>
                #include <map>
                #include <string>
                #include <vector>
                #include "common.h"
                std::map<std::string, std::vector<int>> table{{number}};
                int run{{number}}(const std::string& text)
                {
                    for (int i = 0; i < {{number + 8}}; i++)
                        table{{number}}[text + std::to_string(i)].push_back(scale(i * {{number}}) % FACTOR);
                    int sum = 0;
                    for (const auto& [name, values] : table{{number}})
                        for (int value : values)
                            sum += value + (int)name.size();
                    std::cout << sum << std::endl;
                    return sum;
                }

                """;
            string two = number.ToString("D2", CultureInfo.InvariantCulture);
            await File.WriteAllTextAsync(Path.Combine(Sources, $"c{two}.c"), c, cancellationToken);
            await File.WriteAllTextAsync(Path.Combine(Sources, $"x{two}.cc"), cxx, cancellationToken);
        }
    }
}
