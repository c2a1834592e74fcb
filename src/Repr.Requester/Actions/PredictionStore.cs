using Repr.Requester.Files;
using Repr.Requester.Predictors;

namespace Repr.Requester.Actions;

/// <summary>
/// What earlier runs looked at: one set for each action, one for each family of commands, one for each tool, so that the first
/// action of another project has the toolchain predicted. Only ever a hint: what is read from here is checked like everything else,
/// and what is lost is learned again. What lies outside the sources is given out as <see cref="SharedInputs"/>. Safe for concurrent use.
/// </summary>
internal sealed class PredictionStore
{
    private const int MaximumPaths = 20_000;
    private const int MaximumInMemory = 4096;
    private const int MaximumOfTool = 2048; // for the first of a family
    private const int TolerableGuess = 2; // times what was looked at
    private const int MaximumSets = 4;
    private const int RememberedShare = 4; // of what was looked at
    private const string ToolGroup = "tool\n";
    private const string FamilyGroup = "family\n";

    private readonly PredictionFiles _files;
    private readonly InputPredictors _predictors;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<VirtualPath, ObservedKind>> _groups = new(StringComparer.Ordinal); // families and tools
    private readonly Dictionary<string, SharedInputs> _shared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LearnedAction> _actions = new(StringComparer.Ordinal); // by prediction key

    /// <summary>Opens the store.</summary>
    /// <param name="directory">Made if it does not exist.</param>
    /// <param name="predictors">What is known of commands that have not run yet.</param>
    public PredictionStore(string directory, InputPredictors predictors)
    {
        _files = new PredictionFiles(directory);
        _predictors = predictors;
    }

    /// <summary>
    /// What earlier runs of this action observed; else what its client guesses, and what runs of its family did (the same command for other files), what its
    /// dependency file names and what is in its directories of headers; else what its tool looks at.
    /// </summary>
    public Prediction Find(ActionRequest request)
    {
        ActionRoots roots = ActionRoots.Of(request);
        if (FindRemembered(request, roots) is { } remembered)
        {
            return remembered;
        }

        Dictionary<VirtualPath, ObservedKind> guessed = Guess(request);
        IReadOnlyList<VirtualPath> clients = ResolveGuesses(request); // before the lock: others need not wait for the disk
        lock (_lock)
        {
            KeptInputs learned = request.PredictionKey.Length > 0 ? _files.Load("action", request.PredictionKey) : KeptInputs.Empty;
            string tool = ToolGroup + ToolOf(request.Command);
            string group = request.Line is { } line ? FamilyGroup + line.Family : learned.Inputs.Count > 0 ? "action\n" + request.PredictionKey : tool;
            if (learned.Inputs.Count == 0 && GroupOf(group).Count == 0 && roots.HoldAllOutputs && GroupOf(tool).Count <= MaximumOfTool)
            {
                group = tool; // the first of its family
            }

            if (learned.Inputs.Count > 0 && request.Line is null)
            {
                _groups[group] = new Dictionary<VirtualPath, ObservedKind>(learned.Inputs);
            }

            if (group != tool)
            {
                LearnMore(group, guessed.Where(input => input.Value == ObservedKind.Listed && !roots.IsSource(input.Key)));
            }

            Dictionary<VirtualPath, ObservedKind> all = new(learned.Inputs.Count > 0 ? learned.Inputs : GroupOf(group));
            foreach ((VirtualPath path, ObservedKind kind) in guessed)
            {
                if (!all.TryAdd(path, kind) && kind != ObservedKind.Stated)
                {
                    all[path] = kind;
                }
            }

            foreach (VirtualPath path in clients)
            {
                all.TryAdd(path, ObservedKind.Read);
            }

            SharedInputs? shared = FindShared(request, roots, group);
            Prediction found = new(
                [.. all.Where(input => shared is null || !shared.Inputs.ContainsKey(input.Key)).Select(input => new ObservedInput(input.Key, input.Value))],
                shared);
            if (learned.Inputs.Count > 0)
            {
                Remember(request.PredictionKey, new LearnedAction(learned.Sets, group, roots.Key, found));
            }

            return found;
        }
    }

    /// <summary>
    /// Remembers what a run observed, with the first one what its client guessed, and of what earlier runs of the action did as much as is little beside it: a compiler that was
    /// just started looks at more than one that is warm.
    /// </summary>
    /// <param name="request">The action.</param>
    /// <param name="mapping">Its outputs are not remembered.</param>
    /// <param name="observed">What it looked at.</param>
    /// <param name="set">The content that said so, if any: <see cref="IsLearned"/> knows it afterwards.</param>
    public void Learn(ActionRequest request, InputMapping mapping, IReadOnlyList<ObservedInput> observed, Digest? set)
    {
        Dictionary<VirtualPath, ObservedKind> inputs = [];
        foreach (ObservedInput input in observed.Where(input => !mapping.Imposed.Contains(input.Path) && !mapping.IsOutput(input.Path)).Take(MaximumPaths))
        {
            inputs.TryAdd(input.Path, input.Kind);
        }

        IReadOnlyList<VirtualPath> guesses = ResolveGuesses(request);
        lock (_lock)
        {
            if (request.Line is { } line)
            {
                HashSet<VirtualPath> own = [.. request.Inputs, .. request.NamedOutputs];
                LearnMore(FamilyGroup + line.Family, inputs.Where(pair => !own.Contains(pair.Key)));
            }

            ActionRoots roots = ActionRoots.Of(request);
            LearnMore(ToolGroup + ToolOf(request.Command), inputs.Where(pair => !roots.IsSource(pair.Key) && !request.NamedOutputs.Contains(pair.Key)));

            // After what others learn from it, since a guess is this action's alone: a tool that is warm looks at less than one that has to be started.
            if (request.PredictionKey.Length > 0)
            {
                foreach (VirtualPath path in guesses)
                {
                    inputs.TryAdd(path, ObservedKind.Read);
                }

                Save(request, Merge(_files.Load("action", request.PredictionKey), inputs, set));
            }
        }
    }

    /// <summary>
    /// Remembers what was guessed for a run that asked for nothing, as what it looked at: that need not be fetched. A guess that is much larger than that is not kept, since
    /// each mapping would look for all of it; what its family shares, each of the family has anyway.
    /// </summary>
    /// <param name="request">The action.</param>
    /// <param name="guess">What was predicted for it.</param>
    /// <param name="set">What it looked at.</param>
    /// <returns>False: it is better to learn it.</returns>
    public bool TryKeep(ActionRequest request, Prediction guess, Digest set)
    {
        lock (_lock)
        {
            IEnumerable<VirtualPath> shared = guess.Shared?.Inputs.Keys ?? [];
            bool isFamilys = request.Line is { } line && GroupOf(FamilyGroup + line.Family).Count > 0;
            if (request.PredictionKey.Length == 0
                || Knows(request)
                || guess.Own.Select(static input => input.Path).Concat(isFamilys ? [] : shared).Sum(static path => (long)path.Text.Length) > TolerableGuess * set.SizeBytes)
            {
                return false;
            }

            Dictionary<VirtualPath, ObservedKind> inputs = new(guess.Shared?.Inputs ?? new Dictionary<VirtualPath, ObservedKind>());
            foreach (ObservedInput input in guess.Own)
            {
                inputs[input.Path] = input.Kind;
            }

            Save(request, new KeptInputs(inputs, [set.ToString()]));
            return true;
        }
    }

    /// <summary>Whether anything was learned of an action itself; else what is predicted for it is a guess.</summary>
    public bool Knows(ActionRequest request)
    {
        lock (_lock)
        {
            return request.PredictionKey.Length > 0
                && (_actions.ContainsKey(request.PredictionKey) || !_files.Load("action", request.PredictionKey).IsEmpty);
        }
    }

    /// <summary>Whether what is known of an action was learned from this content.</summary>
    public bool IsLearned(ActionRequest request, Digest set)
    {
        lock (_lock)
        {
            return request.PredictionKey.Length > 0 && LearnedFrom(request).Contains(set.ToString());
        }
    }

    private IReadOnlyList<string> LearnedFrom(ActionRequest request) =>
        _actions.TryGetValue(request.PredictionKey, out LearnedAction? learned) ? learned.Sets : _files.Load("action", request.PredictionKey).Sets;

    // What none of the last sets has is forgotten with them.
    private static KeptInputs Merge(KeptInputs known, Dictionary<VirtualPath, ObservedKind> observed, Digest? set)
    {
        string[] sets = set is { } learned ? [learned.ToString()] : [];
        int more = known.Inputs.Keys.Count(path => !observed.ContainsKey(path));
        if (known.Sets.Count >= MaximumSets || more > observed.Count / RememberedShare)
        {
            return new KeptInputs(observed, sets);
        }

        Dictionary<VirtualPath, ObservedKind> all = new(observed);
        foreach ((VirtualPath path, ObservedKind kind) in known.Inputs)
        {
            if (!all.TryAdd(path, kind) && all[path] is ObservedKind.Stated or ObservedKind.Absent && kind is ObservedKind.Read or ObservedKind.Listed)
            {
                all[path] = kind; // where it was read, it may be read again
            }
        }

        return new KeptInputs(all, [.. known.Sets.Union(sets, StringComparer.Ordinal)]);
    }

    private void Save(ActionRequest request, KeptInputs learned)
    {
        _files.Save("action", request.PredictionKey, learned);
        Remember(request.PredictionKey, new LearnedAction(learned.Sets, "", "", null));
    }

    private Prediction? FindRemembered(ActionRequest request, ActionRoots roots)
    {
        lock (_lock)
        {
            return request.PredictionKey.Length > 0
                && _actions.TryGetValue(request.PredictionKey, out LearnedAction? remembered)
                && remembered.Prediction is { } prediction
                && remembered.Roots == roots.Key
                && ReferenceEquals(prediction.Shared, FindShared(request, roots, remembered.Group))
                    ? prediction
                    : null;
        }
    }

    private Dictionary<VirtualPath, ObservedKind> Guess(ActionRequest request)
    {
        Dictionary<VirtualPath, ObservedKind> found = [];
        if (request.Line is { } line)
        {
            InputPrediction prediction = _predictors.Predict(line, request.Command);
            AddParsed(found, prediction.Directories.Where(Directory.Exists), ObservedKind.Listed);
            AddParsed(found, prediction.Files, ObservedKind.Read);
        }

        foreach (VirtualPath output in request.NamedOutputs)
        {
            found.TryAdd(output, ObservedKind.Stated); // a tool looks whether it is there
        }

        return found;
    }

    private static void AddParsed(Dictionary<VirtualPath, ObservedKind> found, IEnumerable<string> paths, ObservedKind kind)
    {
        foreach (VirtualPath path in Disk.ParseAllNative(paths))
        {
            found[path] = kind;
        }
    }

    // As long as nothing was learned. What is predicted is physical; a client's paths may lead through links.
    private List<VirtualPath> ResolveGuesses(ActionRequest request)
    {
        List<VirtualPath> found = [];
        if (request.GuessedInputs.Count == 0 || Knows(request))
        {
            return found;
        }

        PathWalker walker = new(static _ => { }, placeholders: null);
        foreach (VirtualPath path in request.GuessedInputs)
        {
            try
            {
                ResolvedPath file = walker.Resolve(path);
                if (file.Stat is { IsFile: true })
                {
                    found.Add(file.Path);
                }
            }
            catch (ReprException)
            {
                // It can't be looked at: then it is asked for, if the tool wants it.
            }
        }

        return found;
    }

    // Only grown when it is worth it: each size is content of its own, which a worker has to get.
    private SharedInputs? FindShared(ActionRequest request, ActionRoots roots, string group)
    {
        if (!roots.HoldAllOutputs)
        {
            return null;
        }

        string key = group + '\n' + roots.Key;
        Dictionary<VirtualPath, ObservedKind> known = GroupOf(group);
        SharedInputs? shared = _shared.GetValueOrDefault(key);
        if (shared is not null && known.Count <= shared.Seen + (shared.Seen / 8))
        {
            return shared;
        }

        if (known.Count == 0)
        {
            return null;
        }

        Dictionary<VirtualPath, ObservedKind> foreign = new(known.Where(input => !roots.IsSource(input.Key) && !roots.IsOnTheWay(input.Key)));
        if (_shared.Count >= MaximumInMemory)
        {
            _shared.Clear();
        }

        VirtualPath[] all = [.. request.ReadRoots, .. request.WriteRoots];
        return _shared[key] = new SharedInputs(foreign, all, [.. all.Where(root => !roots.IsSource(root) && !roots.IsOnTheWay(root)).Distinct()], known.Count);
    }

    private Dictionary<VirtualPath, ObservedKind> GroupOf(string group)
    {
        if (!_groups.TryGetValue(group, out Dictionary<VirtualPath, ObservedKind>? known))
        {
            if (_groups.Count >= MaximumInMemory)
            {
                _groups.Clear();
            }

            known = _groups[group] = new(_files.Load("group", group).Inputs);
        }

        return known;
    }

    private void LearnMore(string group, IEnumerable<KeyValuePair<VirtualPath, ObservedKind>> inputs)
    {
        Dictionary<VirtualPath, ObservedKind> known = GroupOf(group);
        bool isMore = false;
        foreach ((VirtualPath path, ObservedKind kind) in inputs)
        {
            bool isKnown = known.TryGetValue(path, out ObservedKind before);
            if (isKnown ? before == ObservedKind.Stated && kind != before : known.Count < MaximumPaths)
            {
                known[path] = kind;
                isMore = true;
            }
        }

        if (isMore)
        {
            _files.Save("group", group, new KeptInputs(known, []));
        }
    }

    private void Remember(string key, LearnedAction action)
    {
        if (_actions.Count >= MaximumInMemory)
        {
            _actions.Clear();
        }

        _actions[key] = action;
    }

    /// <summary>What a command's tool is called here: its program, and for a host of managed code the assembly that it runs.</summary>
    public static string ToolOf(Command command) => string.Join(
        '\n', command.Arguments.Take(3).Where((argument, index) => index == 0 || argument.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)));

    /// <param name="Sets">The contents that it was learned from.</param>
    /// <param name="Group">Whose inputs it shares.</param>
    /// <param name="Roots">The roots that the prediction was made for.</param>
    /// <param name="Prediction">What was given out last; null: nothing yet.</param>
    private sealed record LearnedAction(IReadOnlyList<string> Sets, string Group, string Roots, Prediction? Prediction);
}
