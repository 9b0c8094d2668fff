"""How the classes are, in words, with the images that show it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleaner import class_health
from cleaner.class_health import ClassHealth
from cleaner.health import Trait
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.selection import Selection
from cleaner.ui import actions, thumbnails

_MOST_SHOWN = 12
_ORDER = ("border", "merge", "split", "colour", "confusable")


def draw(project: Project, key: str, go: Callable[..., None]) -> None:
    """Draw the section for the dataset with this key; `go` opens another page."""
    found = class_health.read(project)
    st.subheader("How the classes are")
    if found.concerns:
        st.dataframe(actions.concern_rows(found.concerns), hide_index=True, key="class-concerns")
    if not project.rounds():
        st.markdown("What only a model can tell, such as classes taken for each other, comes next.")
        return
    if not found.traits:
        st.markdown(
            "No two classes are taken for each other more than by chance, none falls into two "
            "parts, and none is told apart by its border or colours alone."
        )
    ranked = sorted(found.traits, key=lambda trait: _ORDER.index(trait.kind))
    for number, trait in enumerate(ranked[:_MOST_SHOWN]):
        with st.container(border=True, key=f"class-trait-{number}"):
            _trait(project, key, class_health.with_moved(trait, found.moved), found, go, number)
    if len(ranked) > _MOST_SHOWN:
        rest = ranked[_MOST_SHOWN:]
        st.text("Also: " + "; ".join(class_health.headline(trait) for trait in rest))


def _trait(
    project: Project,
    key: str,
    trait: Trait,
    found: ClassHealth,
    go: Callable[..., None],
    number: int,
) -> None:
    words, press = st.columns([5, 1.2], vertical_alignment="center")
    with words.container(gap=None):
        with st.container(key=f"class-trait-head-{number}"):
            st.text(class_health.headline(trait))
        st.text(shown_path(trait.detail))
    shown = [[n for n in group if n in found.images] for group in trait.images]
    if any(shown) and press.button("Open in Review", key=f"trait-{number}", width="stretch"):
        picked = project.pick([n for group in shown for n in group])
        go("review", Selection(picked=picked, status="any").as_query())
    for column, group, caption in zip(
        st.columns(max(1, len(shown)), gap="large"), shown, trait.captions, strict=False
    ):
        with column:
            st.text(f"{caption[:1].upper()}{caption[1:]}")
            _row(key, group, found)


def _row(key: str, numbers: list[int], found: ClassHealth) -> None:
    for place, number in zip(st.columns(4, gap="small"), numbers, strict=False):
        with place.container(gap=None):
            item = found.images[number]
            st.html(thumbnails.markup(key, item))
            st.text(shown_path(item.current_label))
