"""The command line: the same commands and worker as the browser, with progress bars."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

from tqdm import tqdm

from adgen import __version__, cli_backup, cli_prune, demo, health, jobs, storage_cli
from adgen.commands import Commands, check_password, check_prompt
from adgen.config import settings
from adgen.domain import (
    CLIPS_TO_APPROVE,
    IMAGES_TO_APPROVE,
    SYSTEM,
    AdState,
    Aspect,
    AudioChoice,
    Genre,
    JobStatus,
    Person,
    Role,
    SpendFilter,
    TextOverlay,
    View,
)
from adgen.errors import AdgenError, InputRejected, ModelInputRefused, Unavailable
from adgen.exports import Format, What
from adgen.launch import Stack, raise_keyboard_interrupt
from adgen.providers import cards, catalogue, ffmpeg, photos
from adgen.providers.looks import paint_looks
from adgen.providers.replicate import ReplicateModels
from adgen.providers.sources import models_for
from adgen.providers.storage import storage
from adgen.providers.studio import orders as studio
from adgen.reconcile import compare, in_words, read_bill
from adgen.store import demo as demo_rows
from adgen.store import rollup, users, workers

POLL_S = 0.15
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code. Expected failures are one clear line."""
    arguments = _parser().parse_args(argv)
    if arguments.act is not _worker:
        # The worker that `make` starts writes to the same terminal.
        os.environ.setdefault("ADGEN_LOG_LEVEL", "WARNING")
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    act: Callable[[argparse.Namespace], int] = arguments.act
    try:
        return act(arguments)
    except AdgenError as error:
        print(f"adgen: {error.user_message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("adgen: stopped.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="adgen", description="Make video ads with AI, and know every cent."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _make_arguments(commands.add_parser("make", help="make an ad from words and photos"))
    worker = commands.add_parser("worker", help="run a worker; any number, on any machine")
    worker.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    worker.add_argument("--drain", action="store_true", help="end when its runs are done")
    worker.set_defaults(act=_worker)
    doctor = commands.add_parser("doctor", help="check everything the product needs")
    doctor.set_defaults(act=_doctor)
    health.add_arguments(commands.add_parser("health", help="whether the web or a worker is well"))
    _user_arguments(commands.add_parser("user", help="add and list people"))
    _demo_arguments(commands.add_parser("demo-data", help="a made-up month of ads to look at"))
    _costs_arguments(commands.add_parser("costs", help="export costs, compare them with a bill"))
    cli_backup.add_commands(commands)
    cli_prune.add_arguments(commands.add_parser("prune", help="remove what the rules keep no more"))
    storage_cli.add_arguments(commands.add_parser("storage", help="check or move the files"))
    return parser


def _make_arguments(make: argparse.ArgumentParser) -> None:
    make.add_argument("prompt", help='the product, such as "pink tennis shoes"')
    make.add_argument(
        "--photo", action="append", default=[], type=Path, help="a product photo; up to six"
    )
    make.add_argument("--video-prompt", default="slow push-in, soft light", help="how it moves")
    make.add_argument("--product-name", default=None, help="text of the intro card")
    make.add_argument("--cta", default="Shop now", help="text of the outro card")
    make.add_argument("--music", default="upbeat", choices=[*Genre, "none"], metavar="GENRE")
    make.add_argument("--aspect", default=Aspect.WIDE.value, choices=[a.value for a in Aspect])
    make.add_argument(
        "--pick", default=4, type=int, metavar="N", help="pictures to approve, 2 to 6 (4)"
    )
    make.add_argument("--out", required=True, type=Path, help="where the finished mp4 goes")
    make.add_argument("--json", action="store_true", help="print the result as JSON")
    make.set_defaults(act=_make)


def _user_arguments(user: argparse.ArgumentParser) -> None:
    actions = user.add_subparsers(required=True, metavar="action")
    add = actions.add_parser("add", help="add a person; asks for the password")
    add.add_argument("email")
    add.add_argument("--role", default=Role.EDITOR.value, choices=[role.value for role in Role])
    add.add_argument("--team", default=users.FIRST_TEAM, help="made if there is none of this name")
    add.set_defaults(act=_user_add)
    listing = actions.add_parser("list", help="list everyone")
    listing.set_defaults(act=_user_list)
    change = actions.add_parser("role", help="give a person another role or team")
    change.add_argument("email")
    change.add_argument("role", choices=[role.value for role in Role])
    change.add_argument("--team")
    change.set_defaults(act=_user_role)


def _demo_arguments(demo_data: argparse.ArgumentParser) -> None:
    demo_data.add_argument("--remove", action="store_true", help="take all of it away again")
    demo_data.add_argument("--seed", type=int, default=1, help="another number, another month")
    demo_data.set_defaults(act=_demo_data)


def _costs_arguments(costs: argparse.ArgumentParser) -> None:
    actions = costs.add_subparsers(required=True, metavar="action")
    export = actions.add_parser("export", help="calls or daily totals as a file")
    export.add_argument("--format", default=Format.CSV.value, choices=[f.value for f in Format])
    export.add_argument("--what", default=What.CALLS.value, choices=[what.value for what in What])
    export.add_argument("--out", required=True, type=Path, help="where the file goes")
    export.set_defaults(act=_costs_export)
    reconcile = actions.add_parser("reconcile", help="compare a supplier's bill with the ledger")
    reconcile.add_argument("bill", type=Path, help="CSV with date, model, amount, and quantity")
    reconcile.set_defaults(act=_costs_reconcile)
    for action in (export, reconcile):
        action.add_argument("--from", dest="since", type=_day, metavar="DAY", help="2026-11-01")
        action.add_argument("--to", dest="until", type=_day, metavar="DAY", help="the last one")
        action.add_argument("--tz", help="whose days they are, such as Europe/Berlin")
        action.add_argument("--demo", action="store_true", help="demo data too")


def _day(word: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word} is no day; write it like 2026-11-01") from None


def _worker(arguments: argparse.Namespace) -> int:
    # Only this command loads the pipeline and the engine.
    from adgen import worker

    return worker.main(arguments.parent, drain=arguments.drain)


# make


def _make(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    _check_make(arguments)
    # Said outright for both: a shell starts background jobs with SIGINT ignored.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, raise_keyboard_interrupt)
    stack = Stack()
    stack.start(worker=None)
    try:
        person, _ = stack.demo_login()
        state = _make_ad(stack.commands, person, arguments)
        _copy_film(stack.commands, person, state, arguments.out)
    finally:
        stack.stop()
    _tell(arguments, state, time.monotonic() - began)
    return 0


def _check_make(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is spent or waited for."""
    if not IMAGES_TO_APPROVE <= arguments.pick <= len(View):
        raise InputRejected(f"--pick must be {IMAGES_TO_APPROVE} to {len(View)}.")
    check_prompt(arguments.prompt, "product")
    check_prompt(arguments.video_prompt, "video")
    for photo in arguments.photo:
        if not photo.is_file():
            raise InputRejected(f"The photo {photo} does not exist.")
        photos.read_photo(photo.read_bytes(), photo.name)
    out: Path = arguments.out
    if out.is_dir():
        raise InputRejected(f"--out {out} is a folder. Name a file, such as {out / 'ad.mp4'}.")
    try:
        with NamedTemporaryFile(dir=out.parent, prefix=".adgen-"):
            pass
    except OSError as error:
        raise InputRejected(
            f"--out {out} cannot be written ({error.strerror}). Name a file in a folder that "
            "exists and that you may write to."
        ) from error


def _make_ad(commands: Commands, person: Person, arguments: argparse.Namespace) -> AdState:
    """Brief to film, approving by itself."""
    aspect = Aspect(arguments.aspect)
    ad = commands.create_ad(person)
    try:
        for photo in arguments.photo:
            commands.add_photo(person, ad.id, photo.read_bytes(), photo.name)
        commands.start_images(person, ad.id, arguments.prompt, aspect=aspect)
        state = _wait(commands, person, ad.id, "Pictures")
        chosen = [image.id for image in state.images if not image.stale][: arguments.pick]
        commands.approve_images(person, ad.id, chosen)
        commands.start_clips(person, ad.id, arguments.video_prompt)
        state = _wait(commands, person, ad.id, "Clips")
        clips = [clip.id for clip in state.clips if not clip.stale]
        commands.approve_clips(person, ad.id, clips[: max(CLIPS_TO_APPROVE, len(clips))])
        overlay = TextOverlay(product_name=_name(arguments, state), cta=arguments.cta)
        audio = (
            AudioChoice(enabled=False, genre=None)
            if arguments.music == "none"
            else AudioChoice(genre=Genre(arguments.music))
        )
        commands.start_video(person, ad.id, overlay, audio, shapes=[aspect])
        return _wait(commands, person, ad.id, "Film")
    except KeyboardInterrupt:
        if commands.load_ad(person, ad.id).working:
            commands.cancel(person, ad.id)
        raise


def _name(arguments: argparse.Namespace, state: AdState) -> str:
    if arguments.product_name is not None:
        return str(arguments.product_name)
    return (state.product or arguments.prompt)[:80].strip().capitalize()


def _wait(commands: Commands, person: Person, session_id: str, label: str) -> AdState:
    """Follow the ad's run to its end. Raises InputRejected with the reason when it failed.

    A terminal gets a bar; a file or a pipe gets a line whenever there is something new to say.
    """
    said = ""
    with tqdm(
        total=100,
        desc=f"{label:9}",
        bar_format="{desc} {bar} {percentage:3.0f}% {postfix}",
        file=sys.stderr,
        disable=None,
    ) as bar:
        while True:
            state = commands.load_ad(person, session_id)
            job = state.job
            if job is not None:
                if bar.disable and job.message != said:
                    said = job.message
                    sys.stderr.write(f"{label:9} {job.percent:3d}%  {said}\n")
                bar.n = job.percent
                bar.set_postfix_str(f"{job.message}  ${state.total_cost:.2f}")
                if job.status is JobStatus.DONE:
                    return state
                if not job.live:
                    raise InputRejected(job.error or job.message)
            time.sleep(POLL_S)


def _copy_film(commands: Commands, person: Person, state: AdState, out: Path) -> None:
    if state.final_video is None:
        raise InputRejected("The film was not made.")
    _, key = commands.load_file(person, state.final_video.id)
    part = out.with_name(f".{out.name}.part")
    try:
        shutil.copyfile(storage().path(key), part)
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputRejected(
            f"The film is finished and kept, but {out} cannot be written ({error.strerror}). "
            "Download it in the browser, or free some space."
        ) from error


def _tell(arguments: argparse.Namespace, state: AdState, seconds: float) -> None:
    video = state.final_video
    assert video is not None  # noqa: S101
    details = video.details
    if arguments.json:
        result = {
            "session_id": state.id,
            "out": str(arguments.out),
            "duration_seconds": details["duration_seconds"],
            "size_bytes": details["size_bytes"],
            "total_cost": str(state.total_cost),
            "images": len(state.images),
            "clips": len(state.clip_order),
            "seconds": round(seconds, 1),
        }
        print(json.dumps(result))
        return
    print(
        f"{arguments.out}: {details['duration_seconds']:.1f} s, "
        f"{details['width']}x{details['height']}, {details['size_bytes'] / 1e6:.1f} MB, "
        f"${state.total_cost:.2f}, made in {seconds:.0f} s"
    )


# doctor and user


def _doctor(_: argparse.Namespace) -> int:
    """One line a check; non-zero when one fails."""
    stack = Stack()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("settings", lambda: f"home {settings().home}, provider {settings().provider}"),
        ("storage", storage_cli.check_storage),
        ("ffmpeg", ffmpeg.version),
        ("fonts", _fonts),
        ("database", lambda: _database(stack)),
        ("worker", lambda: _workers(stack)),
        ("redis", lambda: _redis(stack)),
        *_model_checks(),
    ]
    failed = 0
    try:
        for name, check in checks:
            try:
                print(f"ok    {name:9} {check()}")
            except (AdgenError, OSError) as error:
                failed += 1
                print(f"FAIL  {name:9} {error}")
    finally:
        stack.stop()
    return 1 if failed else 0


def _model_checks() -> list[tuple[str, Callable[[], str]]]:
    """The account, and each model of the catalogue that is reached through it."""
    if settings().provider != "replicate":
        return [
            ("models", lambda: "offline; set REPLICATE_API_TOKEN for real models"),
            ("studio", _studio),
        ]
    specs = [spec for spec in catalogue.catalogue().values() if spec.door == "replicate"]
    return [
        ("account", lambda: _hosted().account()),
        *(("model", partial(_model, spec)) for spec in specs),
    ]


def _studio() -> str:
    """What pictures without photos are, and how to have better ones."""
    if studio.in_use():
        return "rendered mock-ups"
    if studio.installed():
        return "plain title frames, as ADGEN_OFFLINE_LOOK says"
    return "plain title frames; pip install -r requirements-studio.txt for rendered mock-ups"


def _hosted() -> ReplicateModels:
    door = models_for("replicate")
    assert isinstance(door, ReplicateModels)  # noqa: S101
    return door


def _model(spec: catalogue.ModelSpec) -> str:
    unknown = _hosted().unknown_fields(spec)
    if unknown:
        raise ModelInputRefused(
            f"{spec.label} ({spec.ref[:60]}) no longer takes {', '.join(unknown)}. "
            "Correct its inputs in adgen/providers/models.toml."
        )
    return f"{spec.label} ({spec.name})"


def _fonts() -> str:
    if cards.can_shape():
        return "all scripts"
    return "Arabic and Indic letters stay unjoined; install libfribidi0 to join them"


def _database(stack: Stack) -> str:
    stack.start(worker=False)
    return "built in" if settings().database_url is None else "DATABASE_URL"


def _workers(stack: Stack) -> str:
    if not hasattr(stack, "commands"):
        raise Unavailable("Workers cannot be counted without the database.")
    with stack.database.begin() as db:
        count = workers.live_workers(db)
        left = jobs.stranded(jobs.count_waiting(db), {jobs.VERSION, *workers.versions_taken(db)})
    if left:
        raise Unavailable("; ".join(jobs.tell_stranded(left)))
    return f"{count} running" if count else "none running; the app starts its own"


def _redis(stack: Stack) -> str:
    if settings().redis_url is None:
        return "not used; several web processes may share one, see ADGEN_REDIS_URL"
    if not hasattr(stack, "commands") or stack.commands.redis is None:
        raise Unavailable("Redis cannot be asked without the database.")
    return stack.commands.redis.check()


def _user_add(arguments: argparse.Namespace) -> int:
    password = os.environ.get("ADGEN_NEW_PASSWORD") or getpass.getpass("Password: ")
    check_password(password)
    email, role = arguments.email, Role(arguments.role)
    stack = Stack()
    stack.start(worker=False)
    try:
        stack.commands.add_person(SYSTEM, email, role, arguments.team, password)
    finally:
        stack.stop()
    print(f"{email} may sign in as {role}, in the team {arguments.team}.")
    return 0


def _demo_data(arguments: argparse.Namespace) -> int:
    """Make the month anew, or remove it."""
    stack = Stack()
    stack.start(worker=False)
    try:
        with stack.database.begin() as db:
            removed, files = demo_rows.remove_month(db)
            if not arguments.remove:
                hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
                looks = paint_looks([product for product, _ in demo.PRODUCTS])
                month = demo.make_month(arguments.seed, hour, looks)
                files -= {asset["storage_key"] for asset in month.assets}
                demo_rows.add_month(db, month)
        # Now rather than when somebody opens the page.
        rollup.prepare(stack.database, settings().report_tz)
        rollup.fold(stack.database, least=False)
    finally:
        stack.stop()
    for key in files:
        storage().remove(key)
    if arguments.remove:
        print(f"Removed {removed} made-up ads and everything of theirs.")
    else:
        spent = sum(ad["total_cost"] for ad in month.sessions)
        print(
            f"Made {len(month.sessions)} ads with {len(month.costs):,} calls by "
            f"{len(month.users)} people in {len(month.teams)} teams, ${spent:.2f} in all. They "
            "are marked as demo and count in no budget; --remove takes them away."
        )
    return 0


def _user_list(_: argparse.Namespace) -> int:
    stack = Stack()
    stack.start(worker=False)
    try:
        with stack.database.begin() as db:
            for person in users.list_users(db):
                print(f"{person.email:40} {person.role:8} {person.team}")
    finally:
        stack.stop()
    return 0


def _user_role(arguments: argparse.Namespace) -> int:
    stack = Stack()
    stack.start(worker=False)
    try:
        role = Role(arguments.role)
        changed = stack.commands.change_person(
            SYSTEM, arguments.email, role=role, team=arguments.team
        )
    finally:
        stack.stop()
    print(f"{changed.email} is {changed.role} in the team {changed.team}.")
    return 0


# costs


def _costs_asked(arguments: argparse.Namespace, **rest: date | None) -> SpendFilter:
    given = {"since": arguments.since, "until": arguments.until}
    days = {**rest, **{name: day for name, day in given.items() if day}}
    zone = arguments.tz or settings().report_tz
    return SpendFilter.of_zone(zone, demo=arguments.demo, **days)


def _costs_export(arguments: argparse.Namespace) -> int:
    asked, out = _costs_asked(arguments), arguments.out
    part = out.with_name(f".{out.name}.part")
    stack = Stack()
    stack.start(worker=False)
    try:
        what, form = What(arguments.what), Format(arguments.format)
        stack.commands.export(SYSTEM, asked, what, form, part)
        part.replace(out)
    except OSError as error:
        raise InputRejected(f"--out {out} cannot be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)
        stack.stop()
    print(f"{out}: {what}, days of {asked.zone}")
    return 0


def _costs_reconcile(arguments: argparse.Namespace) -> int:
    """The comparison as a table; non-zero when bill and ledger differ."""
    try:
        bill = read_bill(arguments.bill.read_bytes())
    except OSError as error:
        raise InputRejected(f"{arguments.bill} cannot be read ({error.strerror}).") from error
    days = [line.day for line in bill.lines]
    asked = _costs_asked(arguments, since=min(days), until=max(days))
    stack = Stack()
    stack.start(worker=False)
    try:
        found = compare(stack.commands.model_days(SYSTEM, asked), bill)
    finally:
        stack.stop()
    for line in (*bill.skipped, *in_words(found)):
        print(line)
    return 1 if found.days else 0
