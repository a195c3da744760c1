"""A case file: all about a record in one file, and whatever is changed in it is found and named."""

from __future__ import annotations

import asyncio
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from crm_core import (
    SYSTEM,
    Actor,
    ActorKind,
    Command,
    Crm,
    Denied,
    NotFound,
    Selection,
    Unavailable,
)
from crm_core.audit import crm_verify
from crm_core.audit.crm_verify import Finding, canonical_json, verify_case
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.reads import How, Read, ReadLog, ReadMode
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.audit.store import AuditStore
from crm_core.casefile.gathering import case_file, write_case_file
from crm_core.customers import RegisterPerson, RenameCustomer, TagCustomer
from crm_core.engagement.interaction.commands import LogInteraction, RedactInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.identity import DefineRole, GrantRole, InviteUser, RoleRule, SetPassword
from crm_core.identity.user.commands import ActivateUser
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.privacy import DisclosureKind, RetentionAction, SetRetention
from crm_core.privacy.disclosure.events import DisclosureMade
from crm_core.sales import DefinePipeline, OpenOpportunity
from crm_core.sales.pipeline.standard import STANDARD_STAGES

ADA, ANNA, CALL = UUID(int=1), UUID(int=7), UUID(int=9)
STRANGER = UUID(int=2)
EVIL = "<script>alert('x')</script> & \"Ada\""
KEYS = AuditKeys.parse(new_key_line())

Files = dict[str, bytes]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, "crm_app", size=2)
    yield opened
    await opened.close()


@pytest.fixture
def audit(crm: Crm, pool: Pool, tmp_path: Path) -> AuditLog:
    return AuditLog(crm.store.ledger, AuditStore(pool), Signer(KEYS, Memory(tmp_path / "signed")))


@pytest.fixture
def reads(crm: Crm, pool: Pool) -> ReadLog:
    return ReadLog(pool, crm.tenant_id)


def vkeys(crm: Crm) -> list[str]:
    return [str(key) for key in KEYS.verifiers(f"crm/{crm.tenant_id}")]


async def lived(crm: Crm) -> None:
    """Ada's story by Anna, with a stranger's events in between."""
    anna = Actor.user(ANNA)
    steps: list[tuple[Command, Actor]] = [
        (InviteUser(user_id=ANNA, name="Anna", email="anna@example.com"), SYSTEM),
        (SetPassword(user_id=ANNA, password="a long enough passphrase"), SYSTEM),
        (GrantRole(user_id=ANNA, role="sales"), SYSTEM),
        (ActivateUser(user_id=ANNA), SYSTEM),
        (RegisterPerson(customer_id=ADA, name=EVIL, email="ada@example.com"), anna),
        (RegisterPerson(customer_id=STRANGER, name="Nobody's business"), SYSTEM),
        (TagCustomer(customer_id=ADA, tag="vip"), anna),
        (
            LogInteraction(
                interaction_id=CALL, customer_id=ADA, channel=InteractionChannel.CALL,
                direction=InteractionDirection.INBOUND, body="Unsayable words",
            ),
            anna,
        ),
        (RedactInteraction(interaction_id=CALL, reason="asked"), SYSTEM),
        (RenameCustomer(customer_id=STRANGER, name="Still nobody's"), SYSTEM),
    ]  # fmt: skip
    for command, actor in steps:
        await crm.execute(command, actor)


async def test_a_case_holds_all_about_a_subject_and_nothing_about_others(
    crm: Crm, audit: AuditLog, reads: ReadLog, tmp_path: Path
) -> None:
    await lived(crm)
    path = tmp_path / "ada.zip"
    count = await write_case_file(crm, audit, reads, ADA, path, SYSTEM, hidden={"password_hash"})
    files = crm_verify.Zip(path)
    case = verify_case(files, vkeys(crm))
    assert count == len(case.positions)
    assert set(case.streams) == {
        f"customers.customer/{ADA}", f"engagement.interaction/{CALL}", f"identity.user/{ANNA}",
    }  # fmt: skip
    rights = {entry["position"]: entry for entry in json.loads(files["rights.json"])}
    first = min(rights)
    assert rights[first]["actor"] == {"kind": "USER", "id": str(ANNA)}
    assert {"customer"} <= {rule["kind"] for rule in rights[first]["rules"]}
    assert json.loads(files["reads.json"])["says"] == "reads: not recorded"
    page = files["index.html"].decode()
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    for absent in ("<script", "Nobody", "Unsayable", "argon2", "anna@example.com", "http:"):
        assert absent not in page, absent
    assert "reads: not recorded" in page


async def test_the_policies_are_in_a_case_and_those_of_deals_only_where_there_is_one(
    crm: Crm, audit: AuditLog, reads: ReadLog
) -> None:
    await lived(crm)
    role = DefineRole(name="narrow", rules=(RoleRule(kind="customer", actions=("read",)),))
    kept_for = SetRetention(idle_days=730, action=RetentionAction.ERASE)
    pipeline = DefinePipeline(name="Standard", stages=STANDARD_STAGES)
    for command in (role, kept_for, pipeline):
        await crm.execute(command, SYSTEM)
    always = {f"identity.role/{role.role_id}", f"privacy.retention/{kept_for.retention_id}"}
    of_deals = f"sales.pipeline/{pipeline.pipeline_id}"
    without = await case_file(crm, audit, reads, ADA, SYSTEM)
    assert always <= set(verify_case(without, vkeys(crm)).streams)
    assert of_deals not in verify_case(without, vkeys(crm)).streams

    deal = OpenOpportunity(
        name="Roof", pipeline_id=pipeline.pipeline_id, owner_id=ANNA, currency="EUR",
        customer_id=ADA,
    )  # fmt: skip
    await crm.execute(deal, SYSTEM)
    for about in (ADA, deal.opportunity_id):
        held = verify_case(await case_file(crm, audit, reads, about, SYSTEM), vkeys(crm))
        assert {*always, of_deals} <= set(held.streams)


async def test_a_case_is_verified_on_a_machine_that_has_nothing_of_ours(
    crm: Crm, audit: AuditLog, reads: ReadLog, tmp_path: Path
) -> None:
    await lived(crm)
    path, script = tmp_path / "ada.zip", tmp_path / "crm_verify.py"
    await write_case_file(crm, audit, reads, ADA, path, SYSTEM)
    with zipfile.ZipFile(path) as archive:
        script.write_bytes(archive.read("crm_verify.py"))

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-I", str(script), str(path), *options],
                              capture_output=True, text=True, check=False)  # fmt: skip

    said = run("--key", vkeys(crm)[0])
    assert said.returncode == 0, said.stderr
    assert "[OK]" in said.stdout
    assert run().returncode == 3
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert run("--key", vkeys(crm)[0]).returncode == 1


async def test_a_case_that_left_is_named_for_everybody_in_it_when_they_are_erased(
    crm: Crm, audit: AuditLog, reads: ReadLog, tmp_path: Path
) -> None:
    await lived(crm)
    path = tmp_path / "call.zip"
    await write_case_file(crm, audit, reads, CALL, path, SYSTEM)
    with pytest.raises(FileExistsError):
        await write_case_file(crm, audit, reads, CALL, path, SYSTEM)
    page = await anext(crm.events(Selection(types=[DisclosureMade.TOPIC])))
    made = [event.data for event in page]
    assert all(isinstance(copy, DisclosureMade) for copy in made)
    assert [(copy.kind, copy.subject_id) for copy in made] == [(DisclosureKind.CASE_FILE, ADA)]


async def test_a_case_tells_who_read_what_is_in_it(
    crm: Crm, audit: AuditLog, reads: ReadLog, tmp_path: Path
) -> None:
    await lived(crm)
    await reads.begin()
    eve = Actor(ActorKind.USER, str(UUID(int=13)), on_behalf_of=str(ANNA))
    shown = {("customer", ADA): True, ("customer", STRANGER): True}
    for _ in range(2):
        await reads.record(Read(eve, How.QUERY, "looking", shown))
    await reads.record(Read(eve, How.QUERY, "elsewhere", {("customer", STRANGER): True}))
    await case_file(crm, audit, reads, CALL, SYSTEM)
    path = tmp_path / "ada.zip"
    await write_case_file(crm, audit, reads, ADA, path, SYSTEM)
    files = crm_verify.Zip(path)
    verify_case(files, vkeys(crm))
    told = json.loads(files["reads.json"])
    assert [mode["mode"] for mode in told["modes"]] == [ReadMode.MATTERS]
    looked, again, gathered = told["reads"]
    assert looked["on_behalf_of"] == str(ANNA)
    assert looked["records"] == [{"kind": "customer", "id": str(ADA), "personal": True}]
    assert looked["recorded_at"] < again["recorded_at"]
    assert (gathered["how"], gathered["actor"]["id"]) == ("case file", "crm")
    page = files["index.html"].decode()
    assert f"<td>user {eve.id}, on behalf of {ANNA}</td>" in page
    assert "query looking</td><td>2</td>" in page
    assert str(STRANGER) not in page + json.dumps(told)
    check = Balanced()
    check.feed(page)
    assert (check.faults, check.open) == ([], [])


async def test_a_case_whose_making_cannot_be_recorded_is_not_made(
    crm: Crm, audit: AuditLog, pool: Pool, database_url: str
) -> None:
    await lived(crm)
    reads = ReadLog(pool, crm.tenant_id)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("revoke insert on audit.reads from crm_app")
    with pytest.raises(Unavailable, match=r"reads\.not_recorded"):
        await case_file(crm, audit, reads, ADA, SYSTEM)


async def test_who_may_not_take_personal_data_along_gets_no_case(
    crm: Crm, audit: AuditLog, reads: ReadLog, tmp_path: Path
) -> None:
    await lived(crm)
    with pytest.raises(Denied):
        await write_case_file(crm, audit, reads, ADA, tmp_path / "ada.zip", Actor.user(ANNA))
    assert not (tmp_path / "ada.zip").exists()


async def test_there_is_no_case_of_what_there_is_not(
    crm: Crm, audit: AuditLog, reads: ReadLog
) -> None:
    await lived(crm)
    with pytest.raises(NotFound):
        await case_file(crm, audit, reads, UUID(int=404), SYSTEM)


async def test_the_page_is_well_formed_and_names_its_language(
    crm: Crm, audit: AuditLog, reads: ReadLog
) -> None:
    await lived(crm)
    page = (await case_file(crm, audit, reads, ADA, SYSTEM))["index.html"].decode()
    check = Balanced()
    check.feed(page)
    assert check.faults == []
    assert check.open == []
    assert '<html lang="en">' in page
    assert page.count("<h1") == 1


class Balanced(HTMLParser):
    """What is opened and not closed, and what loads something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        if any(name in ("src", "href") for name, _ in attrs):
            self.faults.append(f"{tag} loads something")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")


# --- mutations: each returns the files and the position that has to be named, if it is one -------

Mutation = Callable[[Files, random.Random], tuple[Files, int | None]]


def refitted(files: Files, **changes: object) -> Files:
    """All that anybody without the signing key can make fit."""
    case = json.loads(files["case.json"]) | changes
    case["files"] = {
        name: sha256(content).hexdigest()
        for name, content in files.items() if name not in ("case.json", "case.sig")
    }  # fmt: skip
    return {**files, "case.json": canonical_json(case)}


def proofs(files: Files) -> list[str]:
    return sorted(name for name in files if name.startswith("proofs/"))


def position_in(name: str) -> int:
    return int(name[7:19])


def flip_a_bit(files: Files, dice: random.Random) -> tuple[Files, int | None]:
    name = dice.choice(sorted(files))
    content = bytearray(files[name])
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    named = position_in(name) if name.startswith("proofs/") else None
    return {**files, name: bytes(content)}, named


def change_a_proof(files: Files, dice: random.Random) -> tuple[Files, int | None]:
    """And make the digests fit."""
    name = dice.choice(proofs(files))
    content = bytearray(files[name])
    content[dice.randrange(len(content) - 1)] = dice.choice(b"abcXYZ019+/ \n")
    if bytes(content) == files[name]:
        return flip_a_bit({name: files[name]} | files, random.Random(1))
    return refitted({**files, name: bytes(content)}), position_in(name)


def take_an_event_out(files: Files, dice: random.Random) -> tuple[Files, int | None]:
    """And say that there never was one: in the middle of a stream its successor tells."""
    case = json.loads(files["case.json"])
    name = dice.choice(proofs(files))
    rest = {other: content for other, content in files.items() if other != name}
    kept = [position for position in case["positions"] if position != position_in(name)]
    return refitted(rest, positions=kept), None


def take_the_last_events_out(files: Files, dice: random.Random) -> tuple[Files, int | None]:
    """From the end of a stream, with its count mended: only the signature can tell."""
    case = json.loads(files["case.json"])
    ends: dict[str, int] = {}
    for name in proofs(files):
        _, line = crm_verify.verify_proof(files[name].decode(), case["keys"])
        ends[json.loads(line)["subject"]] = position_in(name)
    stream = dice.choice(sorted(ends))
    gone = crm_verify.proof_name(ends[stream])
    streams = {**case["streams"], stream: case["streams"][stream] - 1}
    streams = {name: count for name, count in streams.items() if count}
    rest = {name: content for name, content in files.items() if name != gone}
    kept = [position for position in case["positions"] if position != ends[stream]]
    return refitted(rest, positions=kept, streams=streams), None


def tell_another_story(files: Files, dice: random.Random) -> tuple[Files, None]:
    """On the page, or of the rights, with the digests mended."""
    name = dice.choice(["index.html", "rights.json", "reads.json"])
    content = files[name].replace(b"customer", b"nobody%d" % dice.randrange(99)) + b"\n"
    return refitted({**files, name: content}), None


def swap_two_proofs(files: Files, dice: random.Random) -> tuple[Files, int]:
    one, other = sorted(dice.sample(proofs(files), 2))
    return refitted({**files, one: files[other], other: files[one]}), position_in(one)


def sign_with_another_key(files: Files, dice: random.Random) -> tuple[Files, None]:
    case, other = json.loads(files["case.json"]), AuditKeys.parse(new_key_line())
    text = crm_verify.case_text(case["origin"], files["case.json"])
    return {**files, "case.sig": other.signed(case["origin"], text).encode()}, None


def add_a_file(files: Files, dice: random.Random) -> tuple[Files, None]:
    return {**files, f"proofs/{dice.randrange(10**6)}.txt": b"believe me"}, None


MUTATIONS: dict[Mutation, int] = {
    flip_a_bit: 150, change_a_proof: 120, take_an_event_out: 40, take_the_last_events_out: 20,
    tell_another_story: 40, swap_two_proofs: 40, sign_with_another_key: 10, add_a_file: 20,
}  # fmt: skip


@pytest.fixture(scope="module")
async def case(shared_database_url: str) -> AsyncIterator[tuple[Files, list[str]]]:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp))
    pool = await open_pool(shared_database_url, "crm_app", size=2)
    async with await Crm.open(shared_database_url, root_key=bytes(range(32))) as crm:
        signer = Signer(KEYS, Memory(folder))
        await lived(crm)
        log = AuditLog(crm.store.ledger, AuditStore(pool), signer)
        reads = ReadLog(pool, crm.tenant_id)
        yield await case_file(crm, log, reads, ADA, SYSTEM), vkeys(crm)
    await pool.close()
    shutil.rmtree(folder)


def missed(mutation: Mutation, times: int, case: tuple[Files, list[str]]) -> Iterator[str]:
    dice = random.Random(mutation.__name__)
    for turn in range(times):
        files, position = mutation(case[0], dice)
        try:
            verify_case(files, case[1])
        except Finding as finding:
            if position is not None and finding.position != position:
                yield f"{mutation.__name__} {turn}: at {position}, said {finding}"
        else:
            yield f"{mutation.__name__} {turn}: not found"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
async def test_every_mutation_of_a_case_is_found_and_named(
    mutation: Mutation, case: tuple[Files, list[str]]
) -> None:
    verify_case(*case)
    assert list(missed(mutation, MUTATIONS[mutation], case)) == []


async def test_a_verifier_that_does_not_look_at_the_signature_is_caught(
    case: tuple[Files, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = crm_verify.signed_text

    def believing(note: str, keys: object) -> str:
        text = note.rpartition("\n\n")[0] + "\n"
        return (
            crm_verify.case_text(text.split("\n")[0], current["case.json"])
            if ("\ncase " in text)
            else real(note, keys)
        )  # type: ignore[arg-type]

    monkeypatch.setattr(crm_verify, "signed_text", believing)
    current, _ = tell_another_story(case[0], random.Random(1))
    verify_case(current, case[1])
    current, _ = take_the_last_events_out(case[0], random.Random(1))
    verify_case(current, case[1])


def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("case.json", bytes(10_000))
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed.getvalue())
    monkeypatch.setattr(crm_verify, "CASE_BYTES_MAX", 9_999)
    with pytest.raises(Finding, match=r"case\.too_large"):
        crm_verify.Zip(path)
