"""Mutations that break freshness, one at a time. The simulation must detect each of them."""

import asyncio
import copy
import hashlib
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from shared import freshness
from shared.answer import Answer
from shared.answer_stream import AnswerStart, AnswerStream
from shared.ask_state import AskState
from shared.assistant import Assistant
from shared.cache import (
    codec,
    index_entries,
    invalidation,
    keyspace,
    matchable_entries,
    parse_replies,
    scripts,
    session,
    single_flight,
    source_digests,
)
from shared.cache.coalescing import Coalescer, Membership
from shared.cache.feedback import Feedback
from shared.cache.invalidation import Invalidation
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command, Script
from shared.cache.results import LookupResult, MissContext
from shared.cache.user_budget import UserBudget
from shared.cache.warming_session import WarmingSession
from shared.container import Container
from shared.errors import CacheUnavailableError, StoreUnavailableError
from shared.freshness import Freshness, NoteChangeResult
from shared.notes import version_order
from shared.notes.note import Chunk, Note, Source
from shared.question import Question, Request
from shared.question_resolver import QuestionResolver
from shared.tags import searches
from shared.text.canonical_form import canonical_form
from shared.warming import Warmer
from tests.support.interleaving.adapters import WatchedStore
from tests.support.interleaving.loop import EPOCH
from tests.support.interleaving.scenarios import (
    ALIASES,
    CALM,
    CALM_TAGS,
    CONCURRENT,
    CONTEXTS,
    CONVERSATIONS,
    DROPPED_TARGETS,
    DUPLICATES,
    EMPTY_CACHE,
    EVICTIONS,
    FAULTS,
    FEEDBACK,
    FUTURE_TIMES,
    GROWTH,
    LOW_COSINES,
    OPEN_CIRCUITS,
    REDIS_FAILOVERS,
    REFUSED_TEXTS,
    SEQUENCED,
    STAGGERED,
    STEADY_GROWTH,
    STORE_FAILOVERS,
    STREAMING,
    WARMED_GROWTH,
    WARMING,
    Scenario,
)

Mutation = Callable[[pytest.MonkeyPatch], None]


def rewrite(
    patch: pytest.MonkeyPatch, module: ModuleType, name: str, changes: Mapping[str, str]
) -> None:
    """Replace parts of a script. Each part must occur exactly once."""
    script: Script = copy.copy(getattr(module, name))
    for old, new in changes.items():
        assert script._text.count(old) == 1, f"{name} no longer holds {old!r}"
        script._text = script._text.replace(old, new)
    script._sha = hashlib.sha1(script._text.encode(), usedforsecurity=False).hexdigest()
    patch.setattr(module, name, script)


def store_without_the_fence(patch: pytest.MonkeyPatch) -> None:
    fence = "redis.call('HGET', questions, 'fence') ~= ARGV[2]"
    rewrite(patch, scripts, "_STORE", {fence: "false"})


def no_epsilon(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(freshness, "EPSILON", 0.0)


def no_rule_for_fewer_than_k(patch: pytest.MonkeyPatch) -> None:
    """The last source's similarity is the limit also if the search returned fewer than k."""
    new_entry = index_entries.new_entry

    def mutated(
        question: str, vector: Any, sources: Sequence[Source], *args: Any, **kwargs: Any
    ) -> index_entries.Entry:
        lowest = min((source.similarity for source in sources), default=-1.0)
        entry = new_entry(question, vector, sources, *args, **kwargs)
        return entry._replace(lowest_similarity=lowest)

    patch.setattr(index_entries, "new_entry", mutated)


def used_notes_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(freshness, "note_key", lambda note_id: b"")


def used_notes_compared_by(
    patch: pytest.MonkeyPatch, text_digest: Callable[[Chunk | Source], bytes]
) -> None:
    for module in (freshness, source_digests):
        patch.setattr(module, "text_digest", text_digest)


def used_notes_compared_without_text(patch: pytest.MonkeyPatch) -> None:
    used_notes_compared_by(patch, lambda source: source.chunk_id.encode())


def used_notes_compared_without_title(patch: pytest.MonkeyPatch) -> None:
    used_notes_compared_by(patch, lambda source: f"{source.chunk_id} {source.content}".encode())


def used_notes_kept_if_their_sources_exist(patch: pytest.MonkeyPatch) -> None:
    """An answer is kept if its sources are among the note's chunks, though others are nearer."""
    affected, by_note = Freshness._is_affected, source_digests.by_note
    texts: dict[bytes, set[bytes]] = {}

    def remember(sources: Sequence[Source]) -> dict[bytes, bytes]:
        digests = by_note(sources)
        for source in sources:
            tag = keyspace.note_key(source.note_id)
            texts.setdefault(digests[tag], set()).add(source_digests.text_digest(source))
        return digests

    def mutated(self: Freshness, entry: Any, tag: bytes, digests: Any, vectors: Any) -> bool:
        former = texts.get(entry.note_digests.get(tag, b""))
        if former and former <= set(digests):
            return False
        return affected(self, entry, tag, digests, vectors)

    patch.setattr(source_digests, "by_note", remember)
    patch.setattr(Freshness, "_is_affected", mutated)


def used_notes_always_affected(patch: pytest.MonkeyPatch) -> None:
    """Precise no more: a repeated message drops the answers that used the note."""
    affected = Freshness._is_affected
    patch.setattr(
        Freshness,
        "_is_affected",
        lambda self, entry, tag, *rest: (
            tag in entry.note_digests or affected(self, entry, tag, *rest)
        ),
    )


def change_that_is_not_stored_drops_nothing(patch: pytest.MonkeyPatch) -> None:
    """A message that the store refuses is acknowledged at once."""
    drop = Freshness._drop_affected

    async def mutated(self: Freshness, *args: Any, stored: bool) -> NoteChangeResult:
        if not stored:
            return NoteChangeResult(stored, 0, 0)
        return await drop(self, *args, stored=stored)

    patch.setattr(Freshness, "_drop_affected", mutated)


def index_not_read(patch: pytest.MonkeyPatch) -> None:
    """An answer is served without a valid index entry."""
    read = "entry and redis.call('HGET', kind == 'a' and answers or contexts, field)"
    rewrite(patch, scripts, "_LOOKUP", {read: "redis.call('HGET', answers, field)"})
    parse: Any = session.CacheSession._parse_lookup

    async def mutated(self: session.CacheSession, reply: list[Any]) -> LookupResult:
        found: LookupResult = await parse(self, reply)
        _, entry, value, _ = reply
        if entry is None and value:
            return parse_replies.parse_answer(value[:11].decode(), value)
        return found

    patch.setattr(session.CacheSession, "_parse_lookup", mutated)


def drop_keeps_the_fence(patch: pytest.MonkeyPatch) -> None:
    rotation = "redis.call('HSET', questions, 'fence', new_fence(ARGV[1]))"
    rewrite(patch, invalidation, "_DROP_ENTRIES", {rotation: "local _ = nil"})


def fence_rotated_after_the_index_is_read(patch: pytest.MonkeyPatch) -> None:
    """The index is read first and the fence is rotated in the next round trip."""
    rotate_fence = Invalidation.rotate_fence

    async def mutated(self: Invalidation, user_id: str) -> "dict[str, index_entries.Entry | None]":
        key = keyspace.UserKeys.of(user_id).questions
        index = await self._execute(Command.of("HGETALL", key))
        await rotate_fence(self, user_id)
        return index_entries.decode_index(hash_items(index))

    patch.setattr(Invalidation, "rotate_fence", mutated)


def fence_rotated_before_the_store_is_written(patch: pytest.MonkeyPatch) -> None:
    """The fence is rotated before the note is written, not after."""
    write, raising = Freshness._write, invalidation._ROTATE_FENCE
    rewrite(
        patch,
        invalidation,
        "_ROTATE_FENCE",
        {"redis.call('HSET', KEYS[1], 'fence', new_fence(ARGV[1]))": ""},
    )

    async def mutated(
        self: Freshness, change: Any, replaces: int | None
    ) -> tuple[bool, Exception | None]:
        key = keyspace.UserKeys.of(change.user_id).questions
        await self._invalidation._execute(raising.call([key], invalidation._new_fence()))
        return await write(self, change, replaces)

    patch.setattr(Freshness, "_write", mutated)


def evicted_fence_is_restored(patch: pytest.MonkeyPatch) -> None:
    """A fence that was evicted is set to its former value."""
    rewrite(patch, scripts, "_LOOKUP", {"fence = new_fence(ARGV[2])": "fence = 'same'"})


def unreadable_notes_drop_nothing(patch: pytest.MonkeyPatch) -> None:
    get_chunks = WatchedStore.get_chunks

    async def mutated(self: WatchedStore, user_id: str, note_id: str) -> list[Chunk]:
        try:
            return await get_chunks(self, user_id, note_id)
        except StoreUnavailableError:
            return []

    patch.setattr(WatchedStore, "get_chunks", mutated)


def failed_drop_is_acknowledged(patch: pytest.MonkeyPatch) -> None:
    """A change is acknowledged although Redis may have dropped nothing."""
    drop = Invalidation.drop_entries

    async def mutated(self: Invalidation, *args: Any, **kwargs: Any) -> None:
        with suppress(CacheUnavailableError):
            await drop(self, *args, **kwargs)

    patch.setattr(Invalidation, "drop_entries", mutated)


def aliases_own_search_not_checked(patch: pytest.MonkeyPatch) -> None:
    touched = Freshness._is_affected
    patch.setattr(
        Freshness,
        "_is_affected",
        lambda self, entry, *rest: (
            entry.kind != index_entries.ALIAS and touched(self, entry, *rest)
        ),
    )


def alias_outlives_its_answer(patch: pytest.MonkeyPatch) -> None:
    """An alias is not dropped with its target, and nothing compares the target's answer id."""
    touched = Freshness._affected_fields
    patch.setattr(
        Freshness,
        "_affected_fields",
        lambda self, note_id, chunks, index: touched(
            self,
            note_id,
            chunks,
            {field: entry and entry._replace(target="") for field, entry in index.items()},
        ),
    )
    same = "if target and answer_of(target) == answer_of(entry) then"
    rewrite(patch, scripts, "_LOOKUP", {same: "if target then"})
    other = "or answer_of(target) ~= answer_of(entry) "
    rewrite(patch, scripts, "_STORE", {other: ""})  # which sweeps the index
    rewrite(patch, scripts, "_STORE_ALIAS", {other: ""})


def context_counts_as_answer(patch: pytest.MonkeyPatch) -> None:
    """A context keeps the former answer, and neither the entry's kind nor its id is compared."""
    rewrite(patch, scripts, "_STORE", {"redis.call('HDEL', other, field)": "local _ = nil"})
    rewrite(patch, scripts, "_LOOKUP", {"kind == 'a' and answers or contexts": "answers"})
    parse = parse_replies._parse_value

    def as_answer(entry: index_entries.Entry, value: bytes) -> LookupResult | None:
        return parse(entry._replace(kind=index_entries.ANSWER), value)

    patch.setattr(parse_replies, "_parse_value", as_answer)

    def unpack_text(answer_id: str, data: bytes, *types: type) -> list[Any] | None:
        return codec.unpack(codec._compression.decompress(data[len(answer_id) :]), *types)

    patch.setattr(codec, "unpack_text", unpack_text)


def lock_without_the_fence(patch: pytest.MonkeyPatch) -> None:
    lock = keyspace.UserKeys.lock
    patch.setattr(keyspace.UserKeys, "lock", lambda self, field, fence: lock(self, field, ""))


def expired_entries_not_dropped(patch: pytest.MonkeyPatch) -> None:
    """A note change ignores expired answers, which stale-if-error may still serve."""
    touched = Freshness._is_affected
    patch.setattr(
        Freshness,
        "_is_affected",
        lambda self, entry, *rest: entry.expires > time.time() and touched(self, entry, *rest),
    )


def lookup_from_before_is_shared(patch: pytest.MonkeyPatch) -> None:
    """Plain single-flight: a request gets the result of any equal request in progress."""

    async def join(
        self: Coalescer[Any], key: Hashable, stream: AnswerStream[Any]
    ) -> Membership[Any]:
        while (leader := self._groups.get(key)) is not None and not leader._has_ended:
            if (result := await leader.share_with(stream, 60)) is not None:
                return Membership(stream, result)
        self._groups[key] = stream
        return Membership(stream)

    patch.setattr(Coalescer, "join", join)


def lookup_in_progress_is_shared(patch: pytest.MonkeyPatch) -> None:
    """A group is open until its lookup ends, not only until the lookup begins."""
    original = Coalescer.join

    async def join(
        self: Coalescer[Any], key: Hashable, stream: AnswerStream[Any]
    ) -> Membership[Any]:
        membership = await original(self, key, stream)
        finish_lookup = membership.finish_lookup
        if membership.result is not None:
            return membership
        self._groups[key] = stream

        def finish() -> None:
            if self._groups.get(key) is stream:
                del self._groups[key]
            finish_lookup()

        membership.finish_lookup = finish
        return membership

    patch.setattr(Coalescer, "join", join)


def answer_not_looked_for_before_the_lock(patch: pytest.MonkeyPatch) -> None:
    rewrite(
        patch, single_flight, "_ACQUIRE", {"if KEYS[2] and has_answer": "if false and has_answer"}
    )


def refusals_are_deleted_when_all_notes_change(patch: pytest.MonkeyPatch) -> None:
    delete = Invalidation.delete_user

    async def mutated(self: Invalidation, user_id: str, **kwargs: Any) -> None:
        await delete(self, user_id, **kwargs | {"refusals": True})

    patch.setattr(Invalidation, "delete_user", mutated)


def refusal_is_replaced_by_an_answer(patch: pytest.MonkeyPatch) -> None:
    """An answer to one of both questions ends the refusal."""
    store = session.CacheSession.store

    async def mutated(self: session.CacheSession, *args: Any) -> int:
        await self._execute(Command.of("DEL", self._keys.refusals))
        return await store(self, *args)

    patch.setattr(session.CacheSession, "store", mutated)


def answers_remain_if_embedding_fails(patch: pytest.MonkeyPatch) -> None:
    """The former text is removed from the store, and its answers are not dropped."""
    write = Freshness._write

    async def mutated(
        self: Freshness, change: Any, replaces: int | None
    ) -> tuple[bool, Exception | None]:
        stored, failure = await write(self, change, replaces)
        if failure:
            raise failure
        return stored, failure

    patch.setattr(Freshness, "_write", mutated)


def former_text_remains_if_embedding_fails(patch: pytest.MonkeyPatch) -> None:
    """Only the answers are dropped, and the former text is still searched."""
    replace_note = WatchedStore.replace_note

    async def mutated(
        self: WatchedStore, note: Note, chunks: Sequence[Chunk] | None, **order: Any
    ) -> bool:
        return True if chunks is None else await replace_note(self, note, chunks, **order)

    patch.setattr(WatchedStore, "replace_note", mutated)


def failed_write_is_acknowledged(patch: pytest.MonkeyPatch) -> None:
    """A change that the store rejects during its failover is acknowledged."""
    write = Freshness._write

    async def mutated(
        self: Freshness, change: Any, replaces: int | None
    ) -> tuple[bool, Exception | None]:
        try:
            return await write(self, change, replaces)
        except StoreUnavailableError:
            return False, None

    patch.setattr(Freshness, "_write", mutated)


def without_replicas(patch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    method = getattr(owner, name)

    async def mutated(self: Any, *args: Any, **kwargs: Any) -> Any:
        self = copy.copy(self)
        self._replicas = 0
        return await method(self, *args, **kwargs)

    patch.setattr(owner, name, mutated)


def rotation_is_not_replicated(patch: pytest.MonkeyPatch) -> None:
    without_replicas(patch, Invalidation, "rotate_fence")


def drop_is_not_replicated(patch: pytest.MonkeyPatch) -> None:
    without_replicas(patch, Invalidation, "drop_entries")


def refusal_is_not_replicated(patch: pytest.MonkeyPatch) -> None:
    without_replicas(patch, Feedback, "reject_answer")


def evicted_index_is_not_replicated(patch: pytest.MonkeyPatch) -> None:
    """A change of a user without an index writes nothing, so that WAIT does not wait."""
    absent = "local is_absent = redis.call('EXISTS', KEYS[1]) == 0\n"
    first = f"{absent}if is_absent then return {{}} end\n"
    rewrite(patch, invalidation, "_ROTATE_FENCE", {absent: first})


def identity_without_tags(patch: pytest.MonkeyPatch) -> None:
    field = keyspace.question_field
    patch.setattr(
        keyspace, "question_field", lambda question, pipeline, tags: field(question, pipeline)
    )


def tags_ignored_by_the_search(patch: pytest.MonkeyPatch) -> None:
    search = WatchedStore.search
    patch.setattr(
        WatchedStore, "search", lambda self, user, vector, k, tags=(): search(self, user, vector, k)
    )


def tags_ignored_by_the_matching(patch: pytest.MonkeyPatch) -> None:
    """A question shares the answer of another one that searched notes of other tags."""
    select = matchable_entries.select

    def mutated(index: Any, field: str, pipeline: Any) -> Any:
        tag_sets = ((), ("x",), ("y",), ("x", "y"))
        found = [select(index, field, replace(pipeline, tags=tags)) for tags in tag_sets]
        return max(found, key=len)

    patch.setattr(matchable_entries, "select", mutated)


def tags_ignored_by_coalescing(patch: pytest.MonkeyPatch) -> None:
    join: Any = Coalescer.join

    async def mutated(self: Coalescer[Any], key: Any, *rest: Any) -> Membership[Any]:
        user, identity, day, _, exact = key
        membership: Membership[Any] = await join(self, (user, identity, day, exact), *rest)
        return membership

    patch.setattr(Coalescer, "join", mutated)


def _affected_by_tags(patch: pytest.MonkeyPatch, searched: Callable[..., bool]) -> None:
    """Replace the rule that decides whether a question with tags searches the changed note.

    `searched` gets the question's entry, the note's key and what the rule decides.
    """
    affected = Freshness._affected_fields
    asked: dict[str, Any] = {}
    patch.setattr(
        freshness,
        "searches",
        lambda tags, of_note: searched(**asked, found=searches(tags, of_note)),
    )

    def mutated(self: Freshness, note_id: str, chunks: Any, index: Any) -> set[str]:
        fields: set[str] = set()
        for field, entry in index.items():
            asked.update(entry=entry, key=keyspace.note_key(note_id))
            fields |= affected(self, note_id, chunks, {field: entry})
        return fields | {
            field for field, entry in index.items() if entry and entry.target in fields
        }

    patch.setattr(Freshness, "_affected_fields", mutated)


def gained_tags_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A question with tags is affected only by notes that it used."""
    _affected_by_tags(
        patch, lambda entry, key, found: found and (not entry.tags or key in entry.note_digests)
    )


def lost_tags_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A question that used a note is still taken to search it."""
    _affected_by_tags(patch, lambda entry, key, found: found or key in entry.note_digests)


def notes_of_other_tags_drop_answers(patch: pytest.MonkeyPatch) -> None:
    """Precise no more: a note affects questions that do not search it."""
    _affected_by_tags(patch, lambda entry, key, found: found or key not in entry.note_digests)


def future_times_are_stored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(version_order, "MAX_AHEAD", 2**62)


def late_notes_are_stored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(version_order.Order, "is_older", lambda self, other: True)


def deletions_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A late note is stored after its deletion."""
    is_older = version_order.Order.is_older

    def mutated(self: version_order.Order, other: version_order.Order) -> bool:
        return self.content is None or is_older(self, other)

    patch.setattr(version_order.Order, "is_older", mutated)


def deleted_users_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A late note is stored after the deletion of its user."""
    patch.setattr(version_order.VersionState, "is_user_deleted", lambda self, change: False)


def sequences_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """The times of clocks that disagree are compared."""
    is_older = version_order.Order.is_older

    def mutated(self: version_order.Order, other: version_order.Order) -> bool:
        return is_older(replace(self, sequence=None), replace(other, sequence=None))

    patch.setattr(version_order.Order, "is_older", mutated)


def store_without_the_fence_while_streaming(patch: pytest.MonkeyPatch) -> None:
    store_without_the_fence(patch)


def half_of_an_answer_is_stored_after_a_disconnect(patch: pytest.MonkeyPatch) -> None:
    generate = Assistant._generate

    async def mutated(self: Assistant, ask: AskState, start: AnswerStart) -> Answer:
        written: list[str] = []
        write = ask.stream.write

        def record(start: AnswerStart, text: str) -> None:
            written.append(text)
            write(start, text)

        patch.setattr(ask.stream, "write", record)
        try:
            return await generate(self, ask, start)
        except asyncio.CancelledError:
            return Answer("half-answer", "".join(written), "model", 0, 0.0)

    patch.setattr(Assistant, "_generate", mutated)


def follower_is_cut_off_by_a_disconnect(patch: pytest.MonkeyPatch) -> None:
    def abandon(self: AnswerStream[Any]) -> None:
        if not (self._is_read or self._has_ended or self._is_abandoned):
            self._is_abandoned = True
            self.abandon()

    patch.setattr(AnswerStream, "_abandon_if_unread", abandon)


def text_of_an_abandoned_generation_is_shared(patch: pytest.MonkeyPatch) -> None:
    share = AnswerStream.share_with

    async def mutated(self: AnswerStream[Any], follower: AnswerStream[Any], seconds: float) -> Any:
        if self._is_abandoned:
            for start, text in self._parts:
                follower.write(start, text)
        return await share(self, follower, seconds)

    patch.setattr(AnswerStream, "share_with", mutated)


def lock_of_another_fence_is_followed(patch: pytest.MonkeyPatch) -> None:
    """A request follows each generation of its question that is in progress in its process."""

    def holder(self: AskState, _: MissContext) -> tuple[str, str, bool]:
        return self.request.user_id, self.question.identity, self.request.exact

    def must_wait(self: Assistant, request: Request, _: MissContext) -> bool:
        identity = Question.parse(request.query).identity
        key = request.user_id, identity, request.exact
        return not request.no_cache and self._coalescer.has_holder(key)

    patch.setattr(AskState, "lock_holder", holder)
    patch.setattr(Assistant, "_must_wait", must_wait)


def unresolved_questions_are_cached(patch: pytest.MonkeyPatch) -> None:
    """A follow-up that could not be rewritten is looked up and stored by its words."""
    resolve = QuestionResolver.resolve

    async def mutated(self: QuestionResolver, request: Request) -> Question:
        question = await resolve(self, request)
        if not question.is_unresolved:
            return question
        return replace(question, identity=canonical_form(request.query), follow_up=None)

    patch.setattr(QuestionResolver, "resolve", mutated)


def unresolved_questions_are_coalesced(patch: pytest.MonkeyPatch) -> None:
    """Concurrent follow-ups of different conversations share an answer by their words."""
    unresolved_questions_are_cached(patch)
    open_session = Container._open_session

    def mutated(self: Container, request: Request, question: Question) -> session.CacheSession:
        if request.history and question.follow_up is None:
            request = replace(request, no_store=True)
        return open_session(self, request, question)

    patch.setattr(Container, "_open_session", mutated)


def warming_stores_with_the_fence_of_the_end(patch: pytest.MonkeyPatch) -> None:
    """A warmed answer is stored though notes have changed since its question was looked up."""
    store = WarmingSession.store

    async def mutated(self: WarmingSession, *args: Any) -> int:
        (fence,) = await self._execute(Command.of("HGET", self._keys.questions, "fence")) or [None]
        self._scripts._first_fence = (fence or b"").decode()
        return await store(self, *args)

    patch.setattr(WarmingSession, "store", mutated)


def warming_reads_the_fence_again(patch: pytest.MonkeyPatch) -> None:
    """The fence of the message is compared only before the first question is looked up."""
    warm = Warmer._warm
    patch.setattr(Warmer, "_warm", lambda self, request, _="": warm(self, request))


def warming_ignores_circuit_breakers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Warmer, "_require_closed", lambda self, session: None)


def circuit_breakers_are_checked_only_before_warming(patch: pytest.MonkeyPatch) -> None:
    """A breaker may open while the question is embedded and the notes are searched."""

    async def mutated(self: Warmer, _: WarmingSession, user_id: str, generate: Any) -> Any:
        return await self._dependencies.user_budget.spend(user_id, generate, warming=True)

    patch.setattr(Warmer, "_spend", mutated)


def warming_has_no_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UserBudget, "_limits", lambda self, warming: ("", "", "1000000"))


def dropped_questions_are_pending_without_an_index(patch: pytest.MonkeyPatch) -> None:
    """A change that read the index before its user was deleted stores questions again."""
    rewrite(patch, invalidation, "_DROP_ENTRIES", {"if entry and pending then": "if pending then"})


def new_entries(
    patch: pytest.MonkeyPatch, change: Callable[[index_entries.Entry], index_entries.Entry]
) -> None:
    """Change each new entry of an answer."""
    new_entry = index_entries.new_entry

    def mutated(*args: Any, **kwargs: Any) -> index_entries.Entry:
        entry = new_entry(*args, **kwargs)
        return change(entry) if entry.kind == index_entries.ANSWER else entry

    patch.setattr(index_entries, "new_entry", mutated)


def ttl_has_no_bound(patch: pytest.MonkeyPatch) -> None:
    new_entries(patch, lambda entry: entry._replace(latest_expiry=entry.latest_expiry + 10_000))


def ttl_crosses_the_end_of_the_day(patch: pytest.MonkeyPatch) -> None:
    new_entries(
        patch, lambda entry: entry._replace(latest_expiry=max(entry.latest_expiry, EPOCH + 57_700))
    )


def ttl_is_the_longest_at_once(patch: pytest.MonkeyPatch) -> None:
    new_entries(patch, lambda entry: entry._replace(expires=entry.latest_expiry))


def ttl_slides_with_each_hit(patch: pytest.MonkeyPatch) -> None:
    """The TTL is counted from the hit, not from the generation."""
    rewrite(patch, scripts, "_LOOKUP", {"former_end + growth": "now + growth * 2"})


def ttl_does_not_grow(patch: pytest.MonkeyPatch) -> None:
    rewrite(patch, scripts, "_LOOKUP", {"former_end + growth": "former_end"})


def hits_are_not_stored(patch: pytest.MonkeyPatch) -> None:
    store = "redis.call('HSET', KEYS[1], field, new_entry)"
    rewrite(patch, scripts, "_LOOKUP", {store: ""})


def match_is_no_hit(patch: pytest.MonkeyPatch) -> None:
    hit = "target = count_hit(ARGV[4], target, now, ARGV[10], ARGV[9])"
    rewrite(patch, scripts, "_STORE_ALIAS", {hit: ""})


def hits_of_an_expired_answer_are_carried(patch: pytest.MonkeyPatch) -> None:
    """Every new answer begins with the hits of the former one."""
    pending = "is_valid(former, 'p', last_use_of(entry))"
    rewrite(patch, scripts, "_STORE", {pending: "former and is_current_version(former)"})


def carried_hits_extend_the_ttl_without_a_bound(patch: pytest.MonkeyPatch) -> None:
    bound = "new_end = math.min(new_end, latest_end_of(entry))"
    rewrite(patch, scripts, "_STORE", {bound: "new_end = math.min(new_end, 9999999999)"})


def carried_hits_grow(patch: pytest.MonkeyPatch) -> None:
    """A question has more hits after each change."""
    hits = "local hits, now = hits_of(pending), "
    rewrite(patch, scripts, "_STORE", {hits: "local hits, now = hits_of(pending) + 2, "})


def alias_outlives_its_expired_target(patch: pytest.MonkeyPatch) -> None:
    rewrite(
        patch,
        scripts,
        "_LOOKUP",
        {"if entry and end_of(entry) <= now": "if entry and not alias and end_of(entry) <= now"},
    )


MUTATIONS: Mapping[Mutation, Scenario] = {
    store_without_the_fence: CALM,
    store_without_the_fence_while_streaming: STREAMING,
    half_of_an_answer_is_stored_after_a_disconnect: STREAMING,
    follower_is_cut_off_by_a_disconnect: STREAMING,
    text_of_an_abandoned_generation_is_shared: STREAMING,
    lock_of_another_fence_is_followed: STREAMING,
    no_epsilon: LOW_COSINES,
    no_rule_for_fewer_than_k: CALM,
    used_notes_ignored: CALM,
    used_notes_compared_without_text: DUPLICATES,
    used_notes_compared_without_title: DUPLICATES,
    used_notes_kept_if_their_sources_exist: CALM,
    used_notes_always_affected: DUPLICATES,
    change_that_is_not_stored_drops_nothing: DUPLICATES,
    index_not_read: EVICTIONS,
    drop_keeps_the_fence: CONTEXTS,
    fence_rotated_after_the_index_is_read: CALM,
    fence_rotated_before_the_store_is_written: EMPTY_CACHE,
    evicted_fence_is_restored: EVICTIONS,
    unreadable_notes_drop_nothing: FAULTS,
    failed_drop_is_acknowledged: FAULTS,
    aliases_own_search_not_checked: ALIASES,
    alias_outlives_its_answer: DROPPED_TARGETS,
    context_counts_as_answer: EVICTIONS,
    lock_without_the_fence: CALM,
    expired_entries_not_dropped: OPEN_CIRCUITS,
    lookup_from_before_is_shared: CALM,
    lookup_in_progress_is_shared: CONCURRENT,
    answer_not_looked_for_before_the_lock: STAGGERED,
    refusals_are_deleted_when_all_notes_change: FEEDBACK,
    refusal_is_replaced_by_an_answer: FEEDBACK,
    answers_remain_if_embedding_fails: REFUSED_TEXTS,
    former_text_remains_if_embedding_fails: REFUSED_TEXTS,
    failed_write_is_acknowledged: STORE_FAILOVERS,
    rotation_is_not_replicated: REDIS_FAILOVERS,
    drop_is_not_replicated: REDIS_FAILOVERS,
    refusal_is_not_replicated: REDIS_FAILOVERS,
    evicted_index_is_not_replicated: REDIS_FAILOVERS,
    future_times_are_stored: FUTURE_TIMES,
    late_notes_are_stored: FUTURE_TIMES,
    deletions_are_forgotten: FUTURE_TIMES,
    deleted_users_are_forgotten: FUTURE_TIMES,
    unresolved_questions_are_cached: CONVERSATIONS,
    unresolved_questions_are_coalesced: CONVERSATIONS,
    sequences_are_ignored: SEQUENCED,
    identity_without_tags: CALM_TAGS,
    tags_ignored_by_the_search: CALM_TAGS,
    tags_ignored_by_the_matching: CALM_TAGS,
    tags_ignored_by_coalescing: CALM_TAGS,
    gained_tags_are_ignored: CALM_TAGS,
    lost_tags_are_ignored: CALM_TAGS,
    notes_of_other_tags_drop_answers: CALM_TAGS,
    warming_stores_with_the_fence_of_the_end: WARMING,
    warming_reads_the_fence_again: WARMING,
    warming_ignores_circuit_breakers: WARMING,
    circuit_breakers_are_checked_only_before_warming: WARMING,
    warming_has_no_budget: WARMING,
    dropped_questions_are_pending_without_an_index: WARMING,
    ttl_has_no_bound: GROWTH,
    ttl_crosses_the_end_of_the_day: GROWTH,
    ttl_is_the_longest_at_once: GROWTH,
    ttl_slides_with_each_hit: GROWTH,
    ttl_does_not_grow: STEADY_GROWTH,
    hits_are_not_stored: STEADY_GROWTH,
    match_is_no_hit: STEADY_GROWTH,
    hits_of_an_expired_answer_are_carried: GROWTH,
    carried_hits_extend_the_ttl_without_a_bound: WARMED_GROWTH,
    carried_hits_grow: WARMED_GROWTH,
    alias_outlives_its_expired_target: GROWTH,
}
"""Each with the scenario that detects it soonest."""
