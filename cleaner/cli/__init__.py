"""The command line: `python -m cleaner VERB ...`.

Every verb prints for people, or with ``--json`` exactly one JSON document on stdout; progress
and complaints go to stderr. Exit codes: 0 done, 1 a named error in one line, 2 wrong usage,
130 stopped with Ctrl-C. A traceback is a bug; its details go to a log file, not to the screen.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cleaner import __version__
from cleaner.cli import (
    auditing,
    classes,
    datasets,
    extending,
    history,
    importing,
    labelling,
    layout,
    models,
    page,
    receipt,
    reporting,
    retraining,
    reviewing,
    rounds,
    sampling,
    second,
)
from cleaner.errors import CleanerError

STOPPED = 130

_EXAMPLES = """\
\b
First steps:
  python -m cleaner demo                  make a small dataset with known errors
  python -m cleaner score data/demo       rank its images, the most suspect first
  python -m cleaner review data/demo      look at them and decide, by keyboard
  python -m cleaner round data/demo       move files as decided, and rank again
  python -m cleaner train data/demo       train the model to ship

A dataset is a folder with one sub-folder of images for each class. What Cleaner remembers lies
beside it, in DATASET.cleaner, or where --state says. Every verb takes --json for scripts and
--help for its own options.
"""


class _Verbs(click.Group):
    """Lists the verbs in the order of the work, and turns Ctrl-C into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's name
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort("Stopped.") from error


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@click.version_option(__version__, message="cleaner %(version)s")
def verbs() -> None:
    """Find wrong image labels, settle them by hand, retrain, and ship a small model."""


for _verb in (
    datasets.demo,
    datasets.scan,
    auditing.audits,
    rounds.score,
    page.review,
    reviewing.queue,
    reviewing.decide,
    reviewing.undo,
    sampling.sample,
    history.history,
    second.opinions,
    classes.classes,
    reviewing.apply,
    rounds.next_round,
    layout.draw_map,
    models.train,
    extending.extend,
    receipt.receipt,
    models.predict,
    models.export,
    importing.take_in,
    datasets.status,
    reporting.report,
    rounds.list_jobs,
    datasets.recover,
    models.backbones,
    retraining.retrain,
    labelling.label_image,
):
    verbs.add_command(_verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say (those of the process by default) and return the exit code."""
    try:
        outcome = verbs.main(arguments, prog_name="python -m cleaner", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        return _complain(str(error) or "Stopped.", STOPPED)
    except CleanerError as error:
        return _complain(str(error), 1)
    except BrokenPipeError:
        # Whoever read our output has seen enough, as in `... | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort: a line and a log, no traceback
        return _complain(_unexpected(error), 1)
    return outcome if isinstance(outcome, int) else 0


def _complain(message: str, code: int) -> int:
    click.echo(" ".join(message.split()), err=True)
    return code


def _unexpected(error: Exception) -> str:
    from platformdirs import user_log_path

    details = "".join(traceback.format_exception(error))
    entry = f"{datetime.now(UTC).isoformat()} {sys.argv[1:]}\n{details}\n"
    what = f"Something went wrong that should not ({type(error).__name__}: {error})."
    for folder in (user_log_path("cleaner"), Path(tempfile.gettempdir())):
        log = folder / "cleaner-errors.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8", errors="backslashreplace") as lines:
                lines.write(entry)
        except OSError:
            continue
        return f"{what} The details are in {log}."
    logging.getLogger(__name__).error(details)
    return what
