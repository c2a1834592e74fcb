// Builds use all cores by themselves: two at a time would only make each other's time-outs.
[assembly: Parallelization(Mode = Xunit.ParallelMode.None)]
