"""What a person waits for loads nothing heavy, and Ctrl-C ends a job in one line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cleaner.cli import page
from cleaner.project import Project
from tests.cli.conftest import Call

_PROJECT = Path(__file__).resolve().parent.parent.parent
_HEAVY = ("tensorflow", "keras", "tensorflow_hub", "streamlit", "ray", "cleaner.learning")


def _loaded_by(*arguments: str) -> set[str]:
    program = (
        "import json, sys\n"
        "from cleaner.cli import main\n"
        "code = main(json.loads(sys.argv[1]))\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(arguments)],
        capture_output=True,
        text=True,
        cwd=_PROJECT,
        check=True,
        timeout=240,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_neither_arrays_nor_the_database() -> None:
    assert _loaded_by("--help").isdisjoint({"numpy", "sqlalchemy", "PIL", *_HEAVY})


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("status",),
        ("queue",),
        ("undo",),
        ("apply", "--dry-run"),
        ("jobs",),
        ("classes",),
    ],
)
def test_light_verbs_load_no_tensorflow(ranked: Project, arguments: tuple[str, ...]) -> None:
    verb, *options = arguments
    assert _loaded_by(verb, str(ranked.root), *options).isdisjoint(_HEAVY)


def test_the_list_of_backbones_loads_no_tensorflow() -> None:
    assert _loaded_by("backbones").isdisjoint(_HEAVY)


def test_a_reader_that_has_seen_enough_is_no_error(project: Project) -> None:
    command = f"{sys.executable} -m cleaner backbones --json | head -c 1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, cwd=_PROJECT, check=True
    )
    assert (done.stdout, done.stderr) == ("{", "")


# A program that a script starts in the background is deaf to Ctrl-C, and so are its children.
_HEARS_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("cleaner", run_name="__main__")
"""


def test_ctrl_c_cancels_the_job_and_says_so_in_one_line(project: Project) -> None:
    # Views enough that it cannot have ended by the time its first line is read.
    options = ["--views", "32", "--json"]
    command = [sys.executable, "-c", _HEARS_CTRL_C, "score", str(project.root), *options]
    score = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=_PROJECT
    )
    assert score.stderr is not None
    first = score.stderr.readline()  # the job has begun
    score.send_signal(signal.SIGINT)
    out, err = score.communicate(timeout=240)
    assert (score.returncode, out) == (130, "")
    assert (first + err).splitlines()[-1].startswith("Cancelled.")
    assert "Traceback" not in err


def test_review_starts_the_app_on_this_machine_only(
    call: Call, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _file, argv, env: started.append((argv, env)))
    monkeypatch.chdir(_PROJECT)
    assert call("review", project.root, "--no-browser").code == 0
    ((arguments, environment),) = started
    assert "--server.address=127.0.0.1" in arguments
    assert "--server.headless=true" in arguments
    assert environment["CLEANER_DATASET"] == str(project.root)
    assert environment["CLEANER_STATE"] == str(project.state)


def test_review_opens_to_others_with_a_token_that_it_makes(
    call: Call, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _file, argv, env: started.append((argv, env)))
    monkeypatch.chdir(_PROJECT)
    door = ("--address", "0.0.0.0", "--host", "lab.example", "--token-file", tmp_path / "token")  # noqa: S104
    printed = [call("review", project.root, "--no-browser", *door).out for _time in range(2)]
    token = (tmp_path / "token").read_text().strip()
    assert printed[0] == printed[1]
    assert "http://lab.example:" in printed[0]
    assert f"/#{token} " in printed[0]
    arguments, environment = started[0]
    assert "--server.address=0.0.0.0" in arguments
    assert environment["CLEANER_HOSTS"] == "lab.example"
    assert environment["CLEANER_TOKEN_FILE"] == str(tmp_path / "token")
    assert token not in " ".join([*arguments, *environment.values()])


def test_review_does_not_open_to_others_without_a_token(call: Call, project: Project) -> None:
    refused = call("review", project.root, "--no-browser", "--address", "192.0.2.7")
    assert refused.code == 1
    assert "--token-file" in refused.complaint


def test_review_passes_over_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(page, "_FIRST_PORT", taken.getsockname()[1])
        assert page._free_port() > taken.getsockname()[1]


def test_progress_is_one_line_a_stage_where_nobody_watches(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cleaner", "scan", str(project.root), "--json"],
        capture_output=True,
        text=True,
        cwd=_PROJECT,
        check=True,
    )
    assert done.stderr.splitlines() == ["Reading the images (12)", "Looking for duplicates"]
    assert json.loads(done.stdout)["images"] == 12


def test_a_page_of_help_comes_at_once() -> None:
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "cleaner", "--help"], capture_output=True, cwd=_PROJECT, check=True
    )
    assert time.monotonic() - begun < 3  # 0.2 s on an idle machine
