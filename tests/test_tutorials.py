"""Every command of docs/tutorials runs, in the order of its page, on small data in place of it."""

from __future__ import annotations

import re
import shlex
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner.cli import main
from tests.shapes import shape, write_shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

_FOLDER = Path(__file__).resolve().parent.parent / "docs" / "tutorials"


def _commands(page: Path) -> list[list[str]]:
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[3:] for line in lines if line.startswith("python -m cleaner ")]


def _photos() -> None:
    write_shapes(Path("photos"), each=12)
    Path("new").mkdir()
    shape("circle", 99).save("new/99.png")


def _module() -> None:
    import tensorflow as tf

    _photos()
    module = tf.Module()
    given = tf.TensorSpec((None, 16, 16, 3), tf.float32, name="inputs")
    module.call = tf.function(
        lambda inputs: {"default": tf.reshape(inputs, (-1, 768))}, input_signature=[given]
    )
    tf.saved_model.save(module, "module", signatures=module.call)
    Path("modules").mkdir()
    with tarfile.open("modules/feature_vector.tar.gz", "w:gz") as packing:
        packing.add("module", arcname=".")


def _flowers() -> None:
    write_shapes(Path("flower_photos"), each=12)
    Path("flower_photos/circle").rename("flower_photos/daisy")


# What a page finds in the folder where its commands are typed.
_BEFORE: dict[str, Callable[[], None]] = {
    "own-folder.md": _photos,
    "tf-hub.md": _module,
    "from-retrain.md": _flowers,
    "flowers.md": _flowers,
}

# What makes the training of a page quicker, beyond small data; one page writes every format.
_QUICKER: dict[str, tuple[str, ...]] = {
    "own-folder.md": ("--fine-tune-epochs", "2"),
    "tf-hub.md": ("--few-formats",),
    "from-retrain.md": ("--few-formats",),
    "flowers.md": ("--few-formats",),
}


@pytest.fixture(scope="module")
def ran() -> set[tuple[str, ...]]:
    """Long commands that another page has run on its own folder."""
    return set()


@pytest.mark.parametrize("name", _BEFORE)
def test_the_commands_of_a_tutorial_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: set[tuple[str, ...]]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    _BEFORE[name]()
    for command in _commands(_FOLDER / name):
        plain = tuple(word for word in command if word not in ("photos", "flower_photos"))
        if plain[0] == "review" or plain in ran:  # the one would wait for a person
            continue
        if plain[0] in ("score", "round", "queue"):
            ran.add(plain)
        if "--from" in command:
            _fill(Path(command[-1]))
        quicker = _QUICKER[name] if plain[0] == "train" else ()
        words = [_named(word, tmp_path) for word in (*command, *quicker)]
        assert main(words) == 0, " ".join(words)
        if plain[0] == "train":
            latest = max(tmp_path.glob("*.cleaner/models/[!.]*"), key=lambda f: f.stat().st_mtime)
            assert (latest / "model.onnx").exists() == ("--few-formats" not in quicker)


def _fill(sheet: Path) -> None:
    """Write an action into each line, as a person would."""
    lines = sheet.read_text("utf-8")
    assert ".png,," in lines
    sheet.write_text(lines.replace(".png,,", ".png,accept,"), "utf-8")


def _named(word: str, folder: Path) -> str:
    """Return the word with the latest model where the page says MODEL."""
    if "MODEL" not in word:
        return word
    models = sorted((folder / word).parent.glob("[!.]*"))
    return str(models[-1])


def test_the_readme_leads_to_every_tutorial() -> None:
    readme = (_FOLDER.parent.parent / "README.md").read_text("utf-8")
    assert [
        page.name for page in _FOLDER.glob("*.md") if f"tutorials/{page.name})" not in readme
    ] == []
