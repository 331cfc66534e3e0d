"""RabbitMQ by AMQP: one connection that publishes into a quorum queue and waits for the confirmation, and what is in the queue."""

from .fetched import pika

UNIT = "rabbitmq-server.service"
PORT = 5672


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
        """Every message of the queue, which is gone then. What was not read to its end is in the queue again."""
        count, found = self.channel.queue_declare(self.space, passive=True).method.message_count, []
        if count:
            for taken, _, body in self.channel.consume(self.space, inactivity_timeout=30):
                if taken is None:
                    break
                found.append(body.decode())
                if len(found) == count:
                    break
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
