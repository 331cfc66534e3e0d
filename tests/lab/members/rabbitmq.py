"""RabbitMQ by AMQP: one connection that publishes into a quorum queue and waits for the confirmation, and what is in the queue."""

from .fetched import pika

UNIT = "rabbitmq-server.service"
PORT = 5672
# So many messages are acknowledged together.
BATCH = 500


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
        """Every message of the queue, which is gone then. What was not given to the caller when it fails is in the queue again: a consumer
        without acknowledgements would lose it, and a quorum queue keeps no more than 2000 messages with one."""
        count = self.channel.queue_declare(self.space, passive=True).method.message_count
        self.channel.basic_qos(prefetch_count=2 * BATCH)
        given = 0
        while given < count:
            for taken, _, body in self.channel.consume(self.space, inactivity_timeout=30):
                if taken is None:
                    return
                given += 1
                yield body.decode()
                if given % BATCH == 0 or given == count:
                    self.channel.basic_ack(taken.delivery_tag, multiple=True)
                if given == count:
                    break
        self.channel.queue_delete(self.space)

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
