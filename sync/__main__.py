"""`python -m sync`, also called `tieout`."""

import sys


def main() -> None:
    """Run the command line and exit with its code.

    Imports come after the check that the packages are ours: a foreign one must not even be loaded.
    """
    from sync.placement import misplaced_packages  # noqa: PLC0415

    wrong = misplaced_packages()
    if wrong:
        print(f"tieout: {wrong}", file=sys.stderr)  # noqa: T201 - the program's own output does not exist yet
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    from sync.cli.program import program  # noqa: PLC0415
    from sync.collecting import settle_collector  # noqa: PLC0415

    settle_collector()
    program(prog_name="tieout")


if __name__ == "__main__":
    main()
