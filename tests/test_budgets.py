"""Parallel starts at the line, what a refusal says, who may move the line."""

from __future__ import annotations

import threading
from collections import Counter
from decimal import Decimal

import pytest

from adgen import prices
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Budget, JobKind, Person, Role, Scope
from adgen.errors import AdgenError, BudgetExceeded, InputRejected, NotAllowed, NotFound
from adgen.prices import Step
from adgen.providers import catalogue
from adgen.store import budgets
from adgen.store.database import Database
from adgen.store.tables import AdSession, Job
from tests.conftest import add_person
from tests.till import priced

# Six pictures at the dearer stand-in's price, and a plan asked for twice.
PROMISED = Decimal("0.422")
STARTS = 50


@pytest.fixture
def rich(monkeypatch: pytest.MonkeyPatch) -> None:
    priced(monkeypatch)
    for name in ("SESSION", "TEAM", "TOTAL"):
        monkeypatch.setenv(f"ADGEN_{name}_BUDGET_USD", "1000")
    settings.cache_clear()


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize(("scope", "fits"), [(Scope.AD, 1), (Scope.TEAM, 7), (Scope.ALL, 7)])
def test_of_fifty_starts_at_once_only_those_that_fit_begin(
    commands: Commands, database: Database, scope: Scope, fits: int
) -> None:
    boss = add_person(database, "boss@example.com", Role.ADMIN, "Office")
    people = [add_person(database, f"{n}@example.com", team=f"{n % 2}") for n in range(2)]
    if scope is Scope.TEAM:
        people = people[:1]
    count = 1 if scope is Scope.AD else STARTS
    owners = {commands.create_ad(people[n % len(people)]).id: n for n in range(count)}
    subject = {Scope.AD: next(iter(owners)), Scope.TEAM: str(people[0].team_id), Scope.ALL: ""}
    line = fits * PROMISED + Decimal("0.42")
    commands.set_budget(boss, scope, subject[scope], line)
    told: Counter[str] = Counter()
    ready = threading.Barrier(STARTS)

    def start(ad: str, person: Person) -> None:
        ready.wait()
        try:
            commands.start_images(person, ad, "oak chair")
        except AdgenError as error:
            told[type(error).__name__] += 1
        else:
            told["started"] += 1

    asked = [(ad, people[n % len(people)]) for ad, n in owners.items()] * (STARTS // count)
    threads = [threading.Thread(target=start, args=pair) for pair in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told["started"] == fits
    assert sum(told.values()) == STARTS
    with database.begin() as db:
        stands = budgets.standing(db, db.get_one(AdSession, next(iter(owners))))
    [budget] = [one for one in stands if one.scope is scope]
    assert budget.held == fits * PROMISED <= line


@pytest.mark.usefixtures("rich")
def test_a_refused_start_leaves_nothing(
    commands: Commands, person: Person, database: Database
) -> None:
    boss = add_person(database, "boss@example.com", Role.ADMIN)
    ad = commands.create_ad(person)
    commands.set_budget(boss, Scope.AD, ad.id, Decimal("0.10"))
    before = commands.load_ad(person, ad.id)
    with pytest.raises(BudgetExceeded):
        commands.start_images(person, ad.id, "oak chair")
    assert commands.load_ad(person, ad.id) == before
    with database.begin() as db:
        assert db.query(Job).count() == 0


# ---- words


def test_a_refusal_says_the_price_what_is_left_and_cheaper_plans() -> None:
    clips = Step(
        kind=JobKind.CLIPS,
        provider="replicate",
        model=catalogue.default_model("clip", "replicate").ref,
        count=6,
        plan=False,
    )
    over = {"scope": Scope.AD, "subject": "x", "amount": Decimal(10), "spent": Decimal("7.10")}
    said = prices.refusal(clips, Budget(**over, held=Decimal("0.80") + clips.most()))
    assert said.user_message == (
        "6 clips with Stable Video Diffusion may come to $4.80, and of the $10.00 for this ad "
        "only $2.10 is left ($0.80 is held by what runs). Nothing was spent. Approve fewer "
        "pictures: 2 clips ~$1.60, or make all 6 with Hailuo 02 for ~$1.62, or look at the "
        "animatic, which is free. An admin can raise the budget in Settings."
    )


def test_a_refusal_of_pictures_names_the_draft_model() -> None:
    images = Step(
        kind=JobKind.IMAGES,
        provider="replicate",
        model=catalogue.default_model("image", "replicate").ref,
        count=6,
    )
    over = {"scope": Scope.ALL, "subject": "", "amount": Decimal(190), "spent": Decimal("189.88")}
    said = prices.refusal(images, Budget(**over, held=images.most())).user_message
    assert "of the $190.00 for all ads together only $0.12 is left" in said
    assert "Make all 6 with FLUX.1 schnell for ~$0.02" in said


def test_what_a_budget_keeps_is_the_most_a_call_can_cost() -> None:
    for spec in catalogue.catalogue().values():
        if spec.price is None:
            continue
        assert spec.most_cost() is not None
        assert (spec.expected_cost or 0) <= (spec.most_cost() or 0), spec.ref
    kling = catalogue.load_model("kwaivgi/kling-v2.1")
    assert kling.cost_of(3.0) == Decimal("0.25")
    seedance = catalogue.load_model("bytedance/seedance-1-lite")
    assert (seedance.cost_of(2.0), seedance.cost_of(None)) == (Decimal("0.072"), Decimal("0.180"))


# ---- who may move the line


def test_an_admin_moves_a_line_and_it_is_on_record(
    commands: Commands, person: Person, database: Database
) -> None:
    boss = add_person(database, "boss@example.com", Role.ADMIN)
    ad = commands.create_ad(person)
    assert ad.budget == 10
    assert commands.set_budget(boss, Scope.AD, "", Decimal(20)).own
    assert commands.load_ad(person, ad.id).budget == 20
    commands.set_budget(boss, Scope.AD, ad.id, Decimal("12.50"))
    assert commands.watch_ad(person, ad.id).budget == Decimal("12.50")
    commands.set_budget(boss, Scope.AD, ad.id, None)
    assert commands.load_ad(person, ad.id).budget == 20
    newest = commands.list_audit(boss, action="budget changed")[1]
    assert (newest.email, newest.session_id) == ("boss@example.com", ad.id)
    assert newest.details == {"scope": "ad", "team": None, "amount": "12.500000"}


def test_others_may_not_and_nonsense_is_refused(commands: Commands, person: Person) -> None:
    boss = person.model_copy(update={"role": Role.ADMIN})
    with pytest.raises(NotAllowed):
        commands.set_budget(person, Scope.ALL, "", Decimal(1000))
    for amount in ("-1", "NaN", "1e9"):
        with pytest.raises(InputRejected):
            commands.set_budget(boss, Scope.ALL, "", Decimal(amount))
    for scope, subject in ((Scope.AD, "nothing"), (Scope.TEAM, "99"), (Scope.TEAM, "x\x00")):
        with pytest.raises(NotFound):
            commands.set_budget(boss, scope, subject, Decimal(1))


def test_people_see_their_own_teams_line_and_everyones(
    commands: Commands, person: Person, database: Database
) -> None:
    other = add_person(database, "other@example.com", team="South")
    boss = add_person(database, "boss@example.com", Role.ADMIN)
    commands.set_budget(boss, Scope.TEAM, str(other.team_id), Decimal(30))
    mine = {budget.name for budget in commands.list_budgets(person)}
    assert "South" not in mine
    [south] = [b for b in commands.list_budgets(other) if b.scope is Scope.TEAM]
    assert (south.name, south.amount) == ("South", Decimal(30)) == ("South", south.left)


@pytest.mark.usefixtures("rich")
def test_a_stopped_run_gives_back_what_is_not_open(commands: Commands, person: Person) -> None:
    ad = commands.create_ad(person)
    commands.start_images(person, ad.id, "oak chair")
    held = [budget.held for budget in commands.list_budgets(person)]
    assert held == [PROMISED, 0, PROMISED], "everyone's, each ad's, the team's"
    commands.cancel(person, ad.id)
    assert not any(budget.held for budget in commands.list_budgets(person))
