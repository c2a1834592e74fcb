using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Repr.Protocol;
using Repr.Requester.Actions;
using Repr.Requester.Security;
using Repr.Requester.Sessions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Farm;

/// <summary>One open stream of leases with one worker of a farm; when it is lost, it is over for good. Safe for concurrent use.</summary>
internal sealed class FarmStream : IAsyncDisposable
{
    private readonly Channel<Wire.ReserveRequest> _outgoing = Channel.CreateUnbounded<Wire.ReserveRequest>(new() { SingleReader = true });
    private readonly CancellationTokenSource _lost = new();
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<Wire.ReserveRequest, Wire.ReserveReply> _call;
    private readonly Action<Wire.Answer> _answer;
    private readonly Action<Wire.FarmState> _state;
    private readonly Task _traffic;

    private FarmStream(
        GrpcChannel channel, AsyncDuplexStreamingCall<Wire.ReserveRequest, Wire.ReserveReply> call, Action<Wire.Answer> answer, Action<Wire.FarmState> state)
    {
        (_channel, _call, _answer, _state) = (channel, call, answer, state);
        _traffic = Task.WhenAll(ReadAsync(), WriteAsync());
    }

    /// <summary>Cancelled when it is over.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Opens a stream.</summary>
    /// <param name="endpoint">The worker.</param>
    /// <param name="options">How it is reached.</param>
    /// <param name="held">Leases from before.</param>
    /// <param name="answer">Called with each answer, by one thread.</param>
    /// <param name="state">Called with what the farm says about itself, by the same thread.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="ActionFailureException">It can't be opened; <see cref="ReprErrorCode.InvalidRequest"/>: the worker is no part of a farm.</exception>
    public static async Task<FarmStream> OpenAsync(
        Uri endpoint, RequesterOptions options, IEnumerable<Wire.Lease> held, Action<Wire.Answer> answer, Action<Wire.FarmState> state, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout);
        GrpcChannel? channel = null;
        AsyncDuplexStreamingCall<Wire.ReserveRequest, Wire.ReserveReply>? call = null;
        bool isOpen = false;
        try
        {
            channel = WorkerChannel.Create(endpoint, options);
            call = new Wire.Farm.FarmClient(channel).Reserve(cancellationToken: CancellationToken.None);
            using CancellationTokenRegistration stop = limit.Token.Register(call.Dispose);
            Wire.ReserveHello hello = new()
            {
                ProtocolMajor = WireConversions.ProtocolMajor,
                ProtocolMinor = WireConversions.ProtocolMinor,
                Requester = LocalUser.Name(),
            };
            hello.Held.AddRange(held);
            await CallFailures.GreetAsync(call.RequestStream, new Wire.ReserveRequest { Hello = hello }, limit.Token);
            if (!await call.ResponseStream.MoveNext(limit.Token) || call.ResponseStream.Current.State is not { } first)
            {
                throw new ReprException(ReprErrorCode.Unavailable, "it ended the stream without a word");
            }

            FarmStream stream = new(channel, call, answer, state);
            isOpen = true;
            state(first);
            return stream;
        }
        catch (Exception exception) when (exception is ReprException || CallFailures.IsEndOfStream(exception))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw ToFailure(endpoint, options, exception, limit.IsCancellationRequested);
        }
        finally
        {
            if (!isOpen)
            {
                call?.Dispose();
                channel?.Dispose();
            }
        }
    }

    /// <summary>Sends something, unless it is lost.</summary>
    public bool TrySend(Wire.ReserveRequest request) => _outgoing.Writer.TryWrite(request);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // What was said last still goes out: leases that are over.
        _outgoing.Writer.TryComplete();
        await Task.WhenAny(_traffic, Task.Delay(TimeSpan.FromMilliseconds(200)));
        Lose();
        await _traffic;
        _channel.Dispose();
    }

    private static ActionFailureException ToFailure(Uri endpoint, RequesterOptions options, Exception exception, bool isTimeOut) =>
        CallFailures.FindCall(exception)?.StatusCode == StatusCode.Unimplemented
            ? new ActionFailureException(
                MessageCodes.NoFarm, ReprErrorCode.InvalidRequest, $"The worker at {endpoint} is no part of a farm; start it with --farm, or use repr://discover.", exception)
            : SessionFailures.ToActionFailure(endpoint, options, exception, isTimeOut);

    private async Task ReadAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            while (await _call.ResponseStream.MoveNext(CancellationToken.None))
            {
                switch (_call.ResponseStream.Current.MessageCase)
                {
                    case Wire.ReserveReply.MessageOneofCase.Answers:
                        foreach (Wire.Answer answer in _call.ResponseStream.Current.Answers.Answers_)
                        {
                            _answer(answer);
                        }

                        break;
                    case Wire.ReserveReply.MessageOneofCase.State:
                        _state(_call.ResponseStream.Current.State);
                        break;
                    default:
                        break; // of a later minor version
                }
            }
        }
        catch (Exception exception) when (CallFailures.IsEndOfStream(exception))
        {
            // It is over.
        }

        Lose();
    }

    // What has come together goes out together.
    private async Task WriteAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await foreach (Wire.ReserveRequest request in _outgoing.Reader.ReadAllAsync(Lost))
            {
                while (_outgoing.Reader.TryPeek(out Wire.ReserveRequest? next) && TryMerge(request, next))
                {
                    _outgoing.Reader.TryRead(out _);
                }

                await _call.RequestStream.WriteAsync(request, Lost);
            }

            await _call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (CallFailures.IsEndOfStream(exception))
        {
            Lose();
        }
    }

    private static bool TryMerge(Wire.ReserveRequest request, Wire.ReserveRequest next)
    {
        switch (request.MessageCase, next.MessageCase)
        {
            case (Wire.ReserveRequest.MessageOneofCase.Asks, Wire.ReserveRequest.MessageOneofCase.Asks):
                request.Asks.Asks_.AddRange(next.Asks.Asks_);
                return true;
            case (Wire.ReserveRequest.MessageOneofCase.Ended, Wire.ReserveRequest.MessageOneofCase.Ended):
                request.Ended.Leases.AddRange(next.Ended.Leases);
                request.Ended.Withdrawn.AddRange(next.Ended.Withdrawn);
                return true;
            default:
                return false;
        }
    }

    private void Lose()
    {
        _outgoing.Writer.TryComplete();
        _lost.Cancel();
        _call.Dispose();
    }
}
