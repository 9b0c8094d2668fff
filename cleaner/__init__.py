"""Find wrong image labels, settle them by hand, retrain, and ship a small model."""

__version__ = "0.1.0"
