"""Who you are, your tokens and your team's brand; for admins, everyone and what they did."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from adgen.api.auth import COOKIE, Acting, Signed
from adgen.api.schema import ADMIN, OWN, Body, Paged, problems
from adgen.api.views import NewPassword, NewPerson, NewToken
from adgen.commands import BUDGET_MAX
from adgen.domain import AuditEvent, Brand, Budget, Person, Role, Scope, TokenInfo

router = APIRouter()

# Text that can be asked for.
_WHOLE = r"^[^\x00]*$"
# As far as the database counts.
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class TokenBody(Body):
    """`days` null is a token that works until it is revoked."""

    name: str
    days: int | None = Field(None, ge=1, le=3650)


class PasswordBody(Body):
    current: str
    new: str


class PersonBody(Body):
    email: str
    role: Role
    team: str


class BrandBody(Body, Brand):
    """As it is read."""


class BudgetBody(Body):
    """`subject` is an ad's or a team's id, "" for each without one; `amount` null the usual one."""

    scope: Scope
    subject: str = Field("", max_length=36)
    amount: Decimal | None = Field(ge=0, le=BUDGET_MAX, decimal_places=2)


class RightsBody(Body):
    role: Role | None = None
    team: str | None = None


@router.get("/api/me", responses=problems(401))
def me(person: Signed) -> Person:
    """Who you are, with your role and team."""
    return person


@router.post("/api/auth/logout-everywhere", status_code=204, responses=problems(401, 403))
def logout_everywhere(person: Signed, response: Response, act: Acting) -> None:
    """End every login of yours, in all browsers; tokens stay."""
    act.sign_out_everywhere(person)
    response.delete_cookie(COOKIE, path="/")


@router.post("/api/me/password", status_code=204, responses=OWN | problems(429))
def change_password(body: PasswordBody, person: Signed, act: Acting) -> None:
    """Use another password from now on; every login ends, this one too."""
    act.change_password(person, body.current, body.new)


# ---- tokens for scripts


@router.get("/api/tokens", responses=problems(401, 422))
def list_tokens(person: Signed, act: Acting, page: Paged) -> list[TokenInfo]:
    """Your tokens that work, newest first."""
    return page.of(act.list_tokens(person))


@router.post("/api/tokens", status_code=201, responses=OWN)
def add_token(body: TokenBody, person: Signed, act: Acting) -> NewToken:
    """A token for a script; its words are told this once only."""
    made, token = act.add_token(person, body.name, body.days)
    return NewToken(**made.model_dump(), token=token)


@router.delete("/api/tokens/{token_id}", status_code=204, responses=ADMIN)
def revoke_token(token_id: Number, person: Signed, act: Acting) -> None:
    """The token is dead from now on."""
    act.revoke_token(person, token_id)


# ---- the brand, and what was spent


@router.get("/api/brand", responses=problems(401))
def get_brand(person: Signed, act: Acting) -> Brand:
    """How your team's films look."""
    return act.load_brand(person)


@router.put("/api/brand", responses=OWN)
def change_brand(body: BrandBody, person: Signed, act: Acting) -> Brand:
    """Use this look from now on; an empty `logo_key` removes the logo."""
    return act.save_brand(person, Brand.model_validate(body.model_dump()))


@router.get("/api/budgets", responses=problems(401))
def list_budgets(person: Signed, act: Acting) -> list[Budget]:
    """Everyone's budget, that of each ad, and of your team; every team's if you see all costs."""
    return act.list_budgets(person)


# ---- for admins


@router.put("/api/budgets", responses=ADMIN)
def set_budget(body: BudgetBody, person: Signed, act: Acting) -> Budget:
    """Let so much be spent from now on; gives the budget that holds, as `amount` null may do."""
    return act.set_budget(person, body.scope, body.subject, body.amount)


@router.get("/api/people", responses=problems(401, 403, 422))
def list_people(person: Signed, act: Acting, page: Paged) -> list[Person]:
    """Everyone, by address."""
    return page.of(act.list_people(person))


@router.post("/api/people", status_code=201, responses=OWN)
def add_person(body: PersonBody, person: Signed, act: Acting) -> NewPerson:
    """Somebody new, and their first password."""
    added, password = act.add_person(person, body.email, body.role, body.team)
    return NewPerson(**added.model_dump(), password=password)


@router.patch("/api/people/{email}", responses=ADMIN)
def change_person(email: str, body: RightsBody, person: Signed, act: Acting) -> Person:
    """Give somebody another role or team."""
    return act.change_person(person, email, role=body.role, team=body.team)


@router.post("/api/people/{email}/password", responses=ADMIN)
def renew_password(email: str, person: Signed, act: Acting) -> NewPassword:
    """A new password for somebody; their logins end."""
    return NewPassword(password=act.renew_password(person, email))


@router.get("/api/audit", responses=problems(401, 403, 422))
def list_audit(
    person: Signed,
    act: Acting,
    page: Paged,
    response: Response,
    email: Annotated[str, Query(max_length=320, pattern=_WHOLE)] = "",
    action: Annotated[str, Query(max_length=100, pattern=_WHOLE)] = "",
) -> list[AuditEvent]:
    """What cost money, opened a door or changed a right, newest first; X-Total-Count has all."""
    count = act.count_audit(person, email=email, action=action)
    response.headers["X-Total-Count"] = str(count)
    return act.list_audit(person, email=email, action=action, limit=page.limit, offset=page.offset)
