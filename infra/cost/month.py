"""A month's bill, item by item."""

from typing import NamedTuple

from infra.cost.inputs import Inputs

DAYS = 30.0
HOURS = 730.0
_SECONDS = HOURS * 3_600
LEAST_CACHE_GB = 0.1
_EMBEDDING_DAYS = 6  # how much longer an embedding is kept than the answer beside it
_KB_IN_GB = 1e6
_MANY = 1 << 40


class Item(NamedTuple):
    """What something costs in a month, in US dollars."""

    without: float
    with_tercet: float

    @property
    def saved(self) -> float:
        """What Tercet saves of it; negative where it adds."""
        return self.without - self.with_tercet


def bill(inputs: Inputs, users: int) -> dict[str, Item]:
    """Tell what `users` cost in a month."""
    asked, changed = (users * inputs.figures[name] for name in ("questions", "changes"))
    f, price = inputs.figures, inputs.price
    new = 1 - f["avoided"]
    embedding = f["embedding_seconds"] * price("inference_second")
    verdict = f["verdicts"] * f["verdict_tokens"] * price("prompt_token")
    second = f["memory_gb"] * price("lambda_gb_second")
    change_second = f["change_memory_gb"] * price("lambda_gb_second")
    snapshot = f["snapshots"] * f["memory_gb"] * _SECONDS * price("snapshot_gb_second")
    restored = f["restores"] * f["memory_gb"] * price("snapshot_gb_restored")
    secrets = f["secrets"] * price("secret") + f["secret_readings"] * price("secret_reading")
    seconds = (
        f["exact"] * f["hit_seconds"]
        + (f["avoided"] - f["exact"]) * f["match_seconds"]
        + new * f["miss_seconds"]
    )
    call = price("lambda_request")
    kb = price("log_gb") / _KB_IN_GB
    watching = sum(f[f"{each}s"] * price(each) for each in ("metric", "alarm", "dashboard", "key"))
    polling = f["polls"] * price("queue_request")
    units = f["avoided"] * f["hit_units"] + new * f["miss_units"]
    return {
        "answers, Hugging Face": Item(asked * answer(inputs), asked * new * answer(inputs)),
        "embeddings and verdicts, Hugging Face": Item(
            asked * embedding, asked * ((1 - f["exact"]) * embedding + verdict)
        ),
        "Lambda": Item(
            asked * (call + f["miss_seconds"] * second + restored) + snapshot,
            asked * (call + seconds * second + restored)
            + snapshot
            + changed * (call + f["change_seconds"] * change_second),
        ),
        "Secrets Manager": Item(secrets, secrets),
        "HTTP API": Item(asked * price("api_request"), asked * price("api_request")),
        "SQS": Item(0.0, polling + changed * f["queue_requests"] * price("queue_request")),
        "ElastiCache": Item(
            0.0,
            max(LEAST_CACHE_GB, cached_gb(inputs, users)) * HOURS * price("cache_gb_hour")
            + (asked * units + changed * f["change_units"]) * price("cache_unit"),
        ),
        "CloudWatch": Item(
            asked * f["log_kb"] * kb, watching + (asked + changed) * f["tercet_log_kb"] * kb
        ),
    }


def answer(inputs: Inputs) -> float:
    """Tell what one generated answer costs, in US dollars."""
    tokens = inputs.figures
    return tokens["prompt_tokens"] * inputs.price("prompt_token") + tokens[
        "completion_tokens"
    ] * inputs.price("completion_token")


def cached_gb(inputs: Inputs, users: int) -> float:
    """Tell how much is in the cache: a day's new questions, and a week's embeddings.

    The embeddings are counted as if no two users asked the same.
    """
    f = inputs.figures
    a_day = users * f["questions"] / DAYS
    answers = a_day * (1 - f["avoided"]) * f["question_kb"]
    embeddings = a_day * (1 - f["exact"]) * _EMBEDDING_DAYS * f["embedding_kb"]
    return (answers + embeddings) / _KB_IN_GB


def total(inputs: Inputs, users: int) -> Item:
    """Add a month's bill up."""
    items = bill(inputs, users).values()
    return Item(sum(item.without for item in items), sum(item.with_tercet for item in items))


def break_even(inputs: Inputs) -> int | None:
    """Tell from how many users on Tercet pays for itself; None where it never does."""
    low, high = 0, 1
    while total(inputs, high).saved < 0:
        low, high = high, high * 2
        if high > _MANY:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if total(inputs, middle).saved >= 0 else (middle, high)
    return high
