"""The only room that moves an image: journalled, never overwriting, reversible.

plan(items, done, places)  -> Plan      what would make the folders match the decisions
run(store, places, plan)   -> Applied   does it, one journalled step at a time
recover(store, places)     -> moves     finishes or reverts what a crash left open
remove_empty(places, names)             class folders that renamed and merged classes left
exclusive(places)                       one at a time
rename_new, sync_folder                 a name for what was written beside it, for good
"""

from __future__ import annotations

from cleaner.moves.applying import Applied, run
from cleaner.moves.folders import remove_empty
from cleaner.moves.locking import exclusive
from cleaner.moves.places import Places
from cleaner.moves.placing import rename_new, sync_folder
from cleaner.moves.planning import plan
from cleaner.moves.recovery import recover

__all__ = [
    "Applied",
    "Places",
    "exclusive",
    "plan",
    "recover",
    "remove_empty",
    "rename_new",
    "run",
    "sync_folder",
]
