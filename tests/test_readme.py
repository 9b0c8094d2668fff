"""The README's commands are commands: they parse, and the quick ones run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cleaner.cli import main, verbs
from cleaner.project import Project
from tests.pictures import write_dataset
from tests.ranking import open_round

_ROOT = Path(__file__).resolve().parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"^```bash\n(.*?)^```", _README, re.MULTILINE | re.DOTALL)
_LINES = [line for block in _BLOCKS for line in block.splitlines() if line.strip()]
_COMMANDS = [
    shlex.split(line, comments=True)[3:] for line in _LINES if line.startswith("python -m cleaner")
]
_PAGES = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_MINUTES = ("demo", "score", "round", "train", "review")


def _named(command: list[str]) -> str:
    return " ".join(command)


def test_the_readme_shows_every_step_of_the_loop() -> None:
    shown = {command[0] for command in _COMMANDS}
    assert {"demo", "scan", "score", "review", "decide", "apply", "round", "train"} <= shown


@pytest.mark.parametrize("command", _COMMANDS, ids=_named)
def test_every_command_of_the_readme_is_understood(command: list[str]) -> None:
    verb = verbs.commands[command[0]]
    with click.Context(verb, info_name=command[0]) as context:
        verb.parse_args(context, list(command[1:]))


@pytest.mark.parametrize("line", [line for line in _LINES if line.startswith("scripts/")])
def test_every_script_of_the_readme_is_there(line: str) -> None:
    script = _ROOT / line.split()[0]
    assert script.stat().st_mode & 0o111


def test_every_verb_stands_in_the_table_of_the_readme() -> None:
    listed = set(re.findall(r"^\| `([a-z_]+)", _README, re.MULTILINE))
    assert listed == set(verbs.commands)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_every_local_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)\s]+)\)", page.read_text("utf-8")):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not heading or heading in _headings(target), f"{page.name}: {link}"


def _headings(page: Path) -> set[str]:
    """Return a page's headings as links name them."""
    found = re.findall(r"^#+ (.*)", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_quick_commands_of_the_readme_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the README's order, on a small dataset in the demo's place."""
    monkeypatch.chdir(tmp_path)
    root = write_dataset(tmp_path / "data" / "demo", {"one": 4, "owl": 4, "seven": 4})
    (root / "one" / "0.png").rename(root / "one" / "digit-0013.jpg")
    project = Project(root)
    project.scan()
    open_round(project, flagged={"one/digit-0013.jpg": "seven", "seven/1.png": "owl"})
    project.store.close()
    for command in _COMMANDS:
        if command[0] in _MINUTES:
            continue
        if "--from" in command:  # as if a person had filled it in
            sheet = tmp_path / "suspects.csv"
            sheet.write_text(sheet.read_text().replace(".png,,", ".png,accept,"))
        assert main(command) == 0, _named(command)
