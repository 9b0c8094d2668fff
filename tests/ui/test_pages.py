"""Each page as Streamlit runs it; what happens inside the deck is tested in a browser."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from cleaner import images, jobs, receipts
from cleaner.backbones.embedded import weights_folder
from cleaner.classifier import open_classifier
from cleaner.jobs import now
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.sampling import Sampling
from cleaner.selection import Selection
from cleaner.settings import TrainSettings
from cleaner.store import jobs as job_rows
from cleaner.store import models
from cleaner.store.models import FinalModel
from cleaner.ui import engine, server
from cleaner.ui.registry import shared
from tests.ranking import draw_lots
from tests.receipts.samples import receipt
from tests.ui.samples import make_images, open_round

TIMEOUT_SECONDS = 120


def run_app(project: Project | None = None) -> AppTest:
    """Run the whole app on its first page."""
    app = AppTest.from_file(str(server.SCRIPT), default_timeout=TIMEOUT_SECONDS)
    if project is not None:
        app.query_params["dataset"] = shared().open(project.root, project.state)
    app.run()
    assert not app.exception
    return app


def run_page(project: Project, name: str) -> AppTest:
    """Run one page alone; where it wants to go is kept under "gone"."""

    def script(key: str, name: str) -> None:
        import importlib

        import streamlit as st

        from cleaner.ui.registry import shared

        room = importlib.import_module(f"cleaner.ui.pages.{name}")
        project = shared().get(key)

        def go(to: str, parameters: object = None) -> None:
            st.session_state["gone"] = to
            st.session_state["asked"] = parameters

        arguments = {
            "overview": (project, go),
            "review": (project, key, go),
            "rounds": (project, go),
            "history": (project, key),
            "map": (project, key, go),
            "audits": (project, key, go),
            "classes": (project, key, go),
            "model": (project, go),
        }
        room.draw(*arguments.get(name, (project,)))

    key = shared().open(project.root, project.state)
    app = AppTest.from_function(
        script, default_timeout=TIMEOUT_SECONDS, kwargs={"key": key, "name": name}
    )
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Return all that a person can read outside of tables and charts."""
    kinds = ("title", "header", "subheader", "markdown", "text", "error", "metric")
    elements = [element for kind in kinds for element in app.get(kind)]
    return "\n".join(f"{getattr(one, 'label', '')} {getattr(one, 'value', '')}" for one in elements)


def button(app: AppTest, words: str) -> Button:
    return next(one for one in app.button if one.label == words)


def components(app: AppTest) -> list[str]:
    """Return which of the project's own components are shown."""
    return [str(one.key).split("-")[0] for one in app.get("bidi_component")]


def labels(app: AppTest) -> set[str]:
    return {one.label for one in app.button}


def started(project: Project) -> list[tuple[str, dict[str, Any]]]:
    """Return what pages started, the first one first."""
    return [(job.kind, job.settings) for job in reversed(jobs.recent(project))]


def add_job(project: Project, **values: Any) -> int:
    with project.store.write() as connection:
        job_id = job_rows.create(connection, "score", {"views": 2}, now())
        job_rows.change(connection, job_id, values)
    return job_id


def add_model(project: Project) -> FinalModel:
    folder = project.state / "models" / "mobile"
    (folder / "saved_model").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "model.tflite").write_bytes(b"no model")
    receipt = {
        "settings": TrainSettings().as_json(),
        "accuracy": 0.9,
        "accuracy_interval": [0.8, 0.95],
        "test_images": 40,
        "size_bytes": {"tflite": 4_000_000},
        "images_per_second": 88.0,
        "confusion_matrix": [[9, 1], [3, 27]],
        "calibration": {
            "ece": 0.05,
            "points": [{"confidence": 0.85, "accuracy": 0.9, "images": 40}],
        },
        "unknown": {"threshold": 0.61, "false_rejections": 0.04, "caught": None},
        "per_class": {
            "a": {"images": 10, "precision": 0.75, "recall": 0.9, "f1": 0.82},
            "b": {"images": 30, "precision": 0.96, "recall": 0.9, "f1": 0.93},
        },
        "test_predictions": [
            {"path": "a/1.jpg", "true": "a", "predicted": "b", "probability": 0.7},
            {"path": "b/1.jpg", "true": "b", "predicted": "b", "probability": 0.9},
        ],
    }
    history = {"loss": [1.0, 0.5], "validation_loss": [1.1, 0.7], "accuracy": [0.5, 0.9]}
    model = FinalModel(
        "mobile", "mobilenet_v2_1.0_224", ["a", "b"], str(folder), history, receipt, now()
    )
    with project.store.write() as connection:
        models.add(connection, model)
    return model


# -- welcome ---------------------------------------------------------------------------


def test_without_a_dataset_the_welcome_page_says_how_to_begin() -> None:
    app = run_app()
    assert "Find and fix wrong image labels" in texts(app)
    assert {"Open", "Make the demo dataset"} <= labels(app)


def test_a_path_that_is_no_folder_is_answered_in_one_line() -> None:
    app = run_app()
    app.text_input(key="folder").set_value("/no/such/folder")
    button(app, "Open").click().run()
    assert not app.exception
    assert "/no/such/folder: not a folder" in texts(app)


def test_opening_a_folder_shows_it_and_remembers_it(fresh_project: Project) -> None:
    app = run_app()
    app.text_input(key="folder").set_value(str(fresh_project.root))
    button(app, "Open").click().run()
    assert not app.exception
    assert app.query_params["dataset"]
    assert shared().recent()[0].root == str(fresh_project.root)


def test_an_unknown_address_leads_to_the_welcome_page_with_the_reason() -> None:
    app = AppTest.from_file(str(server.SCRIPT), default_timeout=TIMEOUT_SECONDS)
    app.query_params["dataset"] = "0" * 12
    app.run()
    assert not app.exception
    assert "was not opened here before" in texts(app)


def test_a_dataset_from_the_environment_that_is_gone_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLEANER_DATASET", "/no/such/folder")
    assert "/no/such/folder: not a folder" in texts(run_app())


def test_another_folder_can_be_opened_from_every_page(project: Project) -> None:
    app = run_app(project)
    button(app, "Open another dataset").click().run()
    assert not app.exception
    assert "Find and fix wrong image labels" in texts(app)
    assert "shapes" in texts(app)


# -- overview --------------------------------------------------------------------------


def test_a_new_dataset_offers_to_find_suspect_labels(
    fresh_project: Project, idle_workers: None
) -> None:
    app = run_page(fresh_project, "overview")
    button(app, "Find suspect labels").click().run()
    assert [kind for kind, _settings in started(fresh_project)] == ["score"]


def test_the_overview_of_a_scored_dataset_leads_to_its_queue(project: Project) -> None:
    app = run_page(project, "overview")
    assert "10 images await your decision" in texts(app)
    button(app, "Review").click().run()
    assert app.session_state["gone"] == "review"


def test_files_that_cannot_be_read_are_listed_with_their_reason(tmp_path: Path) -> None:
    root = make_images(tmp_path / "damaged", each=2)
    (root / "circle" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    project = Project(root)
    project.scan()
    tables = [one.value for one in run_page(project, "overview").dataframe]
    assert "circle/broken.jpg" in list(tables[-1]["file"])
    assert "unreadable" in list(tables[0]["what"])
    project.store.close()


def test_the_overview_tells_which_class_became_which(project: Project) -> None:
    first, second = project.queue(limit=2)
    project.decide([Request(first.item_id, "move", "star"), Request(second.item_id, "exclude")])
    app = run_page(project, "overview")
    table = next(one.value for one in app.dataframe if "Label it came with" in one.value)
    changed = set(zip(table["Label it came with"], table["Label now"], strict=True))
    assert changed == {("circle", "star"), ("circle", "(excluded)")}
    app.segmented_control(key="flow").set_value("What the queue suggests").run()
    assert not app.exception
    table = next(one.value for one in app.dataframe if "Suggested label" in one.value)
    assert int(table["Images"].sum()) == 8


def test_the_overview_names_small_classes(project: Project) -> None:
    tables = [one.value for one in run_page(project, "overview").dataframe]
    assert "small classes" in list(tables[0]["what"])


def test_before_a_round_there_is_nothing_to_say_of_rounds(fresh_project: Project) -> None:
    assert "Nothing is ranked yet" in texts(run_page(fresh_project, "rounds"))


def test_the_rounds_page_says_whether_to_go_on(project: Project) -> None:
    draw_lots(project, flagged=[item.path for item in project.queue()])
    assert "not known" in texts(run_page(project, "rounds"))
    project.set_sampling(Sampling(size=20))
    blind = [item.item_id for item in project.selected(Selection(status="blind")).items]
    project.decide([Request(item_id, "accept") for item_id in blind])
    page = run_page(project, "rounds")
    assert any("still await a decision" in one.value for one in page.text)
    (_rounds, left) = (one.value for one in page.dataframe)
    assert set(left["Class"]) == set(project.class_names())
    assert any("still await a decision" in one.value for one in run_page(project, "overview").text)


def test_the_rounds_page_leads_to_the_images_to_look_at_blind(project: Project) -> None:
    draw_lots(project)
    page = run_page(project, "rounds")
    next(one for one in page.button if one.label == "Review blind").click().run()
    assert page.session_state["gone"] == "review"


def test_the_demo_tells_how_many_planted_errors_were_found(project: Project) -> None:
    first = project.dataset().items[0]
    lines = f"content_hash,true_label,given_label\n{first.content_hash},star,circle\n"
    (project.state / "truth.csv").write_text(lines, "utf-8")
    assert "Errors found 0 of 1" in texts(run_page(project, "overview"))
    project.decide([Request(first.item_id, "move", "star")])
    assert "Errors found 1 of 1" in texts(run_page(project, "overview"))


def test_after_the_last_decision_the_overview_offers_the_next_round(
    project: Project, idle_workers: None
) -> None:
    project.decide([Request(item.item_id, "move", "star") for item in project.queue()])
    app = run_page(project, "overview")
    button(app, "Clean and retrain").click().run()
    assert [kind for kind, _settings in started(project)] == ["round"]


# -- review ----------------------------------------------------------------------------


def test_review_without_a_round_says_what_comes_first(fresh_project: Project) -> None:
    app = run_page(fresh_project, "review")
    assert "Nothing is ranked yet" in texts(app)
    assert "Find suspect labels" in labels(app)


def test_the_review_page_counts_what_the_round_changed(project: Project) -> None:
    queue = project.queue()
    project.decide([Request(queue[0].item_id, "accept"), Request(queue[1].item_id, "exclude")])
    assert "2 reviewed · 1 changed" in texts(run_page(project, "review"))


@pytest.mark.parametrize(("ticked", "kind"), [(True, "round"), (False, "score")])
def test_clean_and_retrain_moves_files_unless_told_otherwise(
    project: Project, idle_workers: None, *, ticked: bool, kind: str
) -> None:
    app = run_page(project, "review")
    app.checkbox(key="move-files").set_value(ticked)
    button(app, "Clean and retrain").click().run()
    assert [started_kind for started_kind, _settings in started(project)] == [kind]


def test_a_switch_shows_the_queue_one_by_one_or_as_a_grid(project: Project) -> None:
    app = run_page(project, "review")
    assert components(app) == ["deck"]
    app.segmented_control(key="view").set_value("Grid").run()
    assert not app.exception
    assert components(app) == ["grid"]


def test_second_opinions_are_asked_for_and_the_rest_is_settled_from_the_review(
    project: Project,
) -> None:
    project.decide([Request(1, "move", "star"), Request(2, "accept")], reviewer="ann")
    app = run_page(project, "review")
    assert "to settle" not in " ".join(labels(app))
    app.segmented_control(key="view").set_value("Second opinion").run()
    assert components(app) == ["second"]
    button(app, "Ask").click().run()
    assert "Asked about 2 images." in texts(app)
    assert "2 wait for an opinion · none given yet" in texts(app)
    about = {one.item_id: one.op_id for one in project.history()}
    project.decide(
        [Request(1, "accept", about=about[1]), Request(2, "accept", about=about[2])],
        reviewer="ben",
    )
    app.run()
    assert "0 wait for an opinion · 1 of 2 agree (50%) · Cohen's kappa 0.00" in texts(app)
    button(app, "1 to settle").click().run()
    assert not app.exception
    assert components(app) == ["deck"]
    assert app.query_params["status"] == "disputed"
    history = run_page(project, "history")
    assert "1 to settle, on the page Review." in texts(history)


# -- jobs ------------------------------------------------------------------------------


def test_a_crashed_worker_shows_its_last_words_and_can_be_started_again(
    project: Project, idle_workers: None
) -> None:
    add_job(project, state="failed", error="The disk is full.", finished_at=now())
    app = run_page(project, "review")
    assert "The disk is full." in texts(app)
    button(app, "Start again").click().run()
    assert started(project) == [("score", {"views": 2})] * 2


def test_a_failure_that_was_read_can_be_put_away(project: Project) -> None:
    add_job(project, state="failed", error="The disk is full.", finished_at=now())
    app = run_page(project, "overview")
    button(app, "Dismiss").click().run()
    assert "The disk is full." not in texts(app)


def test_a_running_job_shows_progress_and_can_be_cancelled(project: Project) -> None:
    values = {"state": "running", "stage": "Looking", "done": 5, "total": 20, "pid": os.getpid()}
    job_id = add_job(project, **values, curves={"loss": [1.0, 0.5]}, message="a **bold** name")
    with (jobs.jobs_folder(project) / "worker.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        app = run_page(project, "train")
        assert "Looking · 5 of 20" in texts(app)
        assert "a **bold** name" in [one.value for one in app.text]
        button(app, "Cancel").click().run()
    assert jobs.get(project, job_id).cancel_requested


# -- train and model -------------------------------------------------------------------


def test_scoring_starts_with_the_settings_of_the_form(project: Project, idle_workers: None) -> None:
    app = run_page(project, "train")
    app.number_input[0].set_value(4)
    app.multiselect[0].set_value(["efficientnet_lite0", "mobilenet_v2_1.0_224"])
    next(one for one in app.selectbox if one.label == "Features in").set_value("disk")
    button(app, "Score the images").click().run()
    kind, settings = started(project)[0]
    assert kind == "score"
    assert settings["views"] == 4
    assert settings["features"] == "disk"
    assert settings["backbones"] == ["efficientnet_lite0", "mobilenet_v2_1.0_224"]


@pytest.mark.skipif(not engine.is_chosen(), reason="requirements-ray.txt is not installed")
def test_workers_of_a_cluster_share_a_gpu_as_the_form_says(
    project: Project, idle_workers: None
) -> None:
    app = run_page(project, "train")
    next(one for one in app.selectbox if one.label == "Engine").set_value("ray")
    next(one for one in app.number_input if one.label == "GPUs a worker").set_value(0.25)
    button(app, "Score the images").click().run()
    _kind, settings = started(project)[0]
    assert (settings["engine"], settings["address"]) == ("ray", "")
    assert (settings["cores_per_worker"], settings["gpus_per_worker"]) == (1, 0.25)


def test_a_network_can_be_fine_tuned_from_the_form(project: Project, idle_workers: None) -> None:
    app = run_page(project, "train")
    app.radio[0].set_value("finetune")
    chosen = next(one for one in app.selectbox if one.label == "Network to fine-tune")
    chosen.set_value("mobilenet_v2_1.0_224")
    button(app, "Score the images").click().run()
    _kind, settings = started(project)[0]
    assert settings["mode"] == "finetune"
    assert settings["fine_tune_backbone"] == "mobilenet_v2_1.0_224"
    assert settings["fine_tune_side_px"] is None


def test_scoring_without_a_backbone_is_answered_in_one_line(
    project: Project, idle_workers: None
) -> None:
    app = run_page(project, "train")
    app.multiselect[0].set_value([])
    button(app, "Score the images").click().run()
    assert "at least one backbone" in texts(app)
    assert started(project) == []


def test_the_final_model_is_trained_from_the_form(project: Project, idle_workers: None) -> None:
    app = run_page(project, "model")
    app.multiselect[0].set_value(["mobilenet_v1_1.0_224"])
    button(app, "Train").click().run()
    kind, settings = started(project)[0]
    assert kind == "train"
    assert settings == TrainSettings("mobilenet_v1_1.0_224").as_json()


def test_the_whole_recipe_is_on_the_form(project: Project, idle_workers: None) -> None:
    app = run_page(project, "model")
    for box, value in (("Learning rate falls", "step"), ("Rare classes weigh more", "inverse")):
        next(one for one in app.selectbox if one.label == box).set_value(value)
    for box, number in (("Label smoothing", 0.2), ("Distillation: say of the committee", 0.5)):
        next(one for one in app.number_input if one.label == box).set_value(number)
    next(one for one in app.text_input if one.label == "Fine-tune from layer").set_value("100")
    button(app, "Train").click().run()
    wanted = TrainSettings(
        schedule="step",
        class_weights="inverse",
        label_smoothing=0.2,
        distil=0.5,
        fine_tune_from="100",
    )
    assert started(project) == [("train", wanted.as_json())]


def test_several_models_are_trained_from_the_form(project: Project, idle_workers: None) -> None:
    app = run_page(project, "model")
    app.multiselect[0].set_value(["efficientnet_lite2", "mobilenet_v2_1.0_224"])
    button(app, "Train").click().run()
    kind, settings = started(project)[0]
    assert kind == "grid"
    assert settings["models"] == ["efficientnet_lite2", "mobilenet_v2_1.0_224"]


def test_a_trained_model_shows_its_receipt_and_its_files(project: Project) -> None:
    add_model(project)
    app = run_page(project, "model")
    assert "Accuracy 90.0%" in texts(app)
    assert "below 61%; that turns away 4.0% of known images" in texts(app)
    assert "Confidence and accuracy lie 5.0% apart" in texts(app)
    offered = [one.proto.label for one in app.get("download_button")]
    assert offered == ["↓ TensorFlow Lite", "↓ SavedModel (zip)"]
    assert "confusion_matrix" not in json.dumps([one.value for one in app.json])


def keep_receipt(project: Project, *, wrong: int) -> None:
    """Keep a receipt in which the model of `add_model` got one image wrong."""
    found = receipt()
    found["models"][1]["model_id"] = "mobile"
    found["models"][1]["mistakes"][0]["item_id"] = wrong
    receipts.write(project.state, found)


def test_models_are_compared_side_by_side(project: Project) -> None:
    add_model(project)
    keep_receipt(project, wrong=1)
    app = run_page(project, "model")
    (rows,) = (
        one.value.to_dict("records") for one in app.dataframe if "ms a photo" in one.value.columns
    )
    assert [(row["model"], row["file"]) for row in rows] == [
        (model, kind)
        for model in ("efficientnet_lite2", "mobilenet_v2_1.0_224")
        for kind in ("float32", "int8")
    ]
    (lost,) = (
        one.value.to_dict("records") for one in app.dataframe if "F1 beside it" in one.value.columns
    )
    assert [row["beside the largest"] for row in lost] == [-50.0, 0.0]
    (pairs,) = (
        one.value.to_dict("records")
        for one in app.dataframe
        if "more than the largest" in one.value.columns
    )
    assert [(pair["predicted"], pair["more than the largest"]) for pair in pairs] == [("cat", 1)]
    offered = [one.proto.label for one in app.get("download_button")]
    assert offered[2:] == ["↓ Receipt as a page", "↓ as Markdown", "↓ as JSON"]


def test_what_a_model_got_wrong_is_sent_back_to_review(project: Project) -> None:
    add_model(project)
    item_id = project.queue()[0].item_id
    keep_receipt(project, wrong=item_id)
    app = run_page(project, "model")
    button(app, "Review this image").click().run()
    assert app.session_state["gone"] == "review"
    selection = Selection.of_query(app.session_state["asked"])
    assert [item.item_id for item in project.selected(selection).items] == [item_id]


def test_models_can_be_measured_anew(project: Project, idle_workers: None) -> None:
    add_model(project)
    app = run_page(project, "model")
    assert "not been measured on the same images yet" in texts(app)
    button(app, "Measure anew").click().run()
    assert started(project) == [("receipt", {"models": []})]


def test_a_class_is_added_to_a_model(project: Project, idle_workers: None) -> None:
    model = add_model(project)
    app = run_page(project, "model")
    app.button(key="learn-last-layer").click().run()
    ((kind, settings),) = started(project)
    assert kind == "train"
    assert settings["begin_from"] == model.model_id
    assert settings["fine_tune_epochs"] == 0


@pytest.mark.parametrize("by_camera", [False, True])
def test_a_photo_is_tried_from_a_file_or_from_the_camera(project: Project, by_camera: bool) -> None:
    folder = Path(add_model(project).folder)
    shutil.copy(weights_folder() / "mobilenet_v2_1.0_224.tflite", folder / "model.tflite")
    # A network's features taken for probabilities of as many classes.
    (folder / "labels.txt").write_text("".join(f"class {n}\n" for n in range(1280)))
    photo = project.path_of(project.dataset().items[0]).read_bytes()
    app = run_page(project, "model")
    if by_camera:
        app.session_state["trial-source"] = "The camera"
        app.run()
        app.camera_input(key="camera").upload("shot.jpg", photo).run()
    else:
        app.file_uploader(key="photo").upload("photo.jpg", photo, "image/jpeg").run()
    assert not app.exception
    ranked = open_classifier(folder).predict([images.decode(photo)])[0]
    assert f"class {ranked.argmax()}: {ranked.max():.1%}" in texts(app)
    assert ("Better answered “unknown”" in texts(app)) == (ranked.max() < 0.61)


def test_a_model_whose_files_are_gone_says_so(project: Project) -> None:
    shutil.rmtree(add_model(project).folder)
    assert "files of this model are gone" in texts(run_page(project, "model"))


def test_the_next_step_after_training_is_the_model(project: Project) -> None:
    project.decide([Request(item.item_id, "accept") for item in project.queue()])
    open_round(project, flagged=0)
    add_model(project)
    assert "The model is ready" in texts(run_page(project, "overview"))


def test_an_upgrade_of_the_database_is_told_where_its_copy_is(tmp_path: Path) -> None:
    root, state = make_images(tmp_path / "old", each=2), tmp_path / "state"
    state.mkdir()
    dump = Path(__file__).parent.parent / "store" / "versions" / "version-1.sql"
    with closing(sqlite3.connect(state / "cleaner.sqlite")) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    app = run_app(shared().get(shared().open(root, state)))
    assert "from version 1 to 4" in texts(app)
    app.run()
    assert "from version 1 to 4" not in texts(app)  # once is enough
