"""The outbox: events written in the transaction that made them, told afterwards.

`emit` writes an event and a job for each of its consumers; `@consumer` declares one;
workers/relay.py publishes the event's topics to live pages.
"""

from app.kernel.outbox.consumers import ConsumedEvent, consumer
from app.kernel.outbox.emitting import emit
from app.kernel.outbox.topics import live_channel

__all__ = ["ConsumedEvent", "consumer", "emit", "live_channel"]
