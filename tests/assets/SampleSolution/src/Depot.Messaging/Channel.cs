using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Depot.Messaging
{
    /// <summary>Passes messages on, in order.</summary>
    /// <typeparam name="T">What a message is.</typeparam>
    public sealed class Channel<T>
    {
        private readonly Queue<T> _messages = new Queue<T>();
        private readonly SemaphoreSlim _available = new SemaphoreSlim(0);

        /// <summary>Which build this is.</summary>
#if NET
        public static string Flavour => "net";
#else
        public static string Flavour => "netstandard";
#endif

        /// <summary>Sends a message.</summary>
        public void Send(T message)
        {
            lock (_messages)
            {
                _messages.Enqueue(message);
            }

            _available.Release();
        }

        /// <summary>Waits for a message.</summary>
        public async Task<T> ReceiveAsync(CancellationToken cancellationToken)
        {
            await _available.WaitAsync(cancellationToken).ConfigureAwait(false);
            lock (_messages)
            {
                return _messages.Dequeue();
            }
        }
    }
}
