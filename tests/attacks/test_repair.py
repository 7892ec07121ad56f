"""Repair never harms: ended at any step it can be run again, and what cannot be read now is not damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soundgrep.indexer.maintenance.verify import verify_collection

from ..indexer.test_commits import contents, is_ended
from ..indexer.test_verify import DAMAGES, own_files
from ..ui.command import ENVIRONMENT, without_root_rights

SHORT = ("segments: bits flipped", "clips: log gone", "manifest: torn")
UNREADABLE = """
import json, os, resource, sys
from pathlib import Path
from soundgrep.indexer.maintenance.verify import verify_collection
from soundgrep.model.errors import SoundgrepError

folder, told = Path(sys.argv[1]), {}

def attempt(name):
    try:
        report = verify_collection(folder, repair=True)
        told[name] = "nothing is wrong" if not report.problems else str(report)
    except SoundgrepError as error:
        told[name] = str(error)

verify_collection(folder)  # what is loaded once is loaded now
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for n in range(3, 40):
    resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))
    try:
        attempt(f"{n} files")
    except OSError as error:
        told[f"{n} files"] = f"cannot be read ({error})"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for path in sorted(folder.rglob("*")):
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        attempt(str(path))
    finally:
        path.chmod(mode)
print(json.dumps(told))
"""


def state(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "damage", [pytest.param(name, marks=[] if name in SHORT else pytest.mark.long) for name in DAMAGES]
)
def test_a_repair_that_is_ended_at_any_step_can_be_run_again(base: Path, tmp_path: Path, damage: str) -> None:
    broken = shutil.copytree(base, tmp_path / "broken")
    if "index" in damage:
        for old in sorted((broken / "encodings" / "tiny" / "index").iterdir())[:-1]:
            shutil.rmtree(old)
    DAMAGES[damage][0](broken)
    mended = shutil.copytree(broken, tmp_path / "mended")
    assert verify_collection(mended, repair=True).is_sound
    after, n_ended = contents(mended), 0
    for ends_at in range(1, 500):
        folder = shutil.copytree(broken, tmp_path / str(ends_at))
        if not is_ended(ends_at, verify_collection, folder, repair=True):
            break
        n_ended += 1
        report = verify_collection(folder, repair=True)
        assert report.is_sound, (ends_at, report)
        assert contents(folder) == after, ends_at
        shutil.rmtree(folder)
    assert n_ended


def test_it_says_what_it_put_where(base: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(base, tmp_path / "c")
    file = own_files(folder, "clips")[0]
    content = file.read_bytes()[:100]
    file.write_bytes(content)
    (folder / "manifest.json").write_text("{")
    repairs = verify_collection(folder, repair=True).repairs
    assert "put manifest.json aside as damaged/manifest.json" in repairs
    assert f"put clips/{file.name} aside as damaged/clips-{file.name}" in repairs
    assert (folder / "damaged" / f"clips-{file.name}").read_bytes() == content


def test_segments_that_are_there_twice_are_kept_once(base: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    from soundgrep.search.store.manifest import read_manifest, write_manifest
    from soundgrep.search.store.tables import Table

    folder = shutil.copytree(base, tmp_path / "c")
    manifest = read_manifest(folder)
    table = Table.open(folder / "encodings" / "tiny" / "segments")
    table.append(pa.Table.from_batches(table.read().to_batches()[:1])[:3])
    record = manifest.encoding
    changed = {
        "tiny": record.__class__(**{**vars(record), "segments_version": table.version, "n_segments": table.n_rows})
    }
    write_manifest(folder, manifest.__class__(**{**vars(manifest), "encodings": changed}))
    assert not verify_collection(folder).is_sound
    assert verify_collection(folder, repair=True).is_sound
    assert contents(folder) == contents(base)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither such rights nor such limits")
def test_what_cannot_be_read_now_is_left_as_it_is(base: Path, tmp_path: Path) -> None:
    """Every file and folder without the right to read it, and too few files that may be open, at whatever place."""
    folder = shutil.copytree(base, tmp_path / "c")
    before = state(folder)
    done = subprocess.run(
        [sys.executable, "-c", UNREADABLE, folder],
        env=ENVIRONMENT | {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        preexec_fn=without_root_rights,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert state(folder) == before
    assert len(told) > 50
    for name, said in told.items():
        assert "cannot be" in said or ("files" in name and said == "nothing is wrong"), (name, said)
        assert "\n" not in said
    assert verify_collection(folder).is_sound
