"""Bills as suppliers write them, compared with the ledger by model and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from adgen.errors import InputRejected
from adgen.reconcile import BILL_MAX, Bill, compare, in_words, read_bill
from adgen.store.spend_facts import ModelDay

FLUX, CUT = "black-forest-labs/flux-pro", "adgen/cut"
SVD = "stability-ai/stable-video-diffusion"
FIRST = date(2026, 11, 1)


def bill(*lines: str, head: str = "date,model,quantity,amount") -> Bill:
    return read_bill("\n".join([head, *lines]).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"date,model,quantity,amount\n2026-11-01,black-forest-labs/flux-pro,6,0.30\n",
        "\ufeffAmount (USD),Usage date,Model\n$0.30,2026-11-01T08:00:00Z,FLUX.1 pro\n".encode(),
        b"Date;Product;Menge;Betrag\n01.11.2026;flux-pro;6;0,30\n\n",
        b'day\tsku\tcost\n"Nov 01, 2026"\tblack-forest-labs/FLUX-pro:abc\t"0.30 USD"\n',
        b"date,model,total\r\n11/01/2026,flux-pro,.30\r\n",
    ],
)
def test_bills_are_read_as_they_are_written(data: bytes) -> None:
    [line] = read_bill(data).lines
    assert (line.day, line.model, line.amount) == (FIRST, FLUX, Decimal("0.30"))


@pytest.mark.parametrize(
    ("said", "amount"),
    [("1,234.50", "1234.50"), ("1.234,50", "1234.50"), ("12,345", "12345"), ("(0.40)", "-0.40"),
     ("-0.40", "-0.40"), ("€ 3", "3"), ("0.000975", "0.000975")],
)  # fmt: skip
def test_sums_are_read_as_they_are_written(said: str, amount: str) -> None:
    assert bill(f'2026-11-01,x,1,"{said}"').lines[0].amount == Decimal(amount)


def test_lines_that_cannot_be_read_are_named() -> None:
    read = bill("yesterday,x,1,2", "2026-11-01,x,1,none", "2026-11-01,,1,2", "2026-11-01,x,,2")
    assert read.skipped == (
        "Line 2 has no date that can be read.",
        "Line 3 has no amount that can be read.",
        "Line 4 has no model that can be read.",
    )
    assert read.lines[0].quantity is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no column for date, model, amount"),
        (b"date,model\n2026-11-01,x\n", "no column for amount"),
        (b"date,model,amount\nx,y,z\n", "No line of the bill can be read. Line 2 has no date"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no column for"),
        (b"x" * (BILL_MAX + 1), "larger than 5 MB"),
    ],
)
def test_what_is_no_bill_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(InputRejected, match=why):
        read_bill(data)


def logged(model: str, cost: str, day: int = 1, **more: int) -> ModelDay:
    facts = {"calls": 6, "made": 6, "unpriced": 0, **more}
    return ModelDay(day=FIRST.replace(day=day), model=model, cost=Decimal(cost), **facts)


def test_ledger_and_bill_stand_side_by_side() -> None:
    ledger = [
        logged(FLUX, "0.30"),
        logged(FLUX, "0.30", 2),
        logged(CUT, "3.00", 2),
        logged("kwaivgi/kling-v2.1", "0", 3, unpriced=6),
    ]
    said = bill(
        f"2026-11-01,{FLUX},6,0.30", f"2026-11-02,{FLUX},6,0.33", f"2026-11-02,{SVD},1,0.80"
    )
    found = compare(ledger, said)
    by_model = {one.model.partition(":")[0]: one for one in found.models}
    assert [one.billed for one in found.models] == [Decimal(n) for n in ("0", "0.80", "0.63", "0")]
    flux = by_model[FLUX]
    assert (flux.logged, flux.billed, flux.estimated) == (
        Decimal("0.60"), Decimal("0.63"), Decimal("0.60"),
    )  # fmt: skip
    assert flux.off_bill is not None
    assert round(flux.off_bill, 4) == Decimal("-0.0476")
    assert found.unpriced == 6
    differing = [
        (one.day.day, one.model.partition(":")[0], one.logged, one.billed) for one in found.days
    ]
    assert differing == [
        (2, CUT, Decimal("3.00"), None),
        (2, FLUX, Decimal("0.30"), Decimal("0.33")),
        (2, SVD, None, Decimal("0.80")),
    ]
    # The first day, and the one whose calls have no price.
    assert found.agreeing == 2
    words = "\n".join(in_words(found))
    assert "6 calls have no known price" in words
    assert "logged nothing, billed $0.8000" in words


def test_calls_from_before_estimates_were_kept_have_those_of_today() -> None:
    [one] = compare([logged(FLUX, "0.33")]).models
    assert (one.billed, one.off_bill, one.estimated) == (None, None, Decimal("0.30"))
    assert one.off_estimate == Decimal("0.1")
    [half] = compare([logged(FLUX, "0.33", said=3).model_copy(update={"estimated": 1})]).models
    assert half.estimated == Decimal("1.15")
    [unknown] = compare([logged("gone/model", "1")]).models
    assert (unknown.estimated, unknown.reported, unknown.off_estimate) == (None, None, None)


def test_the_suppliers_own_figures_are_held_against_the_same_calls() -> None:
    told = {"reported": Decimal("0.20"), "told_logged": Decimal("0.15")}
    some = logged(FLUX, "0.30", told=4, untold=3).model_copy(update=told)
    before = logged(FLUX, "0.30", 2, untold=6)
    cut, silent = logged(CUT, "3", untold=6), logged(SVD, "4.80", untold=6)
    found = compare([some, before, cut, silent])
    by_model = {one.model: one for one in found.models}
    flux = by_model[FLUX]
    assert (flux.reported, flux.unreported) == (Decimal("0.20"), 9)
    assert flux.off_report == Decimal("-0.25")
    assert (by_model[SVD].reported, by_model[SVD].unreported, by_model[SVD].off_report) == (
        None, 6, None,
    )  # fmt: skip
    assert by_model[CUT].unreported is None
    assert found.unreported == 15
