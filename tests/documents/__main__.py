"""Write the generated documents: `python -m tests.documents`, and with `--demo` the transcripts in README too.

The tests compare the pages with what the code would write today.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from sync.rules.catalogue import CATALOGUE
from sync.rules.reference import reference_page

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
# The findings that a newcomer meets first; the reference has all.
_SHOWN = ("A1", "A2", "A4", "A5", "B1", "B2", "C1", "C3", "C4", "D1", "D2", "E1", "E2", "E4", "E5", "E6", "F1")

_SHOWN_LINES = 16  # of the table of planted mistakes: README is no place for all of it


def findings_table() -> str:
    """The table of findings in README: what each means and what to do."""
    lines = ["| code | what it means | what to do |", "| --- | --- | --- |"]
    for code in _SHOWN:
        entry = CATALOGUE[code]
        lines.append(f"| {code} | {entry.meaning} | {entry.remedy} |")
    return "\n".join(lines)


def with_block(page: str, name: str, text: str) -> str:
    """The page with the text between its markers `<!-- name … -->` and `<!-- /name -->` replaced."""
    pattern = re.compile(rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"README has no block {name!r}")
    return pattern.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page)


def readme_page() -> str:
    """README with its generated table; the transcripts stay as they are."""
    return with_block(README.read_text("utf-8"), "findings", findings_table())


PAGES = {ROOT / "docs" / "findings.md": reference_page, README: readme_page}


def _run(*command: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "sync", *command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return "\n".join(line.rstrip() for line in result.stdout.splitlines())


def transcripts() -> dict[str, str]:
    """What a newcomer sees: the demonstration, shortened, and the explanation of an invoice credited twice."""
    with tempfile.TemporaryDirectory() as folder:
        config = ("--config", f"{folder}/tieout.toml")
        shown = _run("demo", "--seed", "7", "--folder", folder).replace(folder, "tieout-demo")
        found = json.loads(_run("findings", "list", "--format", "json", *config))["findings"]
        invoice = next(each["invoice"]["number"] for each in found if each["code"] == "A4")
        explained = _run("explain", invoice, *config)
    days = shown.partition("\n\n")[2]
    first, _, rest = days.partition("\n\nThu 11 Jun")
    table, _, last = rest[rest.index("Planted mistakes") :].partition("\n\nHarmless")
    rows = "\n".join([*table.splitlines()[:_SHOWN_LINES], " …"])
    demo = f"$ tieout demo --seed 7\n…\n{first}\n…\n\n{rows}\n\nHarmless{last}"
    return {
        "demo": f"```\n{demo.strip()}\n```",
        "explain": f"```\n$ tieout explain {invoice}\n{explained.strip()}\n```",
    }


def main(arguments: list[str]) -> None:
    """Write every generated page."""
    if "--demo" in arguments:
        page = README.read_text("utf-8")
        for name, text in transcripts().items():
            page = with_block(page, name, text)
        README.write_text(page, "utf-8")
    for path, page_of in PAGES.items():
        path.write_text(page_of(), "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
