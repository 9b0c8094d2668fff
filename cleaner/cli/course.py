"""The options of `train` that say how the last layer learns, and what is kept on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cleaner import settings

_DEFAULTS = settings.TrainSettings()


def _absolute(_context: click.Context, _option: click.Parameter, path: Path | None) -> str | None:
    """Return a path that the worker, which stands in another folder, finds too."""
    return None if path is None else str(path.expanduser().absolute())


def _folder(name: str, **words: Any) -> Any:
    kind = click.Path(path_type=Path, file_okay=False)
    return click.option(name, type=kind, metavar="DIR", callback=_absolute, **words)


_OPTIONS = (
    click.option(
        "--steps",
        "head_steps",
        type=click.IntRange(1),
        help="Train the last layer exactly so many steps, in place of --head-epochs; the best "
        "weights that were looked at are kept.",
    ),
    click.option(
        "--check-every",
        "check_every_steps",
        type=click.IntRange(1),
        metavar="STEPS",
        help="With --steps: look at the validation images so often.  [default: once a pass]",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 1024),
        default=_DEFAULTS.batch_size,
        show_default=True,
        help="Photos a step of fine-tuning.",
    ),
    click.option(
        "--head-batch-size",
        type=click.IntRange(1),
        help="Views a step of the last layer.  [default: by their number]",
    ),
    click.option(
        "--head-learning-rate",
        default=_DEFAULTS.head_learning_rate,
        show_default=True,
        help="Of the last layer on its own.",
    ),
    click.option(
        "--head-optimizer",
        type=click.Choice(settings.HEAD_OPTIMIZERS),
        default=_DEFAULTS.head_optimizer,
        show_default=True,
        help="Likewise; sgd is plain gradient descent.",
    ),
    click.option(
        "--views",
        type=click.IntRange(1, 64),
        default=_DEFAULTS.views,
        show_default=True,
        help="Views of each training image that the last layer learns from; kept for next time.",
    ),
    click.option(
        "--flip-left-right",
        is_flag=True,
        help="Mirror half the views. This and the next three replace the usual augmentation.",
    ),
    click.option(
        "--random-crop",
        default=_DEFAULTS.random_crop,
        metavar="PERCENT",
        help="Cut views out of the picture, with this margin about them.",
    ),
    click.option(
        "--random-scale",
        default=_DEFAULTS.random_scale,
        metavar="PERCENT",
        help="Enlarge them by up to so much more.",
    ),
    click.option(
        "--random-brightness",
        default=_DEFAULTS.random_brightness,
        metavar="PERCENT",
        help="Make them up to so much darker or brighter.",
    ),
    _folder(
        "--cache",
        help="Keep features here, where several datasets may share them.  [default: in the state]",
    ),
    _folder(
        "--checkpoints",
        help="Keep a whole model of each epoch of fine-tuning here, as a .keras file.",
    ),
    click.option(
        "--checkpoint-steps",
        type=click.IntRange(0),
        default=_DEFAULTS.checkpoint_steps,
        show_default=True,
        help="With --checkpoints: also one each so many steps of the last layer; 0 for none.",
    ),
    click.option(
        "--output-name",
        default=_DEFAULTS.output_name,
        show_default=True,
        help="What the model's output is called in its files.",
    ),
)


def course_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, each under the name of its field in `TrainSettings`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
