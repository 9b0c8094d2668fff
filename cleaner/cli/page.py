"""The verb that opens the app: review."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import click

from cleaner.cli.desk import Desk, dataset_verb, examples
from cleaner.errors import CleanerError

_ADDRESS = "127.0.0.1"
_FIRST_PORT = 8501
_PORTS_TRIED = 100
_APP = Path(__file__).resolve().parent.parent.parent / "app.py"


@click.command(epilog=examples("review data/demo", "review data/demo --port 8600 --no-browser"))
@dataset_verb
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Port of the page.  [default: the first free one from {_FIRST_PORT}]",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser window.")
def review(desk: Desk, *, port: int | None, no_browser: bool) -> None:
    """Open the app: review by keyboard, train, get the model.

    The page answers on this computer only. Ctrl-C closes it; a running job goes on.
    """
    with desk.project() as project:
        places = {"CLEANER_DATASET": str(project.root), "CLEANER_STATE": str(project.state)}
    chosen = _free_port() if port is None else port
    url = f"http://{_ADDRESS}:{chosen}"
    desk.answer({"url": url}, [f"Cleaner runs at {url}. Press Ctrl-C to close it."])
    sys.stdout.flush()
    if desk.as_json:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the document stands alone
    # Streamlit looks for .streamlit/config.toml where it is started.
    os.chdir(_APP.parent)
    # In place of this process, so that Ctrl-C and the exit code are the server's own.
    os.execve(  # noqa: S606 - no shell is wanted
        sys.executable,
        _streamlit(chosen, headless=no_browser),
        os.environ | places | {"CLEANER_START": "1"},
    )


def _streamlit(port: int, *, headless: bool) -> list[str]:
    options = {
        "server.port": port,
        "server.address": _ADDRESS,
        "server.headless": str(headless).lower(),
        "server.showEmailPrompt": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(_APP), *flags]


def _free_port() -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS_TRIED):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((_ADDRESS, port))
            except OSError:
                continue
            return port
    last = _FIRST_PORT + _PORTS_TRIED - 1
    raise CleanerError(f"No port from {_FIRST_PORT} to {last} is free. Name one with --port.")
