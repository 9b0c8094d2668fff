"""One dataset with its store: open, scan, decide, undo, apply, status.

Everything here is quick enough for a page; what takes minutes is a job (`cleaner.jobs`).
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from cleaner import (
    blindness,
    given_splits,
    intake,
    leasing,
    origins,
    outlook,
    piles,
    recording,
    sampling,
)
from cleaner.addresses import Address, located
from cleaner.decisions import (
    STATUS_AFTER,
    Decision,
    FileMove,
    Plan,
    ReviewItem,
    Round,
)
from cleaner.engines import Engine
from cleaner.errors import DatasetError, NotScored, StoreError, UnknownItem
from cleaner.intake import Intake
from cleaner.items import Dataset, Finding, Item, Status, shown_path
from cleaner.leasing import Demand, Handed
from cleaner.logbook import Entry, Standing, Wanted
from cleaner.origins import SCANNED
from cleaner.outlook import Outlook
from cleaner.progress import Progress, Report, silent
from cleaner.recording import Recorded, Request
from cleaner.sampling import Sampling
from cleaner.selection import QUEUE, Selection
from cleaner.store import (
    catalogue,
    class_edits,
    decisions,
    findings,
    logbook,
    models,
    opening,
    picks,
    points,
    rounds,
    selected,
)
from cleaner.store import moves as journal
from cleaner.store.address import open_store
from cleaner.store.models import FinalModel
from cleaner.store.points import Point
from cleaner.store.selected import FIRST, Page, Pair

STATE_SUFFIX = ".cleaner"
_SCAN_ATTEMPTS = 5
_UNDONE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: decisions, the latest first, and (path, reason) of files that stayed."""

    decisions: tuple[Decision, ...]
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Planted:
    """How a review of the demo stands: errors planted, and planted errors put right."""

    planted: int
    found: int


def default_state(root: Path) -> Path:
    """Return the folder beside the dataset that holds all that is not an image of it.

    Raises:
        StoreError: nothing can be kept beside an address.
    """
    if isinstance(root, Address):
        raise StoreError(
            f"{root}: what is remembered of it cannot lie beside it. Name a folder with --state."
        )
    return root.parent / (root.name + STATE_SUFFIX)


class Project:
    """A dataset, a folder or a manifest, and what is known about it.

    Opening one finishes or reverts file moves that a crash left open (see `recovered`), and
    brings a database of an earlier version up to date (see `store.upgrade`).

    Args:
        root: the folder that holds the class folders, or a manifest, which may have an address.
        state: where all lies that is not an image of it; beside the dataset by default.
        store: the URL of a PostgreSQL database instead of a file in the state folder; needs
            to be named once only.

    Raises:
        DatasetError: `root` is neither a folder nor a manifest.
        StoreError: the state folder cannot be made or its database not opened.
    """

    def __init__(self, root: Path, state: Path | None = None, store: str | None = None) -> None:
        self.root = located(root)  # without "..": the state folder is named after the last part
        self.state = (state or default_state(self.root)).expanduser().absolute()
        self.origin = origins.open_origin(self.root, self.state)
        try:
            self.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.state}: cannot make the state folder ({error.strerror}). "
                "Name a folder you can write to with --state."
            ) from error
        self.store = open_store(self.state, shown_path(str(self.root)), store)
        self.recovered: tuple[FileMove, ...] = self.origin.recover(self.store)
        opening.settle(self.store)

    def is_there(self) -> bool:
        """Tell whether dataset and database were not deleted under us."""
        return self.origin.is_there() and self.state.is_dir() and self.store.is_there()

    # -- looking ---------------------------------------------------------------------

    def dataset(self) -> Dataset:
        """Return the catalogue as it is now."""
        with self.store.read() as connection:
            names = catalogue.class_names(connection)
            return Dataset(self.root, names, catalogue.all_items(connection))

    def class_names(self) -> tuple[str, ...]:
        """Return the classes in their order."""
        with self.store.read() as connection:
            return catalogue.class_names(connection)

    def findings(self, *, limit: int | None = None) -> tuple[Finding, ...]:
        """Return what is found and not dismissed; with a limit, the most severe ones first."""
        with self.store.read() as connection:
            return findings.all_findings(connection, limit=limit)

    def finding_counts(self) -> dict[str, int]:
        """Return how many findings of each kind there are, without dismissed ones."""
        with self.store.read() as connection:
            return findings.counts(connection)

    def finding_kinds(self) -> dict[tuple[str, str], int]:
        """Return how many findings of each kind and severity there are, without dismissed."""
        with self.store.read() as connection:
            return findings.severities(connection)

    def label_flow(self) -> dict[tuple[str, str, Status], int]:
        """Return how many images have each given label, current label and status."""
        with self.store.read() as connection:
            return catalogue.label_flow(connection)

    def suggestions(self) -> dict[tuple[str, str], int]:
        """Return how many images in the queue have each current and suggested label."""
        with self.store.read() as connection:
            return rounds.suggestions(connection)

    def pick(self, item_ids: Collection[int]) -> str:
        """Keep these images for `Selection.picked` and return their name."""
        with self.store.write() as connection:
            return picks.keep(connection, item_ids, datetime.now(UTC).isoformat())

    def picked(self, name: str) -> list[int]:
        """Return the numbers of images that were kept under a name; none if it was forgotten."""
        with self.store.read() as connection:
            return picks.picked(connection, name)

    def points(self, item_ids: Sequence[int]) -> dict[int, Point]:
        """Return how these images stand, by their number, without those that are gone."""
        with self.store.read() as connection:
            return points.points(connection, item_ids)

    def file_of(self, item_id: int) -> Path:
        """Return where an image's file lies now.

        Raises:
            UnknownItem: no image has this number.
        """
        with self.store.read() as connection:
            item = catalogue.item(connection, item_id)
        if item is None:
            raise UnknownItem(f"No image has the number {item_id}.")
        return self.path_of(item)

    def path_of(self, item: Item) -> Path:
        """Return where an item's file lies, which may be an address."""
        return self.origin.path_of(item)

    def reach_of(self, item: Item) -> Path:
        """Return the folder that a link in place of an item's file must not lead out of."""
        return self.origin.reach_of(item)

    def queue(self, *, after: int = -1, limit: int | None = None) -> list[ReviewItem]:
        """Return images that await a decision, worst first, behind rank `after`.

        Raises:
            NotScored: no round has ranked the images yet.
        """
        with self.store.read() as connection:
            self._require_round(connection)
            return rounds.queue_page(connection, after=after, limit=limit)

    def selected(
        self,
        selection: Selection,
        *,
        after: str = FIRST,
        limit: int | None = None,
        without_blind: bool = False,
    ) -> Page:
        """Return images of a selection, in its order, behind the place that a page named.

        Those that are to be looked at blind are among it unless they are left out.

        Raises:
            NotScored: no round has ranked the images yet.
            SelectionError: `after` is no place in this order.
        """
        with self.store.read() as connection:
            self._require_round(connection)
            return selected.page(
                connection, selection, after=after, limit=limit, without_blind=without_blind
            )

    def told(self, images: Sequence[ReviewItem]) -> tuple[list[ReviewItem], frozenset[int]]:
        """Return images as a person may see them now, and which of them stay blind."""
        with self.store.read() as connection:
            return blindness.told(connection, images)

    def hand_out(
        self,
        holder: str,
        demand: Demand,
        selection: Selection = QUEUE,
        *,
        after: str = FIRST,
        plain: bool = False,
    ) -> Handed:
        """Return images of a selection that nobody else has in hand, and keep them for `holder`.

        Among the queue come images that were drawn by lot, unless it is to be `plain`.

        Raises:
            NotScored: no round has ranked the images yet.
            SelectionError: `after` is no place in this order.
        """
        with self.store.read() as connection:
            self._require_round(connection)
        is_mixed = not plain and selection == QUEUE and after in (FIRST, "-1")
        pile = piles.Mixed() if is_mixed else piles.Selected(selection, after)
        return leasing.hand_out(self.store, holder, pile, demand)

    def place_of(self, selection: Selection, item: ReviewItem) -> str:
        """Return the place of an image in the order of a selection, as `selected` names it."""
        with self.store.read() as connection:
            return selected.place_of(connection, selection, item.item_id)

    def pairs(self, selection: Selection, *, limit: int | None = None) -> list[Pair]:
        """Return which labels of a selection are suggested which others, and how often.

        Raises:
            NotScored: no round has ranked the images yet.
        """
        with self.store.read() as connection:
            self._require_round(connection)
            return selected.pairs(connection, selection, limit=limit)

    def ranking(self, *, after: int = -1, limit: int | None = None) -> list[ReviewItem]:
        """Return all ranked images, reviewed or not, worst first, behind rank `after`.

        Raises:
            NotScored: no round has ranked the images yet.
        """
        with self.store.read() as connection:
            self._require_round(connection)
            return rounds.ranking_page(connection, after=after, limit=limit)

    def _require_round(self, connection: Connection) -> int:
        number = rounds.latest(connection)
        if number is None:
            raise NotScored(
                f"{self.root}: nothing is ranked yet. Run `python -m cleaner score` on it, "
                "or press the button in the app."
            )
        return number

    def outlook(self) -> Outlook:
        """Return what each round brought, how many errors are left, and whether to go on."""
        with self.store.read() as connection:
            return outlook.look(connection)

    def sampling(self) -> Sampling:
        """Return how images are drawn at random, to be looked at blind."""
        with self.store.read() as connection:
            return sampling.sampling(connection)

    def set_sampling(self, wanted: Sampling) -> None:
        """Draw images in this way from now on; which ones come first stays as it was drawn."""
        with self.store.write() as connection:
            sampling.set_sampling(connection, wanted)

    def rounds(self) -> list[Round]:
        """Return all rounds, the first one first."""
        with self.store.read() as connection:
            return rounds.history(connection)

    def history(self, *, limit: int | None = None) -> list[Decision]:
        """Return the log of decisions, undos included, the latest first."""
        with self.store.read() as connection:
            return decisions.history(connection, limit=limit)

    def log(
        self, wanted: Wanted, *, before: int | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Return entries of the log in front of number `before`, the latest first."""
        with self.store.read() as connection:
            return logbook.page(connection, wanted, before=before, limit=limit)

    def log_length(self, wanted: Wanted) -> int:
        """Return how many entries of the log are wanted."""
        with self.store.read() as connection:
            return logbook.count(connection, wanted)

    def reviewers(self) -> list[str]:
        """Return everybody who decided something."""
        with self.store.read() as connection:
            return logbook.reviewers(connection)

    def standing(self, round_id: int | None = None) -> Standing:
        """Return what an undo of a round, or of everything, would take back."""
        with self.store.read() as connection:
            return logbook.standing(connection, round_id)

    def built_on(self, decision: Decision) -> list[Decision]:
        """Return the decisions to take back with this one: later ones of its image, then it."""
        with self.store.read() as connection:
            return logbook.chain(connection, decision)

    def models(self) -> list[FinalModel]:
        """Return the final models, the latest first."""
        with self.store.read() as connection:
            found = models.all_models(connection)
        # Where they lie now: the state folder may have been moved since.
        home = self.state / "models"
        return [replace(model, folder=str(home / model.model_id)) for model in found]

    def status(self) -> dict[str, Any]:
        """Return the numbers a person wants first, as plain values."""
        with self.store.read() as connection:
            latest = rounds.latest(connection)
            counts = catalogue.counts(connection)
            names = catalogue.class_names(connection)
            awaiting = rounds.queue_length(connection)
            misplaced = self.origin.due(connection)
        statuses = dict.fromkeys(("unreviewed", *STATUS_AFTER.values()), 0)
        classes = dict.fromkeys(names, 0)
        for (status, label), count in counts.items():
            statuses[status] += count
            if status != "excluded":
                classes[label] = classes.get(label, 0) + count
        planted = self.planted()
        return {
            "root": shown_path(str(self.root)),
            "state": shown_path(str(self.state)),
            "store": shown_path(self.store.shown),
            "images": sum(statuses.values()),
            "classes": {shown_path(name): count for name, count in classes.items()},
            "decided": statuses,
            "round": latest,
            "awaiting_review": awaiting,
            "moves_to_apply": misplaced,
            "planted_errors": None if planted is None else planted.planted,
            "planted_errors_found": None if planted is None else planted.found,
        }

    def planted(self) -> Planted | None:
        """Return how many errors planted in a demo were put right; None without a truth."""
        truth_file = self.state / "truth.csv"
        if not truth_file.is_file():
            return None
        with truth_file.open(newline="", encoding="utf-8") as lines:
            truth = {row["content_hash"]: row["true_label"] for row in csv.DictReader(lines)}
        planted = found = 0
        with self.store.read() as connection:
            lineage = class_edits.lineage(connection)
            for content_hash, given, current, status in catalogue.labels(connection):
                if truth.get(content_hash, given) != given:
                    planted += 1
                    true_label = lineage.of_item(truth[content_hash], 0)
                    found += status == "excluded" or current == true_label
        return Planted(planted, found)

    # -- scanning --------------------------------------------------------------------

    def hold_out(self, *, validation: float, test: float) -> None:
        """Say what share of the images that come from now on is kept from training.

        Raises:
            SettingsError: the shares leave nothing to train on.
        """
        with self.store.write() as connection:
            intake.hold_out(connection, validation=validation, test=test)

    def scan(self, report: Report = silent, engine: Engine | None = None) -> Intake:
        """Walk the class folders, or the rows of the manifest, and bring the catalogue up to date.

        Without an engine the files are read in this process.

        Raises:
            DatasetError: there is nothing to work with.
        """

        def tell(done: int, total: int, path: str) -> None:
            report(Progress("Reading the images", done, total, shown_path(path)))

        for _attempt in range(_SCAN_ATTEMPTS):
            with self.store.read() as connection:
                known = intake.as_scanned(catalogue.known_files(connection))
                moved_before = journal.progress(connection)
            found = self.origin.scan(known, tell, engine)
            report(Progress("Looking for duplicates"))
            examined = intake.examine(found)
            with self.store.write() as connection:
                # Files that an apply or undo moved meanwhile would look as if somebody had
                # moved them by hand; walk again.
                if journal.progress(connection) == moved_before:
                    facts = {"root": shown_path(str(self.root)), SCANNED: found.version}
                    catalogue.set_facts(connection, facts)
                    given = given_splits.read(self.state)
                    return intake.take_in(connection, examined, given)
        raise DatasetError(
            f"{shown_path(str(self.root))}: files keep being moved while they are read. "
            "Wait until `apply` or `undo` has ended, then scan again."
        )

    # -- deciding --------------------------------------------------------------------

    def decide(
        self, requests: Iterable[Request], *, reviewer: str = "", all_or_none: bool = False
    ) -> Recorded:
        """Record decisions and opinions, each exactly once, in one transaction.

        Args:
            requests: what the reviewer asks for, in order.
            reviewer: a name for the log; goes before what the requests say.
            all_or_none: record nothing if any request is rejected.
        """
        return recording.record(
            self.store, list(requests), reviewer=reviewer, all_or_none=all_or_none
        )

    def undo(
        self,
        *,
        last: int = 1,
        round_id: int | None = None,
        reviewer: str = "",
        report: Report = silent,
    ) -> Undone:
        """Take back the latest decisions, and the file moves that followed from them.

        Args:
            last: how many, if no round is named.
            round_id: take back all that was decided in this round. An image that was decided
                again in a later one keeps what that says.
            reviewer: a name for the log.
            report: told how far it is.

        Returns:
            What was taken back, and which files could not follow.

        Raises:
            ApplyBusy: somebody else is moving files; the decisions are taken back, and the
                files follow on the next apply.
        """
        limit = None if round_id is not None else last
        with self.store.read() as connection:
            back = decisions.standing(connection, limit=limit, round_id=round_id)
        return self._take_back(back, reviewer, report)

    def undo_all(self, *, reviewer: str = "", report: Report = silent) -> Undone:
        """Take back every decision that stands, as `undo` does.

        Stopped before its end, what was taken back stays so, and the rest stands.
        """
        with self.store.read() as connection:
            back = decisions.standing(connection)
        return self._take_back(back, reviewer, report)

    def undo_decisions(self, op_ids: Sequence[str], *, reviewer: str = "") -> Undone:
        """Take back these decisions, whoever made them, the latest first, as `undo` does.

        Raises:
            UndoRefused: one of them is no decision, was undone before, or has decisions of the
                same image built on it that are not named as well; nothing is taken back.
        """
        with self.store.read() as connection:
            back = logbook.undoable(connection, op_ids)
        return self._take_back(back, reviewer, silent)

    def _take_back(self, back: Sequence[Decision], reviewer: str, report: Report) -> Undone:
        taken: list[Decision] = []
        # In parts, so that other people's decisions do not wait for the end of a long list.
        for start in range(0, len(back), _UNDONE_AT_ONCE):
            report(Progress("Taking decisions back", start, len(back)))
            part = {
                str(uuid.uuid4()): decision for decision in back[start : start + _UNDONE_AT_ONCE]
            }
            outcome = self.decide(
                [
                    Request(decision.item_id, "undo", op_id=op_id, undoes=decision.op_id)
                    for op_id, decision in part.items()
                ],
                reviewer=reviewer,
            )
            taken += [part[op_id] for op_id in outcome.recorded]
        report(Progress("Moving files back"))
        return Undone(tuple(taken), self._brought_back(taken))

    def _brought_back(self, taken: Sequence[Decision]) -> tuple[tuple[str, str], ...]:
        return self.origin.follow(self.store, {decision.item_id for decision in taken})

    # -- moving ----------------------------------------------------------------------

    def plan_moves(self) -> Plan:
        """Return what `apply` would move, or write otherwise into a new manifest."""
        return self.origin.plan(self.store)

    def apply(self, report: origins.Report | None = None) -> origins.Applied:
        """Make the class folders match the decisions, or write a new manifest that does.

        Files move journalled and without overwriting; a manifest is only read.

        Raises:
            ApplyBusy: somebody else is moving files of this dataset.
            MoveError: nothing can be moved at all, such as on a read-only disk, or the manifest
                is another one than was scanned.
        """
        return self.origin.apply(self.store, report)
