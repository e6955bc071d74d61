"""Makes a month-end pack as the command does, and says what that took: `python -m … CONFIG FOLDER MONTH`."""

import os
import sys
from pathlib import Path

import msgspec
from click.testing import CliRunner

from sync.cli.program import program
from sync.collecting import settle_collector
from tests.benchmarks.figures import peak_memory_mb


def main(config: str, folder: str, month: str) -> None:
    """One pack, in this process, which is set up as `tieout` sets up its own."""
    settle_collector()
    arguments = ["report", "month-end", "--month", month, "--folder", folder, "--config", config]
    result = CliRunner().invoke(program, arguments)
    if not (Path(folder) / "manifest.json").exists():
        sys.exit(f"no pack: {result.output} {result.exception!r}")
    used = os.times()
    rows = sum(len(path.read_bytes().splitlines()) - 1 for path in Path(folder).glob("*.csv"))
    answer = {
        "code": result.exit_code,
        "cpu_seconds": used.user + used.system,
        "peak_mb": peak_memory_mb(),
        "rows": rows,
    }
    print(msgspec.json.encode(answer).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
