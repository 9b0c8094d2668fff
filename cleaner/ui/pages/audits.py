"""What audits found, a lane for each kind: look at it, and settle many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import streamlit as st

from cleaner import lanes
from cleaner.errors import CleanerError
from cleaner.items import Item, shown_path
from cleaner.lanes import Batch, Part, Proposal
from cleaner.project import Project
from cleaner.recording import Recorded
from cleaner.selection import Selection
from cleaner.store.findings import OpenFinding
from cleaner.ui import actions, engine, job_panel, lane_words, session, thumbnails
from cleaner.ui.lane_words import Lane
from cleaner.ui.log_words import counted

# Of a page; the rest is asked for when somebody turns it.
GROUPS_SHOWN = 8
IMAGES_SHOWN = 25
FILES_SHOWN = 40
_IN_A_ROW = 5
_PREVIEWED = 6
# An address names no more images than that; the rest is reached by the next one.
MOST_REVIEWED = 5_000
# More images are excluded, or brought back, by a job that says how far it is.
MOST_AT_ONCE = 1_000
_NEW_FILES = "Looks at files that are new or were changed since."
_ALL_BUT, _ONLY = "All but the selected", "Only the selected"

Go = Callable[..., None]


def draw(project: Project, key: str, go: Go) -> None:
    """Draw the page for the dataset with this key.

    `go` opens another one by name, with parameters for its address.
    """
    st.title("Audits")
    busy = job_panel.draw(project, with_curves=False) is not None
    known = lane_words.lanes_of(lanes.by_severity(project))
    _tell_done(project)
    if not known:
        _nothing(project)
        _read_again(project, busy=busy)
        return
    left, right = st.columns([1, 3.4], gap="large")
    with left:
        lane = _chosen(known)
        if not project.rounds():
            st.markdown("Mirrored or cropped copies and images off the topic come with the score.")
        _read_again(project, busy=busy)
    with right:
        _Desk(project, key, lane, go).draw()


def _nothing(project: Project) -> None:
    if not project.status()["images"]:
        st.markdown("The folder was not read yet. First find the suspect labels, on Review.")
    else:
        st.markdown("Nothing stands out: no copies, no odd files.")


def _read_again(project: Project, *, busy: bool) -> None:
    """Offer to look at what is new in the folder; where, if there is a choice."""
    words = "Read the folder again"
    if not engine.is_chosen():
        if st.button(words, disabled=busy, key="audit-scan", help=_NEW_FILES):
            job_panel.start(project, "scan", {})
        return
    with st.popover(words, disabled=busy, help=_NEW_FILES):
        used = actions.score_settings(project)
        where = engine.ask(used, "Where the files are read", [st, st, st])
        if st.button("Read it", type="primary", key="audit-scan"):
            job_panel.start(project, "scan", where)


def _chosen(known: Sequence[Lane]) -> Lane:
    by_name = {lane.name: lane for lane in known}
    if st.session_state.get("lane") not in by_name:
        st.session_state["lane"] = known[0].name

    def words(name: str) -> str:
        lane = by_name[name]
        return f"{lane.title} · {lane.findings:,}"

    name = st.radio(
        "Lane", list(by_name), format_func=words, key="lane", label_visibility="collapsed"
    )
    return by_name[name]


# -- what was done last ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Done:
    """What the last action did; `recorded`, or what a job did with a batch, can be taken back."""

    words: str
    recorded: Recorded | None = None
    batch: Batch | None = None


def _tell_done(project: Project) -> None:
    done: _Done | None = st.session_state.get("audit-done")
    if done is None:
        return
    with st.container(border=True, key="audit-done-panel"):
        words, undo, away = st.columns([5, 1.2, 1.2], vertical_alignment="center")
        words.text(done.words)
        if done.batch is not None and undo.button("Undo", key="audit-undo", width="stretch"):
            _start(project, "include", done.batch, _Done("They come back."))
        if done.recorded is not None and undo.button("Undo", key="audit-undo", width="stretch"):
            with st.spinner("Taking it back …"):
                back = lanes.take_back(project, done.recorded, reviewer=session.reviewer())
            number = counted(len(back.recorded), "decision")
            st.session_state["audit-done"] = _Done(f"{number} taken back.")
            st.rerun()
        if away.button("OK", key="audit-ok", width="stretch"):
            del st.session_state["audit-done"]
            st.rerun()


def _start(project: Project, kind: str, batch: Batch, done: _Done) -> None:
    """Start a job on a batch; what it does is told from then on, unless it does not start."""
    before = st.session_state.get("audit-done")
    st.session_state["audit-done"] = done
    job_panel.start(project, kind, asdict(batch))
    st.session_state["audit-done"] = before


# -- one lane ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Desk:
    """One lane as it is drawn, and what may be done about it."""

    project: Project
    key: str
    lane: Lane
    go: Go

    def draw(self) -> None:
        st.subheader(self.lane.title)
        if self.lane.about:
            st.markdown(self.lane.about)
        asked = st.session_state.get("audit-asked")
        if asked is not None and asked[0] == self.lane.name:
            self._confirm(asked[1])
            return
        self._actions()
        self._page()

    # -- which findings ------------------------------------------------------------------

    @property
    def _marks(self) -> dict[int, tuple[str, ...]]:
        """The findings that are ticked; numbers of an earlier scan do no harm, see `Marks`."""
        kept: dict[int, tuple[str, ...]] = st.session_state.setdefault(
            f"audit-marks-{self.key}-{self.lane.name}", {}
        )
        return kept

    def _part(self) -> Part:
        marks = dict(self._marks)
        if st.session_state.get("audit-mode") == _ONLY:
            return Part(self.lane.severity, only=marks)
        return Part(self.lane.severity, but=marks)

    def _meant(self) -> int:
        marked = len(self._marks)
        only = st.session_state.get("audit-mode") == _ONLY
        return marked if only else max(0, self.lane.findings - marked)

    # -- actions -------------------------------------------------------------------------

    def _actions(self) -> None:
        if self.lane.findings:
            with st.container(horizontal=True, vertical_alignment="center", key="audit-mode-row"):
                st.segmented_control(
                    "Which",
                    (_ALL_BUT, _ONLY),
                    default=_ALL_BUT,
                    required=True,
                    label_visibility="collapsed",
                    key="audit-mode",
                )
                st.text(f"{self._meant():,} of {counted(self.lane.findings, 'finding')}")
        with st.container(horizontal=True, gap="small", key="audit-actions"):
            if self.lane.findings:
                self._buttons(idle=not self._meant())
            if self.lane.dismissed and st.button(
                f"Bring {self.lane.dismissed:,} dismissed back", key="audit-restore"
            ):
                self._restore()

    def _buttons(self, *, idle: bool) -> None:
        if self.lane.is_of_groups and st.button(
            "Keep one of each …", type="primary", disabled=idle, key="audit-keep"
        ):
            self._ask(lanes.one_kept)
        if self.lane.kind not in lanes.NO_IMAGES:
            if st.button("Exclude …", disabled=idle, key="audit-exclude"):
                self._ask(lanes.all_excluded)
            no_round = not self.project.rounds()
            why = "Comes with the first score." if no_round else None
            if st.button("Open in Review", disabled=idle or no_round, help=why, key="audit-review"):
                self._review()
        if st.button(
            "Dismiss",
            disabled=idle,
            key="audit-dismiss",
            help="They are fine as they are, and later scans do not name them again.",
        ):
            self._dismiss()

    def _ask(self, propose: Callable[[Project, str, Part], Proposal]) -> None:
        with st.spinner("Looking through them …"):
            proposal = propose(self.project, self.lane.kind, self._part())
        # Kept as it is shown, so that what is confirmed is what happens.
        st.session_state["audit-asked"] = (self.lane.name, proposal)
        st.rerun()

    def _review(self) -> None:
        found = lanes.of_kind(self.project, self.lane.kind, self._part(), limit=MOST_REVIEWED)
        numbers = [item.item_id for one in found for item in one.images][:MOST_REVIEWED]
        picked = self.project.pick(numbers)
        self.go("review", Selection(picked=picked, status="any").as_query())

    def _dismiss(self) -> None:
        with st.spinner("Remembering it …"):
            number = lanes.dismiss(
                self.project, self.lane.kind, self._part(), reviewer=session.reviewer()
            )
        self._finish(_Done(f"{counted(number, 'finding')} dismissed: {self.lane.title.lower()}."))

    def _restore(self) -> None:
        number = lanes.restore(self.project, self.lane.kind)
        self._finish(_Done(f"{counted(number, 'finding')} brought back."))

    def _finish(self, done: _Done) -> None:
        self._marks.clear()
        st.session_state["audit-done"] = done
        st.session_state.pop("audit-asked", None)
        st.rerun()

    # -- before something is excluded ----------------------------------------------------

    def _confirm(self, proposal: Proposal) -> None:
        excluded = len(proposal.excluded)
        with st.container(border=True, key="audit-confirm"):
            st.text(lane_words.proposal_sentence(proposal))
            go, keep, _rest = st.columns([2, 1.2, 3])
            press = f"Exclude {counted(excluded, 'image')}"
            if excluded and go.button(press, type="primary", key="audit-go", width="stretch"):
                self._carry_out(proposal)
            if keep.button("Cancel", key="audit-cancel", width="stretch"):
                del st.session_state["audit-asked"]
                st.rerun()
        self._preview(proposal)

    def _preview(self, proposal: Proposal) -> None:
        for number, group in enumerate(proposal.groups[:_PREVIEWED]):
            stays = () if group.kept is None else (group.kept,)
            some = [*stays, *group.excluded]
            with st.container(border=True, key=f"audit-group-proposed-{number}"):
                self._pictures(some[: 2 * _IN_A_ROW], kept=group.kept)
                if len(some) > 2 * _IN_A_ROW:
                    st.text(f"And {len(some) - 2 * _IN_A_ROW:,} more images.")
        if len(proposal.groups) > _PREVIEWED:
            st.text(f"And {counted(len(proposal.groups) - _PREVIEWED, 'more group')}.")

    def _carry_out(self, proposal: Proposal) -> None:
        if len(proposal.excluded) > MOST_AT_ONCE:
            self._carry_out_by_job(proposal)
            return
        try:
            with st.spinner("Writing it down …"):
                recorded = lanes.carry_out(self.project, proposal, reviewer=session.reviewer())
        except CleanerError as error:
            st.error("Nothing was excluded.")
            st.text(shown_path(str(error)))
            return
        if recorded.rejected:
            st.error("Nothing was excluded.")
            st.text(recorded.rejected[0].reason)
            return
        self._finish(_Done(f"{counted(len(recorded.recorded), 'image')} excluded.", recorded))

    def _carry_out_by_job(self, proposal: Proposal) -> None:
        batch = lanes.batch_of(self.project, proposal, reviewer=session.reviewer())
        words = f"{counted(len(proposal.excluded), 'image')} to be excluded."
        asked = st.session_state.pop("audit-asked")
        marks = dict(self._marks)
        self._marks.clear()
        _start(self.project, "exclude", batch, _Done(words, batch=batch))
        st.session_state["audit-asked"] = asked
        self._marks.update(marks)

    # -- a page of findings --------------------------------------------------------------

    def _page(self) -> None:
        size = self._size()
        before = self._place()
        part = Part(self.lane.severity)
        found = lanes.of_kind(self.project, self.lane.kind, part, after=before[-1], limit=size + 1)
        if not found:
            st.markdown("Nothing of this is open.")
        if self.lane.is_of_groups:
            for one in found[:size]:
                self._group(one)
        elif self.lane.kind in lanes.NO_IMAGES:
            for one in found[:size]:
                self._file(one)
        else:
            self._singles(found[:size])
        self._pager(before, found, size)

    def _size(self) -> int:
        if self.lane.is_of_groups:
            return GROUPS_SHOWN
        return FILES_SHOWN if self.lane.kind in lanes.NO_IMAGES else IMAGES_SHOWN

    def _place(self) -> list[int]:
        """Return behind which finding each page up to this one begins."""
        name, before = st.session_state.get("audit-place", (self.lane.name, [0]))
        return list(before) if name == self.lane.name else [0]

    def _pager(self, before: list[int], found: Sequence[OpenFinding], size: int) -> None:
        back, where, on = st.columns([1, 4, 1], vertical_alignment="center")
        if len(before) > 1:
            where.text(f"Page {len(before):,}")
            if back.button("Back", key="audit-back", width="stretch"):
                st.session_state["audit-place"] = (self.lane.name, before[:-1])
                st.rerun()
        if len(found) > size and on.button("More", key="audit-more", width="stretch"):
            last = found[size - 1].finding_id
            st.session_state["audit-place"] = (self.lane.name, [*before, last])
            st.rerun()

    # -- one finding ---------------------------------------------------------------------

    def _group(self, one: OpenFinding) -> None:
        with st.container(border=True, key=f"audit-group-{one.finding_id}"):
            tick, words = st.columns([1, 6], vertical_alignment="center")
            with tick:
                self._tick(one)
            words.text(shown_path(one.finding.detail))
            self._pictures(one.images[:_IN_A_ROW], kept=lanes.settled(one.images).kept)
            if len(one.images) > _IN_A_ROW:
                st.text(f"And {len(one.images) - _IN_A_ROW:,} more.")

    def _singles(self, found: Sequence[OpenFinding]) -> None:
        for start in range(0, len(found), _IN_A_ROW):
            row = st.columns(_IN_A_ROW, gap="small")
            for place, one in zip(row, found[start : start + _IN_A_ROW], strict=False):
                with place.container(gap=None, key=f"audit-image-{one.finding_id}"):
                    for item in one.images[:1]:
                        self._picture(item)
                    st.text(shown_path(one.finding.detail))
                    self._tick(one)

    def _file(self, one: OpenFinding) -> None:
        tick, path, words = st.columns([1, 3, 4], vertical_alignment="center")
        with tick:
            self._tick(one)
        path.text(", ".join(shown_path(path) for path in one.finding.paths))
        words.text(shown_path(one.finding.detail))

    def _tick(self, one: OpenFinding) -> None:
        name = f"audit-tick-{one.finding_id}"
        st.session_state[name] = self._marks.get(one.finding_id) == one.finding.paths
        st.checkbox("Select", key=name, on_change=partial(_mark, self._marks, one, name))

    def _pictures(self, images: Sequence[Item], *, kept: Item | None) -> None:
        for start in range(0, len(images), _IN_A_ROW):
            row = st.columns(_IN_A_ROW, gap="small")
            for place, item in zip(row, images[start : start + _IN_A_ROW], strict=False):
                with place.container(gap=None):
                    stays = kept is not None and item.item_id == kept.item_id
                    self._picture(item, *(["audit-stays"] if stays else []))

    def _picture(self, item: Item, *marks: str) -> None:
        st.html(thumbnails.markup(self.key, item, *marks))
        st.text(shown_path(item.path))
        st.text(lane_words.caption(item))


def _mark(marks: dict[int, tuple[str, ...]], one: OpenFinding, name: str) -> None:
    if st.session_state[name]:
        marks[one.finding_id] = one.finding.paths
    else:
        marks.pop(one.finding_id, None)
