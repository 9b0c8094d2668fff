"""What models were measured to be worth: kept as JSON, told in words, Markdown and one HTML file.

The JSON is the truth and everything else is drawn from it; `cleaner.comparisons` makes it.
"""

from cleaner.receipts.kept import as_json, folder_of, read, write
from cleaner.receipts.markdown import as_markdown
from cleaner.receipts.page import as_page
from cleaner.receipts.words import gain_in_words, joined_in_words, unknown_in_words

__all__ = [
    "as_json",
    "as_markdown",
    "as_page",
    "folder_of",
    "gain_in_words",
    "joined_in_words",
    "read",
    "unknown_in_words",
    "write",
]
