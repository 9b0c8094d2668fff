"""What `cleaner.audits.base` promises, for every audit on the shelf."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from PIL import Image

from cleaner import folder
from cleaner.audits import AUDITS, Audit, run
from cleaner.items import Finding, ScannedFile
from tests.pictures import detailed, picture, write_image

SEVERITIES = get_args(get_type_hints(Finding)["severity"])

every_audit = pytest.mark.parametrize("audit", AUDITS.values(), ids=AUDITS.keys())


@pytest.fixture
def files(tmp_path: Path) -> tuple[ScannedFile, ...]:
    """Return files with a bit of everything that audits look for, since deleted."""
    for number in range(6):
        write_image(tmp_path / f"class {number % 2}" / f"{number}.png", seed=number // 3)
    write_image(tmp_path / "class 0" / "near.jpg", size=(80, 53))
    write_image(tmp_path / "class 0" / "strip.png", size=(300, 20))
    write_image(tmp_path / "class 0" / "icon.png", seed=8, size=(8, 8))
    for name, colour in (("black", (4, 2, 2)), ("white", (255, 255, 255)), ("grey", (90, 90, 90))):
        write_image(tmp_path / "class 0" / f"{name}.png", colour=colour)
    soft = picture(9, (160, 120)).resize((20, 15)).resize((160, 120), Image.Resampling.BICUBIC)
    soft.save(tmp_path / "class 0" / "soft.png")
    for number in range(14):
        detailed(number).save(tmp_path / "class 1" / f"detailed {number}.png")
    found = folder.scan(tmp_path).files
    for file in found:
        (tmp_path / file.path).unlink()
    return found


@every_audit
def test_no_files_no_findings(audit: Audit) -> None:
    assert audit([]) == []


@every_audit
def test_it_finds_something_here(audit: Audit, files: tuple[ScannedFile, ...]) -> None:
    assert audit(files)


@every_audit
def test_findings_are_complete(audit: Audit, files: tuple[ScannedFile, ...]) -> None:
    known = {file.path for file in files}

    for finding in audit(files):
        assert finding.paths
        assert set(finding.paths) <= known
        assert len(set(finding.paths)) == len(finding.paths)
        assert finding.severity in SEVERITIES
        assert finding.detail.isprintable()
        assert finding.detail.endswith(".")


@every_audit
def test_the_same_files_have_the_same_findings(
    audit: Audit, files: tuple[ScannedFile, ...]
) -> None:
    assert audit(files) == audit(list(files))


def test_run_gathers_all(files: tuple[ScannedFile, ...]) -> None:
    assert run(files) == [finding for audit in AUDITS.values() for finding in audit(files)]
