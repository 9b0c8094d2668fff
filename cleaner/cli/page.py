"""The verb that opens the app: review."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import click

from cleaner import doors
from cleaner.cli.desk import Desk, dataset_verb, examples
from cleaner.errors import CleanerError, SettingsError

_ADDRESS = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - known in order to be refused without a token
_FIRST_PORT = 8501
_PORTS_TRIED = 100
_APP = Path(__file__).resolve().parent.parent.parent / "app.py"


@click.command(
    epilog=examples(
        "review data/demo",
        "review data/demo --port 8600 --no-browser",
        "review data/demo --address 0.0.0.0 --token-file ~/.cleaner-token",
    )
)
@dataset_verb
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"Port of the page.  [default: the first free one from {_FIRST_PORT}]",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser window.")
@click.option(
    "--address",
    default=_ADDRESS,
    show_default=True,
    help="Where the page answers; any other than this computer needs a token.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name browsers use for this computer.  [default: its own name]",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Whoever knows what it says may use the page; made if it is not there.",
)
def review(
    desk: Desk,
    *,
    port: int | None,
    no_browser: bool,
    address: str,
    hosts: tuple[str, ...],
    token_file: Path | None,
) -> None:
    """Open the app: review by keyboard, train, get the model.

    The page answers on this computer only, unless --address says otherwise; then it asks for
    the token. Ctrl-C closes it; a running job goes on.
    """
    door = _Door(address, hosts, token_file)
    with desk.project() as project:
        places = {"CLEANER_DATASET": str(project.root), "CLEANER_STATE": str(project.state)}
    chosen = _free_port(address) if port is None else port
    url = door.url(chosen)
    desk.answer({"url": url}, [f"Cleaner runs at {url} (Ctrl-C closes it)"])
    sys.stdout.flush()
    if desk.as_json:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the document stands alone
    # Streamlit looks for .streamlit/config.toml where it is started.
    os.chdir(_APP.parent)
    # In place of this process, so that Ctrl-C and the exit code are the server's own.
    os.execve(  # noqa: S606 - no shell is wanted
        sys.executable,
        _streamlit(address, chosen, headless=no_browser),
        os.environ | places | door.environment | {"CLEANER_START": "1"},
    )


class _Door:
    """Where the page answers, and what it asks of those who come.

    Raises:
        SettingsError: other computers could open the page and there is no token.
    """

    def __init__(self, address: str, hosts: tuple[str, ...], token_file: Path | None) -> None:
        own = socket.gethostname() if address in _EVERYWHERE else address
        self._hosts = hosts or (own,)
        self.environment = {"CLEANER_HOSTS": ",".join(self._hosts)}
        if token_file is None:
            self._token = doors.named_token()
        else:
            file = token_file.absolute()
            self._token = doors.read_token(file) if file.exists() else doors.make_token(file)
            self.environment["CLEANER_TOKEN_FILE"] = str(file)
        if self._token is None and not doors.is_loopback(address):
            raise SettingsError(
                f"The address {address} lets other computers open the page. Name a file for a "
                "token with --token-file; it is made if it is not there."
            )

    def url(self, port: int) -> str:
        """Return what to open; the token stands behind the #, where no server logs it."""
        host = f"[{self._hosts[0]}]" if ":" in self._hosts[0] else self._hosts[0]
        return f"http://{host}:{port}" + (f"/#{self._token}" if self._token else "")


def _streamlit(address: str, port: int, *, headless: bool) -> list[str]:
    options = {
        "server.port": port,
        "server.address": address,
        "server.headless": str(headless).lower(),
        "server.showEmailPrompt": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(_APP), *flags]


def _free_port(address: str = _ADDRESS) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS_TRIED):
        with socket.socket(family) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((address, port))
            except OSError:
                continue
            return port
    last = _FIRST_PORT + _PORTS_TRIED - 1
    raise CleanerError(f"No port from {_FIRST_PORT} to {last} is free. Name one with --port.")
