"""The final model: train it, see how good it is beside others, try it, download it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from cleaner import mobilenets, receipts
from cleaner.errors import CleanerError, SettingsError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.receipts import gain_in_words, joined_in_words, unknown_in_words
from cleaner.selection import Selection
from cleaner.settings import CLASS_WEIGHTS, PUBLISHED, SCHEDULES, GridSettings, TrainSettings
from cleaner.store.models import FinalModel
from cleaner.ui import actions, charts, job_panel

_SHOWN_CLASSES = 5
_UNKNOWN = "not known"
_UPLOAD, _CAMERA = "A file", "The camera"

Go = Callable[..., None]


def draw(project: Project, go: Go) -> None:
    """Draw the page; `go` opens another one by name, with parameters for its address."""
    st.title("Model")
    job = job_panel.draw(project)
    models = project.models()
    if models:
        _model(project, go, models, busy=job is not None)
    elif job is None:
        st.markdown(
            "Train a MobileNet on the reviewed labels. It is measured on images it never saw, "
            "and comes as TensorFlow Lite (also in int8), ONNX, Keras and SavedModel files."
        )
    _training(project, models, busy=job is not None)


def _chosen(models: Sequence[FinalModel], words: str, key: str, index: int = 0) -> FinalModel:
    number = st.selectbox(
        words,
        range(len(models)),
        index=index,
        key=key,
        format_func=lambda index: (
            f"{models[index].architecture} · {models[index].created_at[:16].replace('T', ' ')}"
        ),
    )
    return models[number]


# -- one model -------------------------------------------------------------------------


def _model(project: Project, go: Go, models: list[FinalModel], *, busy: bool) -> None:
    model = models[0] if len(models) == 1 else _chosen(models, "Trained models", "model")
    receipt = receipts.read(project.state)
    _facts(model)
    _downloads(model)
    compared, quality, wrong, curves, trial, facts = st.tabs(
        ["Compare", "Confusion matrix", "Mistakes", "Training curves", "Try a photo", "Receipt"]
    )
    with compared:
        _comparison(project, receipt, models, busy=busy)
    with quality:
        _confusion(model)
    with wrong:
        _classes_and_mistakes(project, go, model, receipt)
    with curves:
        _curves(model, models)
    with trial:
        _trial(model)
    with facts:
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
    if receipt.get("joined"):
        st.text(f"Beside the model it began from: {joined_in_words(receipt['joined'])}")
    if receipt.get("unknown"):
        st.text(f"When to answer unknown: {unknown_in_words(receipt['unknown'])}")


def _share(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.1%}"


def _downloads(model: FinalModel) -> None:
    files = actions.downloads(model)
    if not files:
        st.error("The files of this model are gone. Train it again.")
        return
    with st.container(horizontal=True, gap="small"):
        for words, path in files.items():
            is_folder = path.is_dir()
            st.download_button(
                f"↓ {words}",
                data=partial(actions.packed, path),
                file_name=f"{path.name}.zip" if is_folder else path.name,
                mime="application/zip" if is_folder else "application/octet-stream",
                key=f"download-{model.model_id}-{path.name}",
                type="primary" if path.name == "model.tflite" else "secondary",
                on_click="ignore",
            )


def _confusion(model: FinalModel) -> None:
    matrix = model.receipt.get("confusion_matrix")
    if not matrix:
        st.markdown("This model has no confusion matrix.")
        return
    on_dark = st.context.theme.type == "dark"
    st.altair_chart(charts.confusion(matrix, model.class_names, on_dark=on_dark))
    calibration = model.receipt.get("calibration", {"points": []})
    if calibration["points"]:
        st.subheader("Calibration")
        st.text(
            f"Confidence and accuracy lie {_share(calibration['ece'])} apart on average; on the "
            "line they would be the same."
        )
        st.altair_chart(charts.reliability(calibration["points"]), width="content")


def _classes_and_mistakes(
    project: Project, go: Go, model: FinalModel, receipt: dict[str, Any] | None
) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Each class")
        st.dataframe(actions.class_rows(model), hide_index=True)
    with right:
        st.subheader("Mistakes, the most confident first")
        mistakes = actions.mistakes(model)
        if not mistakes:
            st.markdown("Every test image was labelled as its folder says.")
            return
        _send_back(project, go, actions.mistaken_ids(receipt, model.model_id))
        st.dataframe(mistakes, hide_index=True)


def _send_back(project: Project, go: Go, item_ids: Sequence[int]) -> None:
    """Offer to look at the labels of these images again: the model may be the one who is right."""
    if not item_ids:
        return
    words = "Review this image" if len(item_ids) == 1 else f"Review these {len(item_ids):,} images"
    if st.button(words, key="send-back", type="primary"):
        picked = project.pick(item_ids)
        go("review", Selection(picked=picked, status="any").as_query())


def _curves(model: FinalModel, models: Sequence[FinalModel]) -> None:
    job_panel.draw_curves(model.history, step="epoch")
    others = [other for other in models if other.model_id != model.model_id]
    if others and st.toggle("Beside another run", key="beside-another"):
        other = _chosen(others, "The other run", "other-run")
        job_panel.draw_curves(other.history, step="epoch of the other run")


# -- all of them -----------------------------------------------------------------------


def _comparison(
    project: Project,
    receipt: dict[str, Any] | None,
    models: Sequence[FinalModel],
    *,
    busy: bool,
) -> None:
    words, press = st.columns([4, 1.2], vertical_alignment="center")
    words.text(actions.receipt_in_words(receipt, [model.model_id for model in models]))
    if press.button("Measure anew", key="measure", disabled=busy, width="stretch"):
        job_panel.start(project, "receipt", {"models": []})
    if receipt is None:
        return
    st.dataframe(actions.compared_rows(receipt), hide_index=True, placeholder="")
    left, right = st.columns(2, gap="large")
    rows = actions.plotted_rows(receipt)
    if rows:
        left.altair_chart(charts.against(rows, "milliseconds", "milliseconds a photo, one thread"))
        right.altair_chart(charts.against(rows, "megabytes", "megabytes of the file"))
    _differences(receipt)
    _receipt_files(receipt)


def _differences(receipt: dict[str, Any]) -> None:
    """Offer class by class, and pair by pair, what smaller models answer otherwise."""
    smaller = [model for model in receipt["models"] if not model["is_reference"]]
    if not smaller:
        return
    with st.expander("Where a model differs from the largest"):
        number = st.selectbox(
            "Model",
            range(len(smaller)),
            key="differing",
            format_func=lambda index: shown_path(smaller[index]["model_id"]),
        )
        left, right = st.columns(2, gap="large")
        left.dataframe(actions.class_difference_rows(smaller[number]), hide_index=True)
        pairs = actions.pair_difference_rows(smaller[number])
        right.dataframe(pairs, hide_index=True, placeholder="")


def _receipt_files(receipt: dict[str, Any]) -> None:
    makers = {
        "Receipt as a page": ("receipt.html", "text/html", receipts.as_page),
        "as Markdown": ("receipt.md", "text/markdown", receipts.as_markdown),
        "as JSON": ("receipt.json", "application/json", receipts.as_json),
    }
    with st.container(horizontal=True, gap="small"):
        for words, (name, mime, make) in makers.items():
            st.download_button(
                f"↓ {words}",
                data=partial(make, receipt),
                file_name=name,
                mime=mime,
                key=f"receipt-{name}",
                on_click="ignore",
            )


# -- trying it -------------------------------------------------------------------------


def _trial(model: FinalModel) -> None:
    source = st.segmented_control(
        "From",
        [_UPLOAD, _CAMERA],
        default=_UPLOAD,
        key="trial-source",
        label_visibility="collapsed",
    )
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        if source == _CAMERA:
            photo = st.camera_input("A picture of yours; it stays on this computer", key="camera")
        else:
            photo = st.file_uploader("A photo of yours; it stays on this computer", key="photo")
    if photo is not None:
        with right:
            _answer(model, photo.getvalue(), is_shown=source == _CAMERA)


def _answer(model: FinalModel, data: bytes, *, is_shown: bool) -> None:
    """Draw what the model says of a photo, and the photo itself where nothing shows it yet."""
    try:
        small = actions.preview(data)
        ranked = actions.classify(model, data)[:_SHOWN_CLASSES]
    except CleanerError as error:
        st.error("This photo cannot be labelled.")
        st.text(shown_path(str(error)))
        return
    if not is_shown:
        st.image(small)
    least = (model.receipt.get("unknown") or {}).get("threshold")
    if least is not None and ranked[0][1] < least:
        st.text(f"Better answered “unknown”: no class reaches {least:.0%}.")
    for name, probability in ranked:
        st.text(f"{shown_path(name)}: {probability:.1%}")
        st.progress(min(1.0, probability))


# -- training --------------------------------------------------------------------------


def _training(project: Project, models: Sequence[FinalModel], *, busy: bool) -> None:
    if busy:
        return
    if not project.rounds():
        st.markdown("First find and review the suspect labels, on the page Review.")
        return
    words = "Train another" if models else "Train the final model"
    with st.expander(words, expanded=not models):
        _training_form(project)
    if models:
        with st.expander("Add a class to a model"):
            _joining(project, models)


def _joining(project: Project, models: Sequence[FinalModel]) -> None:
    st.markdown(
        "Put the new class's folder beside the others. The model stays as it is, and only what "
        "tells the new class from the others is learnt: that takes seconds where the features of "
        "the old images are kept, and says how many answers on them are others. Without a new "
        "class, the whole last layer is learnt anew from the labels as they are now."
    )
    model = _chosen(models, "Whose network", "begin-from")
    if not st.button("Learn the last layer", key="learn-last-layer", type="primary"):
        return
    try:
        earlier = TrainSettings.from_json(model.receipt["settings"])
    except SettingsError as error:
        st.error(str(error))
        return
    job_panel.start(project, "train", earlier.beginning_from(model.model_id).as_json())


def _training_form(project: Project) -> None:
    standard = TrainSettings()
    names = dict.fromkeys([standard.model, *mobilenets.LARGER, *mobilenets.names()])
    with st.form("training", border=False):
        chosen = st.multiselect(
            "Networks, trained one after the other",
            names,
            default=[standard.model],
            help="mobilenet_<version>_<width>_<input side>. Narrower and smaller is quicker and "
            f"less accurate; {mobilenets.LARGER[0]} is a larger one to hold them against. Those "
            "not shipped with Cleaner are fetched by Keras at first use.",
        )
        values = _settings(standard)
        pressed = st.form_submit_button("Train", type="primary")
    if pressed:
        _start(project, chosen, values)


def _settings(standard: TrainSettings) -> dict[str, Any]:
    columns = st.columns(5)
    measures = st.checkbox(
        "Measure what cleaning brought",
        value=standard.measure_gain,
        help="Trains a second model on the labels as they were given and tests both on the same "
        "images. Takes twice as long.",
    )
    return _more_settings(standard) | {
        "measure_gain": measures,
        "head_epochs": columns[0].number_input("Head epochs", 1, 10_000, standard.head_epochs),
        "fine_tune_epochs": columns[1].number_input(
            "Fine-tuning epochs", 0, 10_000, standard.fine_tune_epochs
        ),
        "views": columns[2].number_input("Views", 1, 64, standard.views),
        "patience": columns[3].number_input("Patience", 1, 1_000, standard.patience),
        "seed": columns[4].number_input("Seed", 0, 2**31 - 1, standard.seed),
    }


def _more_settings(standard: TrainSettings) -> dict[str, Any]:
    with st.expander("More of the recipe"):
        first, second = st.columns(3), st.columns(2)
        layer = second[1].text_input(
            "Fine-tune from layer",
            placeholder="the upper 60%",
            help="Its name, or its number from the input.",
        )
        return {
            "schedule": first[0].selectbox(
                "Learning rate falls", SCHEDULES, SCHEDULES.index(standard.schedule)
            ),
            "class_weights": first[1].selectbox(
                "Rare classes weigh more",
                CLASS_WEIGHTS,
                CLASS_WEIGHTS.index(standard.class_weights),
                help="By one over their share, or over its root.",
            ),
            "label_smoothing": first[2].number_input(
                "Label smoothing", 0.0, 1.0, standard.label_smoothing, 0.05
            ),
            "distil": second[0].number_input(
                "Distillation: say of the committee",
                0.0,
                1.0,
                standard.distil,
                0.1,
                help="How much of each label is what the latest round says of the image.",
            ),
            "fine_tune_from": layer.strip() or None,
        }


def _start(project: Project, chosen: Sequence[str], values: dict[str, Any]) -> None:
    try:
        kind, wanted = _wanted(chosen, values)
    except SettingsError as error:
        st.error(str(error))
        return
    job_panel.start(project, kind, wanted.as_json())


def _wanted(
    chosen: Sequence[str], values: dict[str, Any]
) -> tuple[str, TrainSettings | GridSettings]:
    """Return which job trains them, and its settings."""
    if not chosen:
        raise SettingsError("Choose at least one network.")
    if len(chosen) == 1:
        return "train", TrainSettings(model=chosen[0], **values)
    weights = tuple(PUBLISHED for _ in chosen)
    return "grid", GridSettings(tuple(chosen), weights, values)
