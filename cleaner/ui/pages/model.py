"""The final model: train it, see how good it is, try it, download it."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from cleaner.backbones import backbone_names
from cleaner.errors import CleanerError, SettingsError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.receipts import gain_in_words
from cleaner.settings import TrainSettings
from cleaner.store.models import FinalModel
from cleaner.ui import actions, charts, job_panel

_SHOWN_CLASSES = 5
_UNKNOWN = "not known"


def draw(project: Project) -> None:
    """Draw the page."""
    st.title("Model")
    job = job_panel.draw(project)
    models = project.models()
    if models:
        _model(_chosen(models))
    elif job is None:
        st.markdown(
            "Train a MobileNet on the reviewed labels. It is measured on images it never saw, "
            "and comes as TensorFlow Lite, Keras and SavedModel files."
        )
    _training(project, is_first=not models, busy=job is not None)


def _chosen(models: list[FinalModel]) -> FinalModel:
    if len(models) == 1:
        return models[0]
    number = st.selectbox(
        "Trained models",
        range(len(models)),
        format_func=lambda index: (
            f"{models[index].architecture} · {models[index].created_at[:16].replace('T', ' ')}"
        ),
    )
    return models[number]


# -- one model -------------------------------------------------------------------------


def _model(model: FinalModel) -> None:
    _facts(model)
    _downloads(model)
    quality, classes, curves, trial, receipt = st.tabs(
        ["Confusion matrix", "Classes", "Training curves", "Try a photo", "Receipt"]
    )
    with quality:
        _confusion(model)
    with classes:
        _classes_and_mistakes(model)
    with curves:
        job_panel.draw_curves(model.history, step="epoch")
    with trial:
        _trial(model)
    with receipt:
        st.json(actions.shown_receipt(model), expanded=1)


def _facts(model: FinalModel) -> None:
    receipt = model.receipt
    low, high = receipt.get("accuracy_interval") or (None, None)
    interval = "" if low is None else f"95% interval {low:.1%} to {high:.1%}"
    size = receipt.get("size_bytes", {}).get("tflite")
    speed = receipt.get("images_per_second")
    cells = [
        ("Accuracy", _share(receipt.get("accuracy")), interval),
        ("Unseen test images", f"{receipt.get('test_images', 0):,}", ""),
        ("TensorFlow Lite", f"{size / 1e6:.1f} MB" if size else _UNKNOWN, ""),
        ("Images a second", f"{speed:,.0f}" if speed else _UNKNOWN, "on this computer"),
    ]
    columns = st.columns([1.5, 1, 1, 1.1])
    for column, (name, value, words) in zip(columns, cells, strict=True):
        column.metric(name, value, words or None, delta_color="off", delta_arrow="off")
    if receipt.get("cleaning"):
        st.markdown(f"**What cleaning brought:** {gain_in_words(receipt['cleaning'])}")


def _share(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.1%}"


def _downloads(model: FinalModel) -> None:
    files = actions.downloads(model)
    if not files:
        st.error("The files of this model are gone. Train it again.")
        return
    for column, (words, path) in zip(st.columns(len(files)), files.items(), strict=True):
        is_folder = path.is_dir()
        column.download_button(
            f"↓ {words}",
            data=partial(actions.packed, path),
            file_name=f"{path.name}.zip" if is_folder else path.name,
            mime="application/zip" if is_folder else "application/octet-stream",
            key=f"download-{model.model_id}-{path.name}",
            type="primary" if path.suffix == ".tflite" else "secondary",
            width="stretch",
            on_click="ignore",
        )


def _confusion(model: FinalModel) -> None:
    matrix = model.receipt.get("confusion_matrix")
    if not matrix:
        st.markdown("This model has no confusion matrix.")
        return
    on_dark = st.context.theme.type == "dark"
    st.altair_chart(charts.confusion(matrix, model.class_names, on_dark=on_dark))


def _classes_and_mistakes(model: FinalModel) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Each class")
        st.dataframe(actions.class_rows(model), hide_index=True)
    with right:
        st.subheader("Mistakes, the most confident first")
        mistakes = actions.mistakes(model)
        if mistakes:
            st.dataframe(mistakes, hide_index=True)
        else:
            st.markdown("Every test image was labelled as its folder says.")


def _trial(model: FinalModel) -> None:
    photo = st.file_uploader("A photo of yours; it stays on this computer", key="photo")
    if photo is None:
        return
    data = photo.getvalue()
    try:
        small = actions.preview(data)
        ranked = actions.classify(model, data)[:_SHOWN_CLASSES]
    except CleanerError as error:
        st.error("This photo cannot be labelled.")
        st.text(shown_path(str(error)))
        return
    picture, answer = st.columns([1, 2], gap="large")
    picture.image(small)
    with answer:
        for name, probability in ranked:
            st.text(f"{shown_path(name)}: {probability:.1%}")
            st.progress(min(1.0, probability))


# -- training --------------------------------------------------------------------------


def _training(project: Project, *, is_first: bool, busy: bool) -> None:
    if busy:
        return
    if not project.rounds():
        st.markdown("First find and review the suspect labels, on the page Review.")
        return
    with st.expander("Train the final model" if is_first else "Train another", expanded=is_first):
        _training_form(project)


def _training_form(project: Project) -> None:
    standard = TrainSettings()
    names = [standard.model, *(n for n in _mobilenets() if n != standard.model)]
    with st.form("training", border=False):
        architecture = st.selectbox(
            "Architecture",
            names,
            help="mobilenet_<version>_<width>_<input side>. Narrower and smaller is quicker and "
            "less accurate. Those not shipped with Cleaner are fetched by Keras at first use.",
        )
        values = _settings(standard)
        pressed = st.form_submit_button("Train", type="primary")
    if pressed:
        _start(project, architecture, values)


def _mobilenets() -> list[str]:
    return [name for name in backbone_names() if name.startswith("mobilenet_")]


def _settings(standard: TrainSettings) -> dict[str, Any]:
    columns = st.columns(5)
    measures = st.checkbox(
        "Measure what cleaning brought",
        value=standard.measure_gain,
        help="Trains a second model on the labels as they were given and tests both on the same "
        "images. Takes twice as long.",
    )
    return {
        "measure_gain": measures,
        "head_epochs": columns[0].number_input("Head epochs", 1, 10_000, standard.head_epochs),
        "fine_tune_epochs": columns[1].number_input(
            "Fine-tuning epochs", 0, 10_000, standard.fine_tune_epochs
        ),
        "views": columns[2].number_input("Views", 1, 64, standard.views),
        "patience": columns[3].number_input("Patience", 1, 1_000, standard.patience),
        "seed": columns[4].number_input("Seed", 0, 2**31 - 1, standard.seed),
    }


def _start(project: Project, architecture: str, values: dict[str, Any]) -> None:
    try:
        wanted = TrainSettings(model=architecture, **values)
    except SettingsError as error:
        st.error(str(error))
        return
    job_panel.start(project, "train", wanted.as_json())
