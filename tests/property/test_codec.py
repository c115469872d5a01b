"""Encodings: a value decodes to itself, and a corrupt value is a miss, never an error."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from shared.answer import Answer
from shared.cache import codec, index_entries, l1_answers, l2_embeddings, l3_contexts
from shared.notes.note import Source

ids = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=11, max_size=11
)
fields = st.text("abcXYZ019-_", min_size=22, max_size=22)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
digests = st.binary(min_size=8, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
given_answers = st.builds(
    Answer,
    ids,
    texts,
    texts,
    st.integers(0, 2**53),
    finite,
    cited=st.lists(st.integers(1, 50), max_size=5).map(tuple),
)
sources = st.lists(st.builds(Source, texts, texts, texts, finite, texts, texts), max_size=5)


@st.composite
def entries(draw: st.DrawFn) -> index_entries.Entry:
    kind = draw(st.sampled_from("ac="))
    latest_expiry = draw(st.integers(0, 9_999_999_999))
    return index_entries.Entry(
        kind,
        draw(ids),
        draw(st.integers(0, latest_expiry)),
        latest_expiry,
        draw(st.integers(0, 999_999_999_999)),
        draw(texts),
        draw(texts),
        target=draw(fields) if kind == "=" else "",
        fresh_until=draw(st.integers(0, 2**40)),
        lowest_similarity=draw(finite | st.just(-math.inf)),
        digests=index_entries.pack_digests(draw(st.dictionaries(digests, digests, max_size=5))),
        vector=draw(st.binary(max_size=400)),
        similarity=draw(finite),
        hits=draw(st.integers(0, 999_999)),
        is_unused=draw(st.booleans()),
        last_used=draw(st.integers(0, 9_999_999_999)),
    )


@given(given_answers, sources)
def test_answer_and_its_sources_are_decoded_unchanged(
    answer: Answer, given_sources: list[Source]
) -> None:
    value = l1_answers.encode(answer, given_sources)
    assert l1_answers.decode(answer.answer_id, value) == (answer, given_sources)


@given(ids, sources)
def test_context_is_decoded_unchanged(answer_id: str, given_sources: list[Source]) -> None:
    assert (
        l3_contexts.decode(answer_id, l3_contexts.encode(answer_id, given_sources)) == given_sources
    )


@given(given_answers, ids)
def test_text_of_another_answer_is_a_miss(answer: Answer, other: str) -> None:
    read = l1_answers.decode(other, l1_answers.encode(answer, ()))
    assert (read is None) == (other != answer.answer_id)


@given(entries())
def test_index_entry_is_decoded_unchanged(entry: index_entries.Entry) -> None:
    assert index_entries.decode(index_entries.encode(entry)) == entry


@given(entries())
def test_entry_header_has_the_offsets_of_the_lua_scripts(entry: index_entries.Entry) -> None:
    data = index_entries.encode(entry)
    assert data[:2].decode() == codec.VERSION + entry.kind
    assert data[2:13].decode() == entry.answer_id
    assert int(data[13:23]) == entry.expires
    assert int(data[23:29]) == entry.hits
    assert int(data[29:39]) == entry.last_used
    assert (data[39:40] == b"w") is entry.is_unused
    assert int(data[40:50]) == entry.latest_expiry
    assert int(data[50:62]) == entry.cost
    assert data[62 : 62 + len(entry.target)].decode() == entry.target


@given(st.binary(max_size=300))
def test_foreign_bytes_are_a_miss(data: bytes) -> None:
    assert index_entries.decode(data) is None
    assert l1_answers.decode("A" * 11, b"A" * 11 + data) is None
    assert l3_contexts.decode("A" * 11, b"A" * 11 + data) is None
    assert l2_embeddings.decode("what is faith", 384, data) is None


@given(given_answers, sources, st.integers(0, 400), st.integers(1, 255))
def test_corrupt_answer_is_a_miss(
    answer: Answer, given_sources: list[Source], place: int, change: int
) -> None:
    data = bytearray(l1_answers.encode(answer, given_sources))
    data[place % len(data)] ^= change
    assert l1_answers.decode(answer.answer_id, bytes(data)) in (None, (answer, given_sources))


def test_corrupt_frame_header_does_not_exhaust_memory() -> None:
    """Some corrupt headers declare 10^17 bytes."""
    answer = Answer("A" * 11, "The substance of things hoped for. " * 20, "model", 1, 0.0)
    data = l1_answers.encode(answer, ())
    for place in range(11, 24):
        for byte in range(256):
            corrupt = data[:place] + bytes([byte]) + data[place + 1 :]
            assert l1_answers.decode(answer.answer_id, corrupt) in (None, (answer, []))


@given(texts, texts, st.binary(min_size=4, max_size=4))
def test_embedding_is_decoded_for_its_own_question_only(
    question: str, other: str, vector: bytes
) -> None:
    value = l2_embeddings.encode(question, vector)
    assert isinstance(value, bytes)
    assert l2_embeddings.decode(question, 4, value) == vector
    assert (l2_embeddings.decode(other, 4, value) is None) == (other != question)


def test_threads_encode_and_decode_concurrently() -> None:
    """In a process of its own, because a failure would crash it."""
    done = subprocess.run([sys.executable, "-c", _THREADS], check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"20\n")


_THREADS = """
from threading import Thread
from shared.cache import codec

read = []

def use():
    for number in range(9):
        data = codec.pack_text("A" * 11, f"The substance of things hoped for. {number} " * 30)
        assert codec.unpack_text("A" * 11, data, str)
    read.append(1)

for _ in range(10):
    threads = [Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    use()
    read.pop()
    for thread in threads:
        thread.join()
print(len(read))
"""


def test_compression_dictionary_belongs_to_the_version() -> None:
    """Texts compressed with another dictionary cannot be read: change VERSION too."""
    prose = Path(codec.__file__).with_name("compression_dictionary.txt").read_bytes()
    assert (codec.VERSION, hashlib.sha256(prose).hexdigest()[:16]) == ("8", "54115664757eea8e")
    script = Path(codec.__file__).with_name("lua") / "common" / "entries.lua"
    assert f"local VERSION = '{codec.VERSION}'" in script.read_text()
