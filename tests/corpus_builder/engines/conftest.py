"""One Spark session for all tests here; skipped where there is no PySpark or no Java 17."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

OLDEST_JAVA = 17


def java_version(home: Path) -> int:
    """The major version of a Java, 0 where there is none."""
    try:
        said = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else 0


def java_homes() -> Iterator[Path]:
    """Where a Java may be: named, on the path, among the system's packages."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if java := shutil.which("java"):
        yield Path(java).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


@pytest.fixture(scope="session")
def spark():
    pytest.importorskip("pyspark", reason="needs PySpark: pip install 'roformer-sim[pyspark]'")
    # PySpark is tested on 17 and 21; a newer Java may do, so it is the last choice.
    homes = {home: java_version(home) for home in java_homes()}
    usable = sorted((version, home) for home, version in homes.items() if version >= OLDEST_JAVA)
    if not usable:
        pytest.skip(f"needs Java {OLDEST_JAVA} or newer (apt-get install openjdk-17-jre-headless)")
    before = os.environ.get("JAVA_HOME")
    os.environ["JAVA_HOME"] = str(usable[0][1])
    from corpus_builder.engines.spark import session

    running = session(
        "local[2]",
        spark__sql__shuffle__partitions="2",
        spark__driver__memory="1g",
        # Short jobs: half of the time would go into compiling for speed that nothing here needs.
        spark__driver__extraJavaOptions="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        spark__log__level="FATAL",
        spark__ui__showConsoleProgress="false",
    )
    yield running
    running.stop()
    if before is None:
        del os.environ["JAVA_HOME"]
    else:
        os.environ["JAVA_HOME"] = before
