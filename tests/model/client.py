"""A client that writes ten times a second, in ZooKeeper's own protocol, and remembers when a write was acknowledged."""

import socket
import struct
import threading
import time

CREATE, SET_DATA = 1, 5
NODE_EXISTS = -110


class Writer:
    """Writes through whichever server takes it. `acknowledged` are the times at which one did."""

    def __init__(self, addresses, port):
        self.addresses, self.port = list(addresses), port
        self.acknowledged = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.over.set()
        self.thread.join(10)

    def run(self):
        while not self.over.is_set():
            for address in self.addresses:
                try:
                    with Session(address, self.port) as session:
                        while not self.over.wait(0.1):
                            session.write(b"x")
                            self.acknowledged.append(time.monotonic())
                except (OSError, EOFError):
                    pass
                if self.over.wait(0.05):
                    return

    def longest_gap(self, since, until):
        """The longest time between two acknowledged writes, in seconds."""
        times = [since, *(one for one in self.acknowledged if since < one < until), until]
        return max(later - earlier for earlier, later in zip(times, times[1:]))


class Session:
    """A session with one server."""

    def __init__(self, address, port):
        self.connection = socket.create_connection((address, port), timeout=1)
        self.xid = 0
        try:
            self.send(struct.pack(">iqiqi16s", 0, 0, 10000, 0, 16, b"\0" * 16))
            self.connection.settimeout(4)
            if struct.unpack(">ii", self.receive()[:8])[1] <= 0:
                raise EOFError
            acl = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")
            error = self.ask(CREATE, text(b"/written") + text(b"") + acl + struct.pack(">i", 0))
            if error not in (0, NODE_EXISTS):
                raise EOFError
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def write(self, data):
        if self.ask(SET_DATA, text(b"/written") + text(data) + struct.pack(">i", -1)) != 0:
            raise EOFError

    def ask(self, kind, body):
        self.xid += 1
        self.send(struct.pack(">ii", self.xid, kind) + body)
        while True:
            xid, _, error = struct.unpack(">iqi", self.receive()[:16])
            if xid == self.xid:
                return error

    def send(self, message):
        self.connection.sendall(struct.pack(">i", len(message)) + message)

    def receive(self):
        return self.exactly(struct.unpack(">i", self.exactly(4))[0])

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def text(data):
    return struct.pack(">i", len(data)) + data
