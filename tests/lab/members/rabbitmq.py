"""RabbitMQ by AMQP: one connection that publishes into a quorum queue and waits for the confirmation, and what is in the queue."""

import os
import sys
from pathlib import Path

VERSION = "1.4.4"
PIKA = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zkmig-lab" / f"pika-{VERSION}"
sys.path.insert(0, str(PIKA))
import pika  # noqa: E402

UNIT = "rabbitmq-server.service"


class Session:
    """A connection to one node. `space` is the queue."""

    FAILURES = (pika.exceptions.AMQPError, OSError)

    def __init__(self, address, space):
        self.space = space
        self.connection = pika.BlockingConnection(pika.ConnectionParameters(
            address, heartbeat=6, socket_timeout=2, stack_timeout=4, blocked_connection_timeout=4, connection_attempts=1))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def write(self, name):
        """Returns when the queue's quorum has it."""
        self.channel.basic_publish("", self.space, name.encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)

    def written(self):
        """Every message of the queue, which is gone then."""
        found = []
        while (taken := self.channel.basic_get(self.space, auto_ack=True))[0]:
            found.append(taken[2].decode())
        self.channel.queue_delete(self.space)
        return found

    def close(self):
        """Ends it."""
        try:
            self.connection.close()
        except self.FAILURES:
            # It is gone already.
            pass


def prepare(address, space):
    """The queue, which the node leads that it is asked for by."""
    session = Session(address, space)
    session.channel.queue_declare(space, durable=True, arguments={"x-queue-type": "quorum", "x-queue-leader-locator": "client-local"})
    session.close()


def state(_):
    """What a node says of a leader takes RabbitMQ's own tools: its trial asks them."""
    return None
