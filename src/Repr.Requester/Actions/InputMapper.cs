using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>
/// Turns the paths of an action into facts: each link at its own place, each directory on the way, each file with its digest,
/// and what is not there. Outputs start absent and virtual files present, whatever the disk says. Safe for concurrent use.
/// </summary>
internal sealed class InputMapper(DigestCache digests, SharedMapper shared, TimeProvider time)
{
    private const int Attempts = 3;

    private static readonly VirtualPath s_tmp = VirtualPath.Parse("/tmp");

    /// <summary>Maps an action.</summary>
    /// <param name="request">The action. Its output directories are made if they do not exist.</param>
    /// <param name="prediction">What earlier runs observed; what the read policy does not allow is dropped.</param>
    /// <param name="cancellationToken">Stops the mapping.</param>
    public async Task<InputMapping> MapAsync(ActionRequest request, Prediction prediction, CancellationToken cancellationToken)
    {
        foreach (VirtualPath directory in request.OutputDirectories)
        {
            CreateDirectory(directory);
        }

        if (prediction.Shared is not { } inputs)
        {
            return await MapAsync(request, prediction.Own, null, cancellationToken);
        }

        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (await shared.GetAsync(inputs, cancellationToken) is not { } facts)
            {
                break;
            }

            InputMapping mapping = await MapAsync(request, prediction.Own.Concat(facts.Rest), facts, cancellationToken);
            if (mapping.Imposed.Any(path => facts.Facts.ContainsKey(path) || facts.Busy.Contains(path)))
            {
                break;
            }

            if (shared.IsCurrent(facts))
            {
                return mapping;
            }
        }

        IEnumerable<ObservedInput> all = prediction.Own.Concat(inputs.Inputs.Select(input => new ObservedInput(input.Key, input.Value)));
        return await MapAsync(request, all, null, cancellationToken);
    }

    private async Task<InputMapping> MapAsync(
        ActionRequest request, IEnumerable<ObservedInput> predicted, SharedFacts? sharedFacts, CancellationToken cancellationToken)
    {
        FactCollector facts = new(digests, cancellationToken);
        ReadPolicy policy = shared.NewPolicy([.. request.ReadRoots.Concat(request.WriteRoots).Select(root => PlaceOfRoot(facts, sharedFacts, root))]);

        long nowNs = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        VirtualPath[] outputDirectories = [.. request.OutputDirectories.Select(path => facts.Walker.Resolve(path).Path)];
        VirtualPath[] outputFiles = [.. request.OutputFiles.Select(path => Place(facts.Walker, path))];
        VirtualPath[] writeRoots = [.. request.WriteRoots.Select(path => facts.Walker.Resolve(path).Path)];
        foreach (VirtualPath directory in outputDirectories)
        {
            facts.Impose(new DirectoryFact(directory, true, facts.Walker.Look(directory)?.Mode ?? 0x1ED, nowNs));
        }

        foreach (VirtualFile file in request.VirtualFiles)
        {
            VirtualPath place = PlaceOfVirtual(facts.Walker, file.Path);
            policy.AddInput(place);
            facts.ImposeDirectories(place.Parent, nowNs);
            facts.Impose(file with { Path = place }, nowNs);
        }

        foreach (VirtualPath file in outputFiles)
        {
            facts.Impose(new AbsentFact(file));
        }

        facts.Walker.Resolve(request.Command.WorkingDirectory);
        foreach (VirtualPath input in request.Inputs.Append(request.Command.Program))
        {
            if (sharedFacts?.Facts.GetValueOrDefault(input) is FileFact { Digest: not null })
            {
                policy.AddInput(input); // facts are about physical places: it need not be looked for
                continue;
            }

            ResolvedPath found = facts.Walker.Resolve(input);
            policy.AddInput(found.Path);
            facts.AddFile(found);
        }

        foreach (ObservedInput input in predicted)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!outputDirectories.Any(input.Path.IsWithin))
            {
                facts.Predict(policy, input);
            }
        }

        await facts.FinishAsync();
        return new InputMapping(facts.Facts, facts.Sources, facts.Imposed, policy, sharedFacts)
        {
            MadeNs = nowNs,
            OutputFiles = outputFiles,
            OutputDirectories = outputDirectories,
            WriteRoots = writeRoots,
            Placeholders = request.Placeholders.Select(path => Place(facts.Walker, path)).ToHashSet(),
        };
    }

    private static VirtualPath PlaceOfRoot(FactCollector facts, SharedFacts? sharedFacts, VirtualPath root)
    {
        if (sharedFacts?.Roots.GetValueOrDefault(root) is not { } known)
        {
            return facts.Walker.Resolve(root).Path;
        }

        foreach (InputFact fact in known.Facts)
        {
            facts.Add(fact);
        }

        return known.Path;
    }

    // A worker's /tmp is a directory of its own, whatever it is here.
    private static VirtualPath PlaceOfVirtual(PathWalker walker, VirtualPath path) => path.IsWithin(s_tmp) ? path : Place(walker, path);

    // The place of a file that need not exist: a link at its own name is not followed, it will be replaced.
    private static VirtualPath Place(PathWalker walker, VirtualPath path) => Disk.Spell(walker.Resolve(path.Parent).Path, path.Name);

    private static void CreateDirectory(VirtualPath directory)
    {
        try
        {
            Directory.CreateDirectory(Disk.ToNative(directory));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ActionFailureException(
                MessageCodes.OutputNotWritten, ReprErrorCode.InvalidRequest, $"The output directory '{directory}' could not be made: {exception.Message}", exception);
        }
    }
}
