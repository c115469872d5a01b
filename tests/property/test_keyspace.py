"""Keys: no id, question or model can form the key of another one."""

import re

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from shared.cache import keyspace
from shared.cache.keyspace import UserKeys

texts = st.text(max_size=40) | st.sampled_from(["{00}:", "a:b", "a\nb", "{", "}", "*", ""])


def keys_of(user: str, field: str = "f" * 22, fence: str = "fence") -> set[str]:
    keys = UserKeys.of(user)
    own = {keys.questions, keys.answers, keys.contexts, keys.embeddings, keys.refusals}
    return own | {keys.lock(field, fence), keys.lock_error(field)}


@given(texts, texts)
def test_users_share_no_key(one: str, other: str) -> None:
    assert (keys_of(one) == keys_of(other)) == (one == other)
    assert one == other or not keys_of(one) & keys_of(other)


@given(texts)
def test_keys_of_a_user_and_the_counters_share_a_slot(user: str) -> None:
    keys = UserKeys.of(user)
    counters = keyspace.counters_key(keys.partition, "2026-11-23")
    slots = {
        key_slot(key.encode())
        for key in keys_of(user) | {counters, keyspace.entry_counts_key(keys.partition)}
    }
    assert len(slots) == 1
    assert 0 <= keys.partition < keyspace.PARTITIONS


@given(texts)
def test_embedding_and_the_counters_of_its_partition_share_a_slot(text: str) -> None:
    partition = keyspace.partition_of_embedding(text)
    names = keyspace.embedding_key("model", text), keyspace.counters_key(partition, "2026-11-23")
    assert (
        len({key_slot(name.encode()) for name in (*names, keyspace.entry_counts_key(partition))})
        == 1
    )
    assert list(map(keyspace.kind, names)) == ["string", "counters"]


@given(texts, texts)
def test_keys_contain_no_id_and_no_text(user: str, text: str) -> None:
    names = keys_of(user, keyspace.question_field(text, "pipeline"))
    names.add(keyspace.embedding_key("model", text))
    assert all(re.fullmatch(r"[{}:\w-]+", name, re.ASCII) for name in names)


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_digest_depends_on_the_boundaries_of_its_parts(one: list[str], other: list[str]) -> None:
    assert (keyspace.digest(*one) == keyspace.digest(*other)) == (one == other)
    assert len(keyspace.digest(*one)) == 22


@given(texts, texts, texts, texts)
def test_field_depends_on_question_and_pipeline(a: str, p: str, b: str, q: str) -> None:
    one, other = keyspace.question_field(a, p), keyspace.question_field(b, q)
    assert (one == other) == ((a, p) == (b, q))
    assert one != keyspace.FENCE


@given(texts, st.lists(texts, max_size=3), st.lists(texts, max_size=3))
def test_field_depends_on_tags(question: str, one: list[str], other: list[str]) -> None:
    fields = [keyspace.question_field(question, "p", tags) for tags in (one, other)]
    assert (fields[0] == fields[1]) == (one == other)
