"""Every decision that was made, and the way back from each."""

from __future__ import annotations

from datetime import date, tzinfo
from functools import partial
from typing import get_args

import streamlit as st

from cleaner import jobs
from cleaner.decisions import Action
from cleaner.errors import CleanerError, MoveError
from cleaner.items import shown_path
from cleaner.logbook import Entry, Wanted, sheet
from cleaner.project import Project
from cleaner.ui import clock, job_panel, log_words, second_opinions, session

ENTRIES_SHOWN = 20
_COLUMNS = [0.7, 4, 2.1, 3.6, 1.2]
_NOBODY = "(nobody named)"
_ACTION_WORDS: dict[str, str] = {
    "accept": "Accepted",
    "move": "Moved",
    "exclude": "Excluded",
    "skip": "Skipped",
    "undo": "Taken back",
}
_PLACE = "log_place"
_EVERYTHING = 0  # rounds count from 1


def draw(project: Project, key: str) -> None:
    """Draw the page for the dataset with this key."""
    st.title("History")
    job = job_panel.draw(project, with_curves=False)
    _tell_undone(project)
    here = clock.zone(st.context.timezone)
    everything = project.log_length(Wanted())
    if not everything:
        st.markdown("Nothing is decided yet. What is decided on the page Review is listed here.")
        return
    second_opinions.draw_agreement(project)
    wanted = _asked(project, here)
    found = everything if wanted == Wanted() else project.log_length(wanted)
    _head(project, wanted, found, busy=job is not None)
    before = _place(wanted)
    entries = project.log(wanted, before=before[-1], limit=ENTRIES_SHOWN + 1)
    with st.container(gap="xsmall"):
        for entry in entries[:ENTRIES_SHOWN]:
            _row(project, key, entry, here)
    _pager(wanted, entries)


def _tell_undone(project: Project) -> None:
    """Say what the last undo of many did, if nothing was done since."""
    last = jobs.recent(project, limit=1)
    if not last or last[0].kind != "undo" or last[0].state != "done":
        return
    result = last[0].result or {}
    st.markdown(f"{result.get('undone', 0):,} decisions were taken back.")
    _tell_problems([(one["path"], one["reason"]) for one in result.get("problems", ())])


def _tell_problems(problems: list[tuple[str, str]]) -> None:
    for path, reason in problems[:5]:
        st.text(f"{path} stays where it is: {reason}")
    if len(problems) > 5:
        st.text(f"And {len(problems) - 5:,} more files stay where they are.")


# -- which entries -----------------------------------------------------------------------


def _asked(project: Project, here: tzinfo) -> Wanted:
    who, what, label, file, days = st.columns([1.5, 1.2, 1.5, 1.8, 1.9])
    reviewer = who.selectbox(
        "Reviewer",
        project.reviewers(),
        index=None,
        placeholder="Anybody",
        format_func=lambda name: shown_path(name) or _NOBODY,
        key="log-reviewer",
    )
    action: Action | None = what.selectbox(
        "Decision",
        get_args(Action),
        index=None,
        placeholder="Any",
        format_func=_ACTION_WORDS.__getitem__,
        key="log-action",
    )
    class_name = label.selectbox(
        "From or to class",
        project.class_names(),
        index=None,
        placeholder="Any",
        format_func=shown_path,
        key="log-class",
    )
    part = file.text_input("File name has", key="log-file").strip()
    chosen: tuple[date, ...] = days.date_input("Days", value=[], key="log-days")
    return Wanted(
        reviewer=reviewer,
        action=action,
        label=class_name,
        file=part or None,
        since=clock.beginning(chosen[0], here) if chosen else None,
        until=clock.end(chosen[-1], here) if chosen else None,
    )


def _place(wanted: Wanted) -> list[int | None]:
    """Return where each page up to this one begins; other wishes begin at the first again."""
    known: tuple[Wanted, list[int | None]] = st.session_state.get(_PLACE, (wanted, [None]))
    return known[1] if known[0] == wanted else [None]


def _pager(wanted: Wanted, entries: list[Entry]) -> None:
    before = _place(wanted)
    newer, _between, older = st.columns([1, 5, 1])
    if len(before) > 1 and newer.button("Newer", key="log-newer", width="stretch"):
        st.session_state[_PLACE] = (wanted, before[:-1])
        st.rerun()
    if len(entries) <= ENTRIES_SHOWN:
        return
    if older.button("Older", key="log-older", width="stretch"):
        last = entries[ENTRIES_SHOWN - 1].sequence
        st.session_state[_PLACE] = (wanted, [*before, last])
        st.rerun()


# -- many at once ------------------------------------------------------------------------


def _head(project: Project, wanted: Wanted, found: int, *, busy: bool) -> None:
    words, download, undo = st.columns([4.4, 1.6, 1.6], vertical_alignment="center")
    words.markdown(f"**{found:,}** {'entry' if found == 1 else 'entries'}, the latest first")
    download.download_button(
        "Download CSV",
        data=partial(_sheet, project, wanted),
        file_name="decisions.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
        key="log-csv",
    )
    why_not = "Wait until the job has ended." if busy else None
    if undo.button("Undo many …", key="undo-many", width="stretch", disabled=busy, help=why_not):
        st.session_state["undo_many"] = True
    if st.session_state.get("undo_many") and not busy:
        _undo_many(project)


def _sheet(project: Project, wanted: Wanted) -> str:
    return "".join(sheet(project.log(wanted)))


def _undo_many(project: Project) -> None:
    numbers = [one.round_id for one in reversed(project.rounds()) if one.reviewed]
    with st.container(border=True, key="undo-panel"):
        which, words = st.columns([1, 3], gap="medium", vertical_alignment="center")
        chosen = which.selectbox(
            "Undo",
            [*numbers, _EVERYTHING],
            format_func=lambda number: f"Round {number}" if number else "Everything",
            key="undo-which",
        )
        round_id = chosen or None
        found = project.standing(round_id)
        words.markdown(log_words.undo_sentence(found))
        go, keep, _rest = st.columns([2, 1.2, 3])
        press = f"Undo {log_words.counted(found.decisions, 'decision')}"
        if found.decisions and go.button(press, type="primary", key="undo-go", width="stretch"):
            del st.session_state["undo_many"]
            job_panel.start(project, "undo", {"round": round_id, "reviewer": session.reviewer()})
        if keep.button("Keep them", key="undo-keep", width="stretch"):
            del st.session_state["undo_many"]
            st.rerun()


# -- one entry ---------------------------------------------------------------------------


def _row(project: Project, key: str, entry: Entry, here: tzinfo) -> None:
    decision = entry.decision
    with st.container(border=True, key=f"log-entry-{entry.sequence}"):
        picture, what, who, why, back = st.columns(_COLUMNS, vertical_alignment="center")
        picture.html(_thumbnail(key, entry))
        with what, st.container(gap=None):
            st.text(shown_path(entry.path))
            st.text(log_words.what_was_decided(decision))
        with who, st.container(gap=None):
            st.text(clock.local(decision.decided_at, here))
            st.text(shown_path(decision.reviewer) or _NOBODY)
        why.text(_why(entry))
        if entry.is_undone:
            back.markdown("made again" if decision.action == "undo" else "taken back")
        elif decision.action != "undo":
            _undo_button(project, entry, back)


def _thumbnail(key: str, entry: Entry) -> str:
    """Return markup that holds numbers of ours alone; the name stands beside it as text."""
    version, number = entry.content_hash[:12], entry.decision.item_id
    source = f"/api/p/{key}/image/{number}?v={version}&amp;side=160"
    return f'<img class="log-picture" src="{source}" alt="" loading="lazy">'


def _why(entry: Entry) -> str:
    reason = shown_path(entry.decision.reason or "")
    number = entry.decision.round_id
    return reason if number is None or not reason else f"Round {number}: {reason}"


def _undo_button(project: Project, entry: Entry, place: st.delta_generator.DeltaGenerator) -> None:
    if place.button("Undo", key=f"undo-{entry.sequence}", width="stretch"):
        if entry.later:
            st.session_state["undo_chain"] = entry.sequence
        else:
            _undo(project, [entry.decision.op_id])
    if st.session_state.get("undo_chain") == entry.sequence:
        _ask_for_chain(project, entry)


def _ask_for_chain(project: Project, entry: Entry) -> None:
    chain = project.built_on(entry.decision)
    st.markdown(
        "This image was decided again since. What came later goes by this decision, so all of it "
        "would be taken back, the latest first:"
    )
    for decision in chain[:-1]:
        st.text(log_words.what_was_decided(decision))
    yes, no, _rest = st.columns([1.6, 1.2, 5])
    if yes.button(f"Undo all {len(chain)}", key="undo-chain", type="primary", width="stretch"):
        _undo(project, [decision.op_id for decision in chain])
    if no.button("Keep them", key="keep-chain", width="stretch"):
        del st.session_state["undo_chain"]
        st.rerun()


def _undo(project: Project, op_ids: list[str]) -> None:
    st.session_state.pop("undo_chain", None)
    try:
        undone = project.undo_decisions(op_ids, reviewer=session.reviewer())
    except CleanerError as error:
        is_moving = isinstance(error, MoveError)
        st.error("Taken back; the file stays for now." if is_moving else "Nothing was taken back.")
        st.text(shown_path(str(error)))
        return
    if undone.problems:
        _tell_problems(list(undone.problems))
    else:
        st.rerun()
