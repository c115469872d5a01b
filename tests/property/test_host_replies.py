"""Any reply of a model host is read, or is an error of ours: never another exception."""

import json
import math
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import InferenceError
from shared.inference.endpoint import Endpoint
from shared.inference.replies.embedding_reply import read_embeddings
from shared.inference.replies.host_errors import read_error
from shared.inference.replies.reply_body import body_kind, decode_json

ENDPOINT = Endpoint("chat", "HF_CHAT", "http://host/v1/chat/completions", "model")
REQUEST = httpx.Request("POST", "http://host")

names = st.sampled_from(
    [
        *("error", "errors", "message", "detail", "code", "status", "type", "object", "param"),
        *("choices", "data", "embeddings", "embedding", "index", "metadata", "headers", "loc"),
        *("retry_after", "retryDelay", "estimated_time", "X-RateLimit-Reset", "msg"),
    ]
)
words = st.sampled_from(
    [
        *("429", "rate_limit_exceeded", "try again in 7.66s", "34s", "1m30s", "UNAVAILABLE"),
        *("error", "Thu, 26 Nov 2026 12:00:30 GMT", "1795694430", "9" * 400, "-1", "AACAPw=="),
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | words
    | st.text(max_size=9)
    | st.sampled_from([429, 503, 400, 10**300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
headers = st.dictionaries(
    st.sampled_from(
        [
            *("Retry-After", "retry-after-ms", "RateLimit", "X-Error-Message", "Date"),
            *("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", "X-RateLimit-Reset"),
        ]
    ),
    words | st.sampled_from(["0", "2s", '"api";r=0;t=5', "5e300", "nan", "inf", "1e9", ";=;r=0"]),
    max_size=4,
)
DEEP = json.loads('{"error":' * 200 + "1" + "}" * 200)


@given(
    status=st.sampled_from([200, 201, 204, 307, 400, 401, 404, 429, 500, 529]),
    body=values,
    sent=headers,
)
@example(status=200, body=DEEP, sent={})
@example(status=429, body=[[[[[[[[[[[{"retry_after": 1}]]]]]]]]]]], sent={})
def test_any_response_is_a_result_or_an_error_with_a_sensible_wait(
    status: int, body: Any, sent: dict[str, str]
) -> None:
    response = httpx.Response(
        status, headers=sent, content=json.dumps(body).encode(), request=REQUEST
    )
    reply = decode_json(response)
    error = read_error(ENDPOINT, response, reply)
    assert body_kind(response)
    if status >= 300:
        assert isinstance(error, InferenceError)
    if error is not None and error.retry_after is not None:
        assert 0 <= error.retry_after <= 86_400


@given(content=st.binary(max_size=60))
@example(content=b"\xef\xbb\xbf: x\n\n{}")
@example(content=b":" * 50)
@example(content=b": \n" * 20 + b"\xff\xfe")
@example(content=b"\xff\xfe{\x00}\x00")
def test_any_bytes_are_decoded_or_not_json(content: bytes) -> None:
    response = httpx.Response(200, content=content, request=REQUEST)
    assert body_kind(response)
    decode_json(response)


rows = st.lists(values | st.lists(st.floats(width=32), min_size=2, max_size=2), max_size=3)


@given(reply=values | rows | rows.map(lambda data: {"data": data}), count=st.integers(1, 3))
@example(reply=[{"index": 0, "embedding": "AACAPwAAgD8="}], count=1)
@example(reply=[[[1, 2]], [[3, 4]]], count=2)
def test_any_embeddings_are_finite_vectors_or_an_error(reply: Any, count: int) -> None:
    try:
        vectors = read_embeddings(reply, count, 2, "HF_EMBEDDING")
    except ValueError:
        return
    assert len(vectors) == count
    for vector in vectors:
        assert vector.shape == (2,)
        assert np.abs(vector.astype(int)).max() == 127


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400])
def test_number_that_is_no_component_is_refused_in_each_position(number: float) -> None:
    for row in ([number, 1.0], [1.0, number]):
        with pytest.raises(ValueError, match="unusable"):
            read_embeddings([row], 1, 2, "HF_EMBEDDING")
