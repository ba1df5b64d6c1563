"""Real Neo4j servers for tests and benchmarks: one that the environment names, or the published artifacts started here.

Neo4j Community is GPL-3.0: it is started as a process of its own, and never shipped.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import neo4j
import platformdirs
from neo4j.exceptions import Neo4jError, ServiceUnavailable

from newaisle.errors import StoreError
from newaisle.graph import Credentials, Store, open_store

URI = "NEWAISLE_TEST_NEO4J_URI"
PASSWORD = "NEWAISLE_TEST_NEO4J_PASSWORD"
USERNAME, DATABASE = "NEWAISLE_TEST_NEO4J_USERNAME", "NEWAISLE_TEST_NEO4J_DATABASE"
GIVEN = "given"
CACHE = "NEWAISLE_TEST_CACHE"
HOW = (
    f"Give an empty one by {URI} (and {PASSWORD}), or install Java 17 and Maven: "
    "the tests then fetch Neo4j and start it themselves."
)
START_SECONDS = 90.0


@dataclass(frozen=True)
class Release:
    """A version of Neo4j and what it needs.

    Attributes:
        version: of the Maven artifact ``org.neo4j:neo4j``.
        java: the oldest and the newest Java it runs on.
        main: its main class.
        flags: for the JVM, besides those that all versions want.
    """

    version: str
    java: tuple[int, int]
    main: str
    flags: tuple[str, ...] = ()


LTS = Release("5.26.25", (17, 24), "org.neo4j.server.CommunityEntryPoint")
LATEST = Release(
    "2026.09.0",
    (21, 99),
    "org.neo4j.server.Neo4jCommunity",
    ("--enable-native-access=ALL-UNNAMED", "--add-modules=jdk.incubator.vector"),
)
RELEASES = {release.version: release for release in (LTS, LATEST)}
_FLAGS = (
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
    ),
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
)
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>newaisle</groupId><artifactId>test-server</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{version}</version></dependency>
  </dependencies>
</project>
"""


QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For short runs: starts and first queries take a third less processor time; measurements leave it out."""


class NoServerError(Exception):
    """No Neo4j can be had here; the message says why and how to get one."""


@dataclass(frozen=True)
class Endpoint:
    """Where a server is and who may use it."""

    url: str
    credentials: Credentials

    def open(self) -> Store:
        return open_store(self.url, self.credentials)

    def environment(self) -> dict[str, str]:
        """What a program needs to find it."""
        return {
            "NEO4J_URI": self.url,
            "NEO4J_USERNAME": self.credentials.username,
            "NEO4J_PASSWORD": self.credentials.password or "",
            "NEO4J_DATABASE": self.credentials.database,
        }

    def wipe(self) -> None:
        """Empty its database."""
        with self.open() as store:
            store.query("MATCH (n) DETACH DELETE n", write=True)


@dataclass
class Neo4jServer:
    """A Neo4j started here, on a loopback port, with its data in a folder.

    Attributes:
        release: which Neo4j.
        home: folder of its data and configuration.
        port: where it speaks Bolt.
        heap: most heap, as Java writes it.
        settings: further lines of its configuration.
        jvm: further flags for Java.
    """

    release: Release
    home: Path
    port: int
    heap: str = "512m"
    settings: tuple[str, ...] = ()
    jvm: tuple[str, ...] = QUICK
    password: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(f"bolt://127.0.0.1:{self.port}", Credentials(password=self.password))

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        jars, java = jars_of(self.release), _java(self.release)
        classes = f"{jars}/*"
        environment = {**os.environ, "NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")}
        if not (self.home / "conf").exists():
            self._configure()
            set_password = ["org.neo4j.cli.AdminTool", "dbms", "set-initial-password", self.password]
            subprocess.run([java, "-cp", classes, *set_password], env=environment, check=True, capture_output=True)
        folders = [f"--home-dir={self.home}", f"--config-dir={self.home / 'conf'}", "--console-mode"]
        flags = [f"-Xmx{self.heap}", *_FLAGS, *self.release.flags, *self.jvm]
        # the shell outlives a killed pytest for as long as it takes to kill the server
        shell = ["sh", "-c", '"$@" </dev/null & cat; kill -9 $!; wait', "sh"]
        with (self.home / "console.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*shell, java, *flags, "-cp", classes, self.release.main, *folders],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then ends it
            )
        self._wait()

    def kill(self) -> None:
        """End it at once, as a power cut would; an orderly stop takes longer than its start."""
        if self.process is not None:
            self.process.communicate()  # closes its input

    def _configure(self) -> None:
        (self.home / "conf").mkdir()
        lines = [
            "server.default_listen_address=127.0.0.1",
            f"server.bolt.listen_address=127.0.0.1:{self.port}",
            "server.http.enabled=false",
            "server.https.enabled=false",
            f"server.memory.heap.max_size={self.heap}",
            "server.memory.pagecache.size=128m",
            "dbms.usage_report.enabled=false",
            *self.settings,
        ]
        (self.home / "conf" / "neo4j.conf").write_text("\n".join(lines) + "\n")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with neo4j.GraphDatabase.driver(self.endpoint.url, auth=("neo4j", self.password)) as driver:
                    driver.verify_connectivity()
                    return
            except (ServiceUnavailable, Neo4jError):  # an early visitor may find the accounts not ready
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = (self.home / "console.log").read_text(errors="replace")[-2000:]
                    raise NoServerError(f"Neo4j {self.release.version} did not start: {said}") from None
                time.sleep(0.2)


@contextlib.contextmanager
def running(
    release: Release = LTS, *, heap: str = "512m", settings: tuple[str, ...] = (), jvm: tuple[str, ...] = QUICK
) -> Iterator[Neo4jServer]:
    """A server for as long as the context lasts.

    Raises:
        NoServerError: Java, Maven or the artifacts cannot be had, or it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="neo4j-", ignore_cleanup_errors=True) as home:
        server = Neo4jServer(release, Path(home), free_port(), heap, settings, jvm)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def given_endpoint() -> Endpoint:
    """The server that the environment names.

    Raises:
        NoServerError: it cannot be used, or its database is not empty, and tests would delete what is in it.
    """
    credentials = Credentials(
        os.environ.get(USERNAME) or "neo4j", os.environ.get(PASSWORD), os.environ.get(DATABASE) or "neo4j"
    )
    endpoint = Endpoint(os.environ[URI], credentials)
    try:
        with endpoint.open() as store:
            ((nodes,),) = store.query("MATCH (n) RETURN count(n)").rows
    except StoreError as error:
        raise NoServerError(
            f"{error} It is the one that {URI} names; {USERNAME}, {PASSWORD} and {DATABASE} go with it."
        ) from None
    if nodes:
        raise NoServerError(f"The database at {endpoint.url} ({URI}) is not empty (nodes: {nodes:,}); give another.")
    return endpoint


def versions_to_test() -> list[str]:
    """The servers to test against: the given one alone, or else those to be started."""
    if os.environ.get(URI):
        return [GIVEN]
    return [LTS.version, *([LATEST.version] if _homes(LATEST) else [])]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def jars_of(release: Release) -> Path:
    """The folder of a release's jars, fetched by Maven the first time.

    Raises:
        NoServerError: Maven is missing or cannot fetch them.
    """
    cache = Path(os.environ.get(CACHE) or platformdirs.user_cache_path("newaisle"))
    done = cache / f"neo4j-{release.version}"
    if done.is_dir():
        return done
    maven = shutil.which("mvn")
    if maven is None:
        raise NoServerError(f"Maven is not installed. {HOW}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        (Path(work) / "pom.xml").write_text(_POM.format(version=release.version))
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work}/lib"]
        environment = {**os.environ, "JAVA_HOME": str(Path(_java(release)).parent.parent)}
        told = subprocess.run([maven, "-B", "-q", *copy], cwd=work, env=environment, capture_output=True, text=True)
        if told.returncode:
            raise NoServerError(f"Maven could not fetch Neo4j {release.version}: {told.stdout[-600:].strip()}. {HOW}")
        with contextlib.suppress(OSError):  # another run was quicker
            (Path(work) / "lib").rename(done)
    return done


def _java(release: Release) -> str:
    homes = _homes(release)
    if not homes:
        raise NoServerError(f"Neo4j {release.version} needs Java {release.java[0]}, which is not installed. {HOW}")
    return str(homes[0] / "bin" / "java")


def _homes(release: Release) -> list[Path]:
    """Folders of fitting Java installations, the oldest version first."""
    on_path = shutil.which("java")
    places = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    places += [Path(on_path).resolve().parent.parent] if on_path else []
    for pattern in ("/usr/lib/jvm/*", "/opt/*j*k*", "/Library/Java/JavaVirtualMachines/*/Contents/Home"):
        places += sorted(Path("/").glob(pattern.removeprefix("/")))
    for pattern in (".sdkman/candidates/java/*", ".jdks/*"):
        places += sorted(Path.home().glob(pattern))
    found: dict[Path, int] = {}
    for place in places:
        with contextlib.suppress(OSError):  # not a Java home, or not readable
            version = re.search(r'JAVA_VERSION="(\d+)', (place / "release").read_text())
            if version and (place / "bin" / "java").exists() and release.java[0] <= int(version[1]) <= release.java[1]:
                found.setdefault(place.resolve(), int(version[1]))
    return sorted(found, key=lambda home: found[home])
