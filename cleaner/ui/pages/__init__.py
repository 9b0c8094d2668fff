"""One file a page; each draws and decides nothing."""
