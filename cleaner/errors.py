"""Every exception a caller may catch, drawn as a tree.

A `CleanerError` is something a person can act on: its message says what came, what is
allowed and what to do, in one line. Anything else that escapes is a bug.
"""

from __future__ import annotations


class CleanerError(Exception):
    """The root: the command line prints the message and exits with 1."""


class DatasetError(CleanerError):
    """The folder cannot be used as a dataset."""


class UnknownClass(DatasetError):
    """A class was named that the dataset does not have."""


class ClassRefused(DatasetError):
    """A class cannot be added, renamed or merged as asked."""


class UnknownItem(DatasetError):
    """A path or id was named that the dataset does not have."""


class UnknownKind(DatasetError):
    """A kind of findings was named that there is none of, or that cannot be treated so."""


class NotScored(DatasetError):
    """The queue was asked for before any round ranked the images."""


class ImageRejected(CleanerError):
    """A file is not an image this project reads.

    Attributes:
        reason: a code from `cleaner.images.REASONS`, such as ``"truncated"``.
        detail: the particulars, in words.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[ImageRejected], tuple[str, str]]:
        """Survive the way back from a worker process."""
        return type(self), (self.reason, self.detail)


class SettingsError(CleanerError):
    """A setting has a value outside its range."""


class SelectionError(CleanerError):
    """Images were asked for by something that they do not have."""


class ShapeError(CleanerError):
    """Arrays that must describe the same items do not."""


class TooFewImages(CleanerError):
    """There is not enough data to train on."""


class BackboneError(CleanerError):
    """A pretrained network cannot be used."""


class UnknownBackbone(BackboneError):
    """No pretrained network has that name."""


class WeightsUnavailable(BackboneError):
    """The network is known but its weights cannot be had here."""


class CacheDamaged(CleanerError):
    """What was kept on disk is damaged; it is gone from there, and can be computed again."""


class EngineError(CleanerError):
    """Where the work was to be done cannot be had, or was lost."""


class ModelError(CleanerError):
    """A trained model's files cannot be used."""


class SourceError(CleanerError):
    """Images cannot be imported from there, or not to there."""


class ExportError(CleanerError):
    """An export could not be written."""


class ManifestError(CleanerError):
    """A file is no export's manifest, or a damaged one."""


class StoreError(CleanerError):
    """The database cannot be opened or written."""


class StoreTooNew(StoreError):
    """The database was written by a later version of this project."""


class MoveError(CleanerError):
    """Files could not be moved; the sources are intact."""


class UndoRefused(CleanerError):
    """A decision cannot be taken back by itself, or not at all."""


class ApplyBusy(MoveError):
    """Somebody else is moving files of this dataset right now."""


class JobError(CleanerError):
    """A background job could not be started or has failed."""


class JobBusy(JobError):
    """Another job is running on this dataset."""


class JobCancelled(JobError):
    """The job was cancelled; what it had finished is kept."""
