"""The options of `train` that keep an earlier model's network, so that classes join it soon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.errors import ModelError, SettingsError
from cleaner.items import shown_path
from cleaner.settings import TrainSettings

if TYPE_CHECKING:
    from cleaner.project import Project

# Parameters of `train` that would make it another network.
_OF_THE_NETWORK = {
    "models": "--model",
    "weights": "--weights",
    "fine_tune_epochs": "--fine-tune-epochs",
    "fine_tune_from": "--fine-tune-from",
    "fine_tune_learning_rate": "--fine-tune-learning-rate",
    "measure_gain": "--measure-gain",
}


def joining_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command --from, --every-format and --few-formats."""
    begin = click.option(
        "--from",
        "begin_from",
        metavar="NAME",
        help="Keep the network of this earlier model, its name or its folder, and learn the last "
        "layer alone.",
    )
    every = click.option(
        "--every-format/--few-formats",
        default=None,
        help="Write int8, float16, ONNX and SavedModel, too, or the .tflite and the .keras file "
        "alone, which takes less time.  [default: every format; few with --from]",
    )
    return begin(every(function))


def going_on(project: Project, word: str, recipe: dict[str, Any]) -> TrainSettings:
    """Return an earlier model's settings for a new last layer, changed by what was typed now.

    Args:
        project: whose model.
        word: the model's name, or its folder.
        recipe: fields of the settings, as the command line has them.

    Raises:
        ModelError: there is no such model.
        UsageError: something typed goes not with a network that stays as it is.
    """
    source = click.get_current_context().get_parameter_source
    typed = {name for name in recipe if source(name) is click.core.ParameterSource.COMMANDLINE}
    for name, option in _OF_THE_NETWORK.items():
        if source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--from keeps the network as it is, and {option} asks for another one. Give "
                "either."
            )
    name, known = Path(word).name, {model.model_id: model for model in project.models()}
    if name not in known:
        raise ModelError(
            f"{shown_path(str(project.root))}: no model {shown_path(name)!r} to begin from. "
            f"Known: {', '.join(known) or 'none'}."
        )
    earlier = TrainSettings.from_json(known[name].receipt["settings"]).beginning_from(name)
    try:
        return TrainSettings(**earlier.as_json() | {name: recipe[name] for name in typed})
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
