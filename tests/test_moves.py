"""Files follow decisions: what a plan says, and what is left when something goes wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleaner import moves
from cleaner.decisions import FileMove, Plan
from cleaner.errors import ApplyBusy, MoveError
from cleaner.moves import Places, applying, checkpoints, placing
from cleaner.moves.locking import exclusive
from cleaner.moves.naming import fold, numbered
from cleaner.store import catalogue
from cleaner.store import moves as journal
from tests.faults.moving import SHARED_MEMORY, Bench, lacks

MODES = ["rename", "claim", "copy"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


@pytest.fixture
def two_devices(tmp_path: Path) -> Iterator[Bench]:
    """A dataset whose quarantine lies on another device."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second device")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        bench = Bench(tmp_path, Path(folder))
        yield bench
        bench.store.close()


def routes(plan: Plan) -> list[tuple[str, str]]:
    return [(move.source, move.destination) for move in plan.moves]


def use(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name, refusal in lacks(mode):
        monkeypatch.setattr(where, name, refusal)


def fail_with(code: int, *, when: Callable[[Path], bool] = lambda _: True) -> Callable[..., None]:
    def refuse(source: Path, destination: Path) -> None:
        if when(source):
            raise OSError(code, os.strerror(code), str(source))
        rename_new(source, destination)

    rename_new = placing.rename_new
    return refuse


# Planning


def test_nothing_is_planned_when_folders_match_the_decisions(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.decide(bench.at("cats/1.jpg"), "accept")

    assert bench.plan() == Plan(())


def test_a_relabelled_image_goes_to_its_class_with_its_sub_folders(bench: Bench) -> None:
    bench.add({"cats/from/web/1.jpg": b"1"})
    bench.move("cats/from/web/1.jpg", "dogs")

    assert routes(bench.plan()) == [("dataset/cats/from/web/1.jpg", "dataset/dogs/from/web/1.jpg")]


def test_an_excluded_image_leaves_under_its_path_and_comes_back(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.exclude("cats/1.jpg")
    bench.apply()
    assert bench.files() == {"quarantine/cats/1.jpg"}
    bench.check_sound()

    bench.decide(bench.at("cats/1.jpg"), "accept")
    bench.apply()

    assert bench.files() == {"cats/1.jpg"}
    bench.check_sound()


def test_an_excluded_image_can_come_back_to_another_class(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.exclude("cats/1.jpg")
    bench.apply()
    bench.move("cats/1.jpg", "dogs")

    assert routes(bench.plan()) == [("quarantine/cats/1.jpg", "dataset/dogs/1.jpg")]


def test_two_images_of_one_name_can_change_places(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"a dog", "dogs/1.jpg": b"a cat"})
    bench.move("cats/1.jpg", "dogs")
    bench.move("dogs/1.jpg", "cats")

    bench.apply()

    assert bench.files() == {"cats/1~2.jpg", "dogs/1~2.jpg"}
    bench.check_sound()
    bench.check_applied()


def test_images_on_each_others_names_all_get_home(bench: Bench) -> None:
    bench.add({f"{label}/1.jpg": label.encode() for label in "abc"})
    given = bench.tree()
    for path, label in [("a/1.jpg", "d"), ("b/1.jpg", "a"), ("c/1.jpg", "b"), ("d/1.jpg", "c")]:
        bench.move(path, label)
        bench.apply()  # one at a time, so that each finds its new name free
    assert bench.files() == {"a/1.jpg", "b/1.jpg", "c/1.jpg"}

    bench.undecide()
    applied = bench.apply()

    assert bench.tree() == given
    assert len(applied.moved) == 4  # a circle of three, opened by a step aside
    bench.check_sound()


def test_a_home_stays_taken_by_an_image_that_cannot_get_home_itself(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1", "cats/1~2.jpg": b"2"})
    bench.move("cats/1.jpg", "dogs")
    bench.move("cats/1~2.jpg", "dogs")
    bench.apply()
    bench.write("cats/1.jpg", b"somebody's")
    bench.move("dogs/1.jpg", "cats")
    bench.apply()
    bench.move("dogs/1~2.jpg", "cats")

    applied = bench.apply()

    assert applied.problems == ()
    assert bench.files() == {"cats/1.jpg", "cats/1~2.jpg", "cats/1~2~2.jpg"}
    assert bench.plan() == Plan(())


def test_a_home_whose_holder_is_spelled_in_another_case_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add({"cats/1.jpg": b"1", "dogs/1.JPG": b"2"})
    bench.move("cats/1.jpg", "dogs")
    bench.apply()
    bench.move("dogs/1.JPG", "cats")
    bench.apply()
    bench.undecide()

    def exists_in_any_case(path: Path) -> bool:
        return fold(path.name) in {fold(there.name) for there in path.parent.iterdir()}

    monkeypatch.setattr(os.path, "lexists", exists_in_any_case)

    assert routes(bench.plan()) == [
        ("dataset/cats/1.JPG", "dataset/dogs/1.JPG"),
        ("dataset/dogs/1~2.jpg", "dataset/cats/1.jpg"),
    ]


def test_an_image_gets_its_own_name_back_once_it_is_free(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"first", "dogs/1.jpg": b"second"})
    bench.move("cats/1.jpg", "birds")
    bench.apply()
    bench.move("dogs/1.jpg", "cats")
    bench.apply()
    bench.move("birds/1.jpg", "cats")
    bench.apply()
    assert bench.files() == {"cats/1.jpg", "cats/1~2.jpg"}

    bench.move("cats/1.jpg", "birds")
    bench.apply()

    assert bench.files() == {"cats/1.jpg", "birds/1.jpg"}
    bench.check_sound()


def test_a_name_given_for_a_collision_is_not_carried_on(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1", "dogs/1.jpg": b"2"})
    bench.move("cats/1.jpg", "dogs")
    bench.apply()
    bench.move("dogs/1~2.jpg", "birds")

    assert routes(bench.plan()) == [("dataset/dogs/1~2.jpg", "dataset/birds/1.jpg")]


def test_new_names_avoid_each_other_and_whatever_lies_there(bench: Bench) -> None:
    bench.add({"a/1.jpg": b"a", "b/1.jpg": b"b", "c/1.jpg": b"c"})
    bench.write("d/1.jpg", b"somebody's")
    bench.write("d/1~2.jpg", b"somebody's")
    for label in "abc":
        bench.move(f"{label}/1.jpg", "d")

    destinations = [move.destination for move in bench.plan().moves]

    assert destinations == ["dataset/d/1~3.jpg", "dataset/d/1~4.jpg", "dataset/d/1~5.jpg"]


@pytest.mark.parametrize("there", ["IMG.JPG", "img.jpg", "cafe\u0301.jpg"])
def test_names_that_some_system_takes_for_the_same_count_as_taken(bench: Bench, there: str) -> None:
    name = {"IMG.JPG": "img.jpg", "img.jpg": "IMG.jpg"}.get(there, "CAF\u00c9.jpg")
    bench.add({f"cats/{name}": b"1"})
    bench.write(f"dogs/{there}", b"somebody's")
    bench.move(f"cats/{name}", "dogs")

    assert routes(bench.plan())[0][1] == f"dataset/dogs/{numbered(name, 2)}"


def test_names_that_differ_in_case_return_to_the_folder_that_held_both(bench: Bench) -> None:
    bench.add({"cats/a.jpg": b"1", "cats/A.jpg": b"2"})
    if len(bench.files()) == 1:
        pytest.skip("this file system takes both names for the same")
    given = bench.tree()
    bench.move("cats/a.jpg", "dogs")
    bench.move("cats/A.jpg", "dogs")
    bench.apply()
    assert bench.files() == {"dogs/a.jpg", "dogs/A~2.jpg"}

    bench.undecide()
    bench.apply()

    assert bench.tree() == given


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.jpg", "cat~2.jpg"),
        ("cat", "cat~2"),
        (".cat", ".cat~2"),
        ("cat.tar.gz", "cat.tar~2.gz"),
        ("c" * 251 + ".jpg", "c" * 249 + "~2.jpg"),
        ("é" * 125 + ".jpg", "é" * 124 + "~2.jpg"),
        ("猫" * 83 + "x.jpg", "猫" * 83 + "~2.jpg"),
        ("猫" * 84 + "jpg", "猫" * 84 + "j~2"),
        ("\udcff" * 251 + ".jpg", "\udcff" * 249 + "~2.jpg"),
        ("a." + "b" * 250, "a." + "b" * 250 + "~2"),
    ],
)
def test_a_numbered_name_keeps_its_extension_and_fits(name: str, expected: str) -> None:
    found = numbered(name, 2)

    assert found == expected
    assert len(os.fsencode(found)) <= 255


def test_a_colliding_long_name_is_moved(bench: Bench) -> None:
    name = "é" * 125 + ".jpg"
    bench.add({f"cats/{name}": b"1", f"dogs/{name}": b"2"})
    given = bench.tree()
    bench.move(f"cats/{name}", "dogs")
    bench.apply()
    assert bench.files() == {f"dogs/{name}", f"dogs/{'é' * 124}~2.jpg"}

    bench.undecide()
    bench.apply()

    assert bench.tree() == given


def test_names_that_are_not_utf8_are_moved(bench: Bench) -> None:
    try:
        bench.add({"cats/\udcff.jpg": b"1"})
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    bench.move("cats/\udcff.jpg", "dogs")

    bench.apply()

    assert bench.files() == {"dogs/\udcff.jpg"}
    bench.check_sound()


def test_a_missing_file_is_named_and_the_rest_is_planned(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1", "cats/2.jpg": b"2"})
    bench.move("cats/1.jpg", "dogs")
    bench.move("cats/2.jpg", "dogs")
    (bench.places.dataset / "cats/1.jpg").unlink()

    plan = bench.plan()

    assert plan.problems == (("cats/1.jpg", "the file is gone; run scan to see what is there"),)
    assert routes(plan) == [("dataset/cats/2.jpg", "dataset/dogs/2.jpg")]


def test_a_folder_that_cannot_be_written_is_one_problem(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add({f"cats/{n}.jpg": b"%d" % n for n in range(5)})
    for n in range(5):
        bench.move(f"cats/{n}.jpg", "dogs")
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "cats")

    plan = bench.plan()

    assert plan.moves == ()
    assert [path for path, _ in plan.problems] == ["cats"]


def test_a_file_in_the_place_of_a_class_folder_is_a_problem(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.write("dogs", b"no folder")
    bench.move("cats/1.jpg", "dogs")

    plan = bench.plan()

    assert plan.problems == (
        ("dogs", "the file 'dogs' is where a folder is needed; rename that file"),
    )


def test_a_class_name_that_leads_out_of_the_dataset_is_refused(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "../secrets")

    with pytest.raises(MoveError, match="no place for an image"):
        bench.plan()


@pytest.mark.parametrize("location", ["cats/1.jpg", "dataset", "dataset//x", "quarantine/../x"])
def test_only_places_inside_the_two_folders_resolve(location: str) -> None:
    with pytest.raises(MoveError, match="Expected dataset/CLASS/NAME"):
        Places(Path("d"), Path("q")).resolve(location)


# Applying


@pytest.mark.parametrize("mode", MODES)
def test_undoing_everything_restores_every_byte_name_mode_and_time(
    mode: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(mode, monkeypatch)
    bench.add({f"{label}/{n}.jpg": f"{label}{n}".encode() for label in "abc" for n in range(6)})
    given = bench.tree()
    for item in bench.items():
        label = "abc"[item.item_id % 3]
        bench.decide(item, "exclude" if item.item_id % 5 == 0 else "move", label)
    applied = bench.apply()
    assert applied.problems == ()
    bench.check_sound()
    bench.check_applied()

    bench.undecide()
    bench.apply()

    assert bench.tree() == given


def test_images_cross_to_another_device_and_back(two_devices: Bench) -> None:
    two_devices.add({"cats/1.jpg": b"1", "cats/2.jpg": b"2"})
    os.setxattr(two_devices.places.dataset / "cats/1.jpg", "user.note", b"kept")
    given = two_devices.tree()
    two_devices.exclude("cats/1.jpg")
    two_devices.apply()
    assert two_devices.files() == {"quarantine/cats/1.jpg", "cats/2.jpg"}
    two_devices.check_sound()

    two_devices.undecide()
    two_devices.apply()

    assert two_devices.tree() == given
    assert os.getxattr(two_devices.places.dataset / "cats/1.jpg", "user.note") == b"kept"


def test_a_claimed_name_is_given_back_when_the_file_vanishes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("claim", monkeypatch)
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")

    def vanish(name: str) -> None:
        if name == "name claimed":
            (bench.places.dataset / "cats/1.jpg").unlink()

    monkeypatch.setattr(checkpoints, "on_reach", vanish)

    assert "gone" in bench.apply().problems[0][1]
    assert bench.files() == set()


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_appears_at_the_new_name_is_not_overwritten(
    mode: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(mode, monkeypatch)
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")
    plan = bench.plan()
    bench.write("dogs/1.jpg", b"somebody's")

    applied = moves.run(bench.store, bench.places, plan)

    assert applied.moved == ()
    assert applied.problems[0][0] == "cats/1.jpg"
    assert "run apply again" in applied.problems[0][1]
    bench.check_sound(besides=["dogs/1.jpg"])
    assert bench.apply().moved[0].destination == "dataset/dogs/1~2.jpg"


def test_a_changed_file_stays(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")
    bench.write("cats/1.jpg", b"edited")

    applied = bench.apply()

    assert applied.problems == (
        ("cats/1.jpg", "it has changed since the scan; run scan, then apply again"),
    )
    assert bench.files() == {"cats/1.jpg"}
    assert bench.unsettled() == []


def test_a_file_that_changes_while_it_is_copied_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("copy", monkeypatch)
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")

    def edit(name: str) -> None:
        if name == "copy named":
            (bench.places.dataset / "cats/1.jpg").write_bytes(b"edited just now")

    monkeypatch.setattr(checkpoints, "on_reach", edit)

    applied = bench.apply()

    assert "changed while it was copied" in applied.problems[0][1]
    assert bench.files() == {"cats/1.jpg"}


def test_a_copy_that_reads_back_differently_is_thrown_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("copy", monkeypatch)
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")

    def corrupt(name: str) -> None:
        if name == "copy written":
            next((bench.places.dataset / "dogs").iterdir()).write_bytes(b"rotten")

    monkeypatch.setattr(checkpoints, "on_reach", corrupt)

    assert bench.apply().moved == ()
    bench.check_sound()


def test_a_file_that_vanishes_or_is_forbidden_does_not_stop_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add({f"cats/{n}.jpg": b"%d" % n for n in range(3)})
    for n in range(3):
        bench.move(f"cats/{n}.jpg", "dogs")
    plan = bench.plan()
    (bench.places.dataset / "cats/0.jpg").unlink()
    forbidden = fail_with(errno.EACCES, when=lambda source: source.name == "1.jpg")
    monkeypatch.setattr(placing, "rename_new", forbidden)

    applied = moves.run(bench.store, bench.places, plan)

    assert [path for path, _ in applied.problems] == ["cats/0.jpg", "cats/1.jpg"]
    assert "gone" in applied.problems[0][1]
    assert "permission denied" in applied.problems[1][1]
    assert bench.files() == {"cats/1.jpg", "dogs/2.jpg"}
    assert bench.unsettled() == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")],
)
def test_a_full_or_read_only_disk_ends_in_one_line(
    code: int, words: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add({f"cats/{n}.jpg": b"%d" % n for n in range(5)})
    for n in range(5):
        bench.move(f"cats/{n}.jpg", "dogs")
    full = fail_with(code, when=lambda source: source.name > "1.jpg")
    monkeypatch.setattr(placing, "rename_new", full)

    with pytest.raises(MoveError, match=words) as caught:
        bench.apply()

    assert "2 of 5 files were moved" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert bench.unsettled() == []
    bench.check_sound()


def test_a_disk_that_fills_up_during_a_copy_leaves_no_part_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("copy", monkeypatch)
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")

    def fill(name: str) -> None:
        if name == "copy begun":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints, "on_reach", fill)

    with pytest.raises(MoveError, match="the disk is full"):
        bench.apply()

    bench.check_sound()


def test_a_dataset_that_is_gone_is_not_made_anew(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.exclude("cats/1.jpg")
    bench.apply()
    bench.undecide()
    plan = bench.plan()
    dataset = bench.places.dataset
    (dataset / "cats").rmdir()
    dataset.rmdir()

    with pytest.raises(MoveError, match="the dataset folder is gone"):
        moves.run(bench.store, bench.places, plan)

    assert not dataset.exists()
    assert bench.files() == {"quarantine/cats/1.jpg"}


def test_a_link_moves_only_if_it_still_leads_to_its_picture(bench: Bench) -> None:
    bench.add({"cats/deep/1.jpg": b"1", "cats/2.jpg": b"2", "cats/3.jpg": b"3"})
    bench.write("originals/p.jpg", b"2")
    for name, target in [("2", "../originals/p.jpg"), ("3", "deep/1.jpg")]:
        link = bench.places.dataset / f"cats/{name}.jpg"
        link.unlink()
        link.symlink_to(target)
    bench.move("cats/2.jpg", "dogs")
    bench.move("cats/3.jpg", "dogs")

    applied = bench.apply()

    assert [move.destination for move in applied.moved] == ["dataset/dogs/2.jpg"]
    assert (bench.places.dataset / "dogs/2.jpg").readlink() == Path("../originals/p.jpg")
    assert [path for path, _ in applied.problems] == ["cats/3.jpg"]


def test_a_link_crosses_devices_as_a_link(two_devices: Bench, tmp_path: Path) -> None:
    two_devices.add({"cats/1.jpg": b"1"})
    link = two_devices.places.dataset / "cats/1.jpg"
    target = link.replace(tmp_path / "original.jpg")
    link.symlink_to(target)
    two_devices.exclude("cats/1.jpg")

    two_devices.apply()

    assert (two_devices.places.quarantine / "cats/1.jpg").readlink() == target
    assert two_devices.files() == {"quarantine/cats/1.jpg"}


def test_a_hard_link_moves_as_it_is(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    twin = bench.places.dataset / "cats/twin.jpg"
    twin.hardlink_to(bench.places.dataset / "cats/1.jpg")
    bench.move("cats/1.jpg", "dogs")

    bench.apply()

    assert twin.samefile(bench.places.dataset / "dogs/1.jpg")


def test_a_pipe_in_the_place_of_an_image_holds_nobody_up(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")
    plan = bench.plan()
    (bench.places.dataset / "cats/1.jpg").unlink()
    os.mkfifo(bench.places.dataset / "cats/1.jpg")

    assert "no regular file" in bench.plan().problems[0][1]
    assert "no regular file" in moves.run(bench.store, bench.places, plan).problems[0][1]


def test_an_emptied_class_stays_a_class(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")

    bench.apply()

    assert (bench.places.dataset / "cats").is_dir()


def test_progress_counts_every_move_of_every_batch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_BATCH_MOVES", 2)
    bench.add({f"cats/{n}.jpg": b"%d" % n for n in range(5)})
    for item in bench.items():
        bench.decide(item, "move", "dogs")
    heard: list[tuple[int, int, str]] = []

    bench.apply(report=lambda done, total, path: heard.append((done, total, path)))

    assert heard == [(n + 1, 5, f"cats/{n}.jpg") for n in range(5)]


def test_a_cancelled_run_leaves_nothing_open(bench: Bench) -> None:
    bench.add({f"cats/{n}.jpg": b"%d" % n for n in range(5)})
    for item in bench.items():
        bench.decide(item, "move", "dogs")

    def cancel(done: int, _total: int, _path: str) -> None:
        if done == 2:
            raise MoveError("cancelled")

    with pytest.raises(MoveError, match="cancelled"):
        bench.apply(report=cancel)

    assert bench.unsettled() == []
    bench.check_sound()
    assert len(bench.plan().moves) == 3


def test_a_second_mover_is_refused_with_the_name_of_the_first(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")
    hold = (
        "import sys; from pathlib import Path; from cleaner.moves import Places\n"
        "from cleaner.moves.locking import exclusive\n"
        "with exclusive(Places(Path(sys.argv[1]), Path(sys.argv[2]))):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    folders = [str(bench.places.dataset), str(bench.places.quarantine)]
    command = [sys.executable, "-c", hold, *folders]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(ApplyBusy, match=f"@.* pid {holder.pid} is moving files"):
            bench.apply()
        assert bench.recover() == ()

        holder.kill()
        holder.communicate()
    assert len(bench.apply().moved) == 1  # the lock ended with its process


def test_a_lock_that_cannot_be_made_is_one_clear_line(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")
    (bench.places.state / "apply.lock").mkdir()

    with pytest.raises(MoveError, match="Make the state folder writable"):
        bench.apply()


def test_the_lock_can_be_taken_again_and_again(bench: Bench) -> None:
    for _ in range(2):
        with exclusive(bench.places):
            pass


# Recovery


def open_move(bench: Bench, path: str, label: str) -> FileMove:
    """Journal a move and do nothing, as a crash right after the intent would."""
    bench.move(path, label)
    with bench.store.write() as connection:
        return journal.plan(connection, bench.plan().moves[0])


def test_a_move_that_did_not_begin_is_reverted(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    open_move(bench, "cats/1.jpg", "dogs")

    assert [move.state for move in bench.recover()] == ["reverted"]
    bench.check_sound()


def test_a_move_that_happened_is_done(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    open_move(bench, "cats/1.jpg", "dogs")
    (bench.places.dataset / "dogs").mkdir()
    (bench.places.dataset / "cats/1.jpg").replace(bench.places.dataset / "dogs/1.jpg")

    assert [move.state for move in bench.recover()] == ["done"]
    bench.check_sound()


def test_an_equal_file_that_somebody_put_there_is_not_taken_for_a_copy(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    open_move(bench, "cats/1.jpg", "dogs")
    bench.write("dogs/1.jpg", b"1")

    assert [move.state for move in bench.recover()] == ["reverted"]
    bench.check_sound(besides=["dogs/1.jpg"])


def test_a_claimed_name_is_given_back(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    open_move(bench, "cats/1.jpg", "dogs")
    bench.write("dogs/1.jpg", b"")

    assert [move.state for move in bench.recover()] == ["reverted"]
    bench.check_sound()


def test_an_image_at_neither_place_stays_open_and_is_reported(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    move = open_move(bench, "cats/1.jpg", "dogs")
    file = bench.places.dataset / "cats/1.jpg"
    hidden = file.replace(bench.folder / "hidden.jpg")

    assert bench.recover() == (move,)
    assert bench.unsettled() == [move]

    hidden.replace(file)
    assert [move.state for move in bench.recover()] == ["reverted"]


def test_a_copy_that_is_all_that_is_left_is_used(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    move = open_move(bench, "cats/1.jpg", "dogs")
    (bench.places.dataset / "dogs").mkdir()
    part = bench.places.dataset / f"dogs/.cleaner-{move.move_id}.part"
    (bench.places.dataset / "cats/1.jpg").replace(part)

    assert [move.state for move in bench.recover()] == ["done"]
    bench.check_sound()


def test_an_image_that_a_scan_found_elsewhere_closes_its_open_move(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1"})
    move = open_move(bench, "cats/1.jpg", "dogs")
    bench.write("cats/renamed.jpg", b"1")
    (bench.places.dataset / "cats/1.jpg").unlink()
    with bench.store.write() as connection:
        catalogue.place_item(connection, move.item_id, "cats/renamed.jpg", quarantined=False)

    assert [move.state for move in bench.recover()] == ["reverted"]
    bench.check_sound()


def test_applying_settles_first_what_a_crash_left_open(bench: Bench) -> None:
    bench.add({"cats/1.jpg": b"1", "cats/2.jpg": b"2"})
    open_move(bench, "cats/1.jpg", "dogs")
    bench.move("cats/2.jpg", "dogs")

    bench.apply()

    assert bench.unsettled() == []
    bench.check_sound()
    bench.check_applied()


def test_a_disk_that_fails_leaves_the_journal_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add({"cats/1.jpg": b"1"})
    bench.move("cats/1.jpg", "dogs")

    def fail(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        (bench.places.dataset / "dogs").mkdir()
        with pytest.raises(MoveError, match="the disk failed"):
            bench.apply()
    assert len(bench.unsettled()) == 1

    assert [move.state for move in bench.recover()] == ["done"]
    bench.check_sound()


def test_names_fold_like_the_strictest_file_system() -> None:
    assert fold("STRASSE.jpg") == fold("straße.jpg")
    assert fold("a.jpg") != fold("b.jpg")
