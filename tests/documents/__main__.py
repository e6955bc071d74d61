"""Write the generated documents: `python -m tests.documents`. The tests compare them with what they should be."""

from pathlib import Path

from sync.rules.reference import reference_page

_DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {_DOCS / "findings.md": reference_page}


def main() -> None:
    """Write every generated page."""
    for path, page in PAGES.items():
        path.write_text(page(), "utf-8")
        print(f"wrote docs/{path.name}")


if __name__ == "__main__":
    main()
