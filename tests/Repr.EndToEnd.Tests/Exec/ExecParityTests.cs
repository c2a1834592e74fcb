using System.Text.RegularExpressions;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>A remote Exec says and returns what the stock task does, parameter by parameter.</summary>
public sealed partial class ExecParityTests(PackedSdk sdk)
{
    private static readonly Dictionary<string, string> s_cases = new()
    {
        ["Output"] = """<Exec Command="echo out; echo; echo '  indented'" REMOTE />""",
        ["Error"] = """<Exec Command="echo err &gt;&amp;2" REMOTE />""",
        ["ExitCode"] = """<Exec Command="exit 3" REMOTE />""",
        ["IgnoreExitCode"] = """<Exec Command="echo a; exit 3" IgnoreExitCode="true" REMOTE><Output TaskParameter="ExitCode" PropertyName="Code" /></Exec>""",
        ["ContinueOnError"] = """<Exec Command="exit 7" ContinueOnError="true" REMOTE><Output TaskParameter="ExitCode" PropertyName="Code" /></Exec>""",
        ["CanonicalError"] = """<Exec Command="echo 'a.c(1,2): error X1: bad'; echo 'b.c(3): warning X2: not good'" REMOTE />""",
        ["ErrorLineAndExitCode"] = """<Exec Command="echo 'a.c(1,2): error X1: bad'; exit 4" IgnoreExitCode="true" REMOTE><Output TaskParameter="ExitCode" PropertyName="Code" /></Exec>""",
        ["IgnoreFormat"] = """<Exec Command="echo 'a.c(1,2): error X1: bad'" IgnoreStandardErrorWarningFormat="true" REMOTE />""",
        ["CustomError"] = """<Exec Command="echo fine; echo BAD thing" CustomErrorRegularExpression="^BAD" REMOTE />""",
        ["CustomWarning"] = """<Exec Command="echo fine; echo ODD thing" CustomWarningRegularExpression="^ODD" REMOTE />""",
        ["InvalidRegex"] = """<Exec Command="echo fine" CustomErrorRegularExpression="(" REMOTE />""",
        ["Console"] = """<Exec Command="echo ' one%3B%2541 '; echo; echo '*.proj'; echo $(MSBuildProjectName)" ConsoleToMSBuild="true" REMOTE><Output TaskParameter="ConsoleOutput" ItemName="Lines" /></Exec>""",
        ["ConsoleProperty"] = """<Exec Command="echo one; echo two" ConsoleToMSBuild="true" StandardOutputImportance="low" REMOTE><Output TaskParameter="ConsoleOutput" PropertyName="Code" /></Exec>""",
        ["ConsoleAndFailure"] = """<Exec Command="echo one; exit 5" ConsoleToMSBuild="true" IgnoreExitCode="true" REMOTE><Output TaskParameter="ConsoleOutput" ItemName="Lines" /><Output TaskParameter="ExitCode" PropertyName="Code" /></Exec>""",
        ["Quiet"] = """<Exec Command="echo out; echo err &gt;&amp;2" StandardOutputImportance="low" StandardErrorImportance="low" REMOTE />""",
        ["ErrorAsError"] = """<Exec Command="echo out; sleep 0.2; echo err &gt;&amp;2" LogStandardErrorAsError="true" ConsoleToMSBuild="true" REMOTE><Output TaskParameter="ConsoleOutput" ItemName="Lines" /></Exec>""",
        ["WorkingDirectory"] = """<Exec Command="basename &quot;$PWD&quot;; cat in.txt" WorkingDirectory="sub" REMOTE />""",
        ["MissingDirectory"] = """<Exec Command="pwd" WorkingDirectory="missing" REMOTE />""",
        ["Environment"] = """<Exec Command="echo $A-$B-$EMPTY." EnvironmentVariables="A=1;B=t w o;EMPTY=" REMOTE />""",
        ["MalformedEnvironment"] = """<Exec Command="echo $A" EnvironmentVariables="A" REMOTE />""",
        ["Encoding"] = """<Exec Command="printf '\344\n'" StdOutEncoding="iso-8859-1" REMOTE />""",
        ["UnknownEncoding"] = """<Exec Command="echo" StdOutEncoding="klingon" REMOTE />""",
        ["Utf8"] = """<Exec Command="echo größe" UseUtf8Encoding="Always" REMOTE />""",
        ["NoLineFeed"] = """<Exec Command="printf 'a\rb\r\nc'" REMOTE />""",
        ["TimeOut"] = """<Exec Command="echo before; sleep 20; echo after" Timeout="1500" REMOTE />""",
        ["IgnoredTimeOut"] = """<Exec Command="sleep 20" Timeout="1000" IgnoreExitCode="true" REMOTE />""",
        ["Signal"] = """<Exec Command="kill -9 $$" REMOTE />""",
        ["SignalOfChild"] = """<Exec Command="sh -c 'kill -11 $$'" IgnoreExitCode="true" REMOTE><Output TaskParameter="ExitCode" PropertyName="Code" /></Exec>""",
        ["ManyLines"] = """<Exec Command="seq 1 300" REMOTE />""",
        ["LongCommand"] = $"""<Exec Command="echo {new string('x', 3000)} &#10; echo 'two   spaces' &quot;and a back\\slash&quot;; # a comment" REMOTE />""",
        ["Outputs"] = """<Exec Command="echo made &gt; made.txt; cat made.txt" Outputs="made.txt" REMOTE><Output TaskParameter="Outputs" ItemName="Lines" /></Exec>""",
        ["NotFound"] = """<Exec Command="no-such-program-here" REMOTE />""",
        ["SyntaxError"] = """<Exec Command="if then" REMOTE />""",
        ["Empty"] = """<Exec Command=" " REMOTE />""",
        ["StandardInput"] = """<Exec Command="cat; echo end" REMOTE />""",
        ["Name"] = """<Exec Command="echo $0 $#" REMOTE />""",
        ["EchoOff"] = """<Exec Command="echo secret" EchoOff="true" REMOTE />""",
    };

    [Fact]
    public async Task Every_parameter_does_what_it_does_in_the_stock_task()
    {
        ExecProject project = new(sdk);
        // The same lines in both files, so that positions in messages are the same.
        project.Write("stock/t.proj", Describe("<!-- -->", ""));
        project.Write("remote/t.proj", Describe(ExecProject.SdkElement, "ReprRemote=\"true\""));
        project.Write("stock/sub/in.txt", "content\n");
        project.Write("remote/sub/in.txt", "content\n");
        await using WorkerProcess worker = await project.StartWorkerAsync();

        BuildRun stock = await project.BuildAsync("stock/t.proj", null);
        BuildRun remote = await project.BuildAsync("remote/t.proj", worker, "-p:ReprFallback=fail");

        Dictionary<string, string> expected = Split(stock, Path.Combine(project.Directory, "stock"));
        Dictionary<string, string> actual = Split(remote, Path.Combine(project.Directory, "remote"));
        Assert.Equal(s_cases.Keys, expected.Keys);
        Assert.All(s_cases.Keys, name => Assert.Equal(expected[name], actual.GetValueOrDefault(name)));
        string[] local = ["MissingDirectory", "MalformedEnvironment", "UnknownEncoding", "Empty"]; // end before anything runs
        Assert.Equal(s_cases.Count - local.Length, project.Records().Count);
        Assert.All(project.Records(), record => Assert.Equal("remote", record.GetProperty("outcome").GetString()));
    }

    private static string Describe(string sdk, string parameter)
    {
        const string Show = """<Message Importance="high" Text="code '$(Code)' lines '@(Lines, '|')'" />""";
        IEnumerable<string> targets = s_cases.Select(item =>
            $"<Target Name=\"{item.Key}\"><Message Importance=\"high\" Text=\"== {item.Key}\" />\n{item.Value.Replace("REMOTE", parameter, StringComparison.Ordinal)}\n{Show}</Target>\n");
        string calls = string.Concat(s_cases.Keys.Select(name =>
            $"<MSBuild Projects=\"t.proj\" Targets=\"{name}\" Properties=\"Case={name}\" ContinueOnError=\"true\" />\n"));
        return $"<Project DefaultTargets=\"All\">{sdk}\n{string.Concat(targets)}<Target Name=\"All\">{calls}</Target></Project>";
    }

    // What was said for each case. Names of directories, of the task's class, of its script and the engine's stack traces are left out.
    private static Dictionary<string, string> Split(BuildRun run, string directory)
    {
        Dictionary<string, string> cases = [];
        string name = "";
        foreach (string line in run.Output.Split('\n').Select(line => Normalise(line, directory)).OfType<string>())
        {
            if (line.TrimStart().StartsWith("== ", StringComparison.Ordinal))
            {
                name = line.Trim()[3..];
                cases[name] = "";
            }
            else if (name.Length > 0)
            {
                cases[name] += line + "\n";
            }
        }

        return cases;
    }

    private static string? Normalise(string line, string directory) => StackFrame().IsMatch(line)
        ? null
        : Script().Replace(line.TrimEnd(), "SCRIPT")
            .Replace(directory, "DIR", StringComparison.Ordinal)
            .Replace("Repr.Build.Exec", "Microsoft.Build.Tasks.Exec", StringComparison.Ordinal);

    [GeneratedRegex(@"^(.*error MSB6003:)?\s+at [\w.]+\(")]
    private static partial Regex StackFrame();

    [GeneratedRegex(@"/tmp/([\w-]+/)?(MSBuildTemp\w*/tmp\w+\.exec\.cmd|repr-[0-9a-f]{16}\.sh)")]
    private static partial Regex Script();
}
