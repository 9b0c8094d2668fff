"""How clean the labels are: counting and arithmetic, with intervals, and no database."""
