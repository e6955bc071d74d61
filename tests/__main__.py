"""Run every check of the project: formatting, lint, types, layers, tests. One failing part fails the whole.

`python -m tests` runs all of it; `python -m tests --fast` leaves out what is marked slow; further arguments go to
pytest.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def _run(title: str, command: list[str]) -> bool:
    started = time.monotonic()
    print(f"== {title}", flush=True)
    passed = subprocess.run(command, cwd=_ROOT, check=False).returncode == 0
    print(f"== {title}: {'passed' if passed else 'FAILED'} in {time.monotonic() - started:.1f} s", flush=True)
    return passed


def main(arguments: list[str]) -> int:
    """Run the checks and answer 0 only when all of them pass."""
    fast = "--fast" in arguments
    rest = [argument for argument in arguments if argument != "--fast"]
    python = [sys.executable, "-m"]
    scripts = Path(sys.executable).parent
    results = [
        _run("formatting", [*python, "ruff", "format", "--check", "--quiet", "."]),
        _run("lint", [*python, "ruff", "check", "--quiet", "."]),
        _run("types", [*python, "mypy"]),
        _run("layers", [str(scripts / "lint-imports"), "--no-cache"]),
    ]
    workers = str(max(2, min(4, os.cpu_count() or 2)))
    selection = ["-m", "not slow"] if fast else []
    results.append(_run("tests", [*python, "pytest", "-n", workers, "--dist", "loadgroup", *selection, *rest]))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
