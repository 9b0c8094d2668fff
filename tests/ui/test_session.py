from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from cleaner.ui import session

    st.button("Go", key="go", on_click=session.note_press, args=("go",))
    if st.session_state.pop("cut short", False):
        st.stop()
    if st.session_state.pop("elsewhere", False):
        session.forget_presses()
        st.stop()
    st.text("went" if session.pressed("go") else "waits")


def _words(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_a_press_counts_once_also_where_its_run_of_the_page_was_cut_short() -> None:
    app = AppTest.from_function(_page).run()
    assert _words(app) == ["waits"]
    app.session_state["cut short"] = True
    assert _words(app.button[0].click().run()) == []
    assert _words(app.run()) == ["went"]
    assert _words(app.run()) == ["waits"]


def test_a_press_that_nothing_acted_upon_is_forgotten() -> None:
    app = AppTest.from_function(_page).run()
    app.session_state["elsewhere"] = True
    assert _words(app.button[0].click().run()) == []
    assert _words(app.run()) == ["waits"]
