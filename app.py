"""The app: `streamlit run app.py`."""

from __future__ import annotations

import streamlit as st

from cleaner.ui import server

app = st.App(
    server.SCRIPT,
    routes=server.routes(),
    middleware=server.middleware(server.login()),
    lifespan=server.lifespan,
)
