"""One real ZooKeeper server on a loopback address of its own: its files, its process, and what it says of itself."""

import os
import signal
import socket
import subprocess

CLIENT, PEERS, ELECTIONS = 2181, 2888, 3888

CONFIG = """tickTime={tick}
initLimit={init_limit}
syncLimit=5
dataDir={data}
clientPort={client}
clientPortAddress={address}
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=*
"""

LOG = """log4j.rootLogger=INFO, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File={log}
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d{{ISO8601}} %-5p [%t] %m%n
"""


class Server:
    """A server of an ensemble. `name` is what the lists call it, `address` where it is."""

    def __init__(self, name, address, folder, jars, tick=2000, init_limit=10):
        self.name, self.address, self.jars = name, address, jars
        self.folder = folder
        self.tick, self.init_limit = tick, init_limit
        self.process = None
        os.makedirs(f"{folder}/data", exist_ok=True)
        with open(f"{folder}/log4j.properties", "w") as file:
            file.write(LOG.format(log=f"{folder}/log"))

    def configure(self, ids, addresses):
        """Writes the list of servers, and the own id that it gives."""
        with open(f"{self.folder}/zoo.cfg", "w") as file:
            file.write(CONFIG.format(tick=self.tick, init_limit=self.init_limit, data=f"{self.folder}/data", client=CLIENT, address=self.address))
            for name, number in sorted(ids.items(), key=lambda one: one[1]):
                file.write(f"server.{number}={addresses[name]}:{PEERS}:{ELECTIONS}\n")
        with open(f"{self.folder}/data/myid", "w") as file:
            file.write(f"{ids[self.name]}\n")

    def start(self):
        """Starts the process; it answers later."""
        options = ["-Xmx64m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]
        options += [f"-Dlog4j.configuration=file:{self.folder}/log4j.properties", "-Dzookeeper.admin.enableServer=false"]
        # One of the packages that carry ZooKeeper has it under another name.
        shaded = any("flink-shaded" in name for name in os.listdir(self.jars))
        prefix = "org.apache.flink.shaded.zookeeper3." if shaded else ""
        main = f"{prefix}org.apache.zookeeper.server.quorum.QuorumPeerMain"
        command = ["nice", "java", *options, "-cp", f"{self.jars}/*:{self.folder}", main, "zoo.cfg"]
        with open(f"{self.folder}/out", "a") as out:
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def kill(self):
        """Ends the process as a stopped unit does: its connections are gone in the same moment."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def listens(self):
        """Whether it takes connections of clients: it has begun to look for a leader then."""
        try:
            socket.create_connection((self.address, CLIENT), timeout=1).close()
        except OSError:
            return False
        return True

    def mode(self):
        """`leader` or `follower`; None of one that serves nobody."""
        try:
            with socket.create_connection((self.address, CLIENT), timeout=1) as connection:
                connection.sendall(b"srvr")
                answer = b""
                while more := connection.recv(4096):
                    answer += more
        except OSError:
            return None
        for line in answer.decode("latin-1").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return None
