"""`python -m infra.cost [inputs.toml]`: the monthly cost with and without Tercet.

It prints the tables of docs/cost.md. The input file holds prices with their sources, language
models, measured rates, assumptions and scenarios.
"""

import argparse
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.exit_codes import exit_on_error
from shared.errors import ConfigurationError

DEFAULT_INPUTS = Path(__file__).with_suffix(".toml")

USERS = (1_000, 100_000, 10_000_000)
HOURS = 730.0
MIN_CACHE_GB = 0.1
_DAYS = 30.0
_EXTRA_EMBEDDING_DAYS = 6  # an embedding expires after 7 days, an answer after 1
_KB_PER_GB = 1e6
_MAX_USERS = 1 << 40
_MILLION = 1e6

Inputs = Mapping[str, float]


class Item(NamedTuple):
    """Monthly cost in US dollars."""

    without: float
    with_tercet: float

    @property
    def saved(self) -> float:
        """The saving; negative if Tercet costs more."""
        return self.without - self.with_tercet


class CostInputs(NamedTuple):
    """The inputs with the prices of the first language model, and what replaces some of them."""

    base: Inputs
    models: Mapping[str, Inputs]
    scenarios: Mapping[str, Inputs]


def load_inputs(path: Path = DEFAULT_INPUTS) -> CostInputs:
    """Read an input file.

    Raises:
        ConfigurationError: the file is missing, is not TOML or lacks a value.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        models = {
            name: {
                "prompt_token": model["prompt"] / _MILLION,
                "completion_token": model["completion"] / _MILLION,
            }
            for name, model in tables["models"].items()
        }
        inputs = {
            name: float(entry["value"])
            for table in ("prices", "measured", "assumed")
            for name, entry in tables[table].items()
        }
        return CostInputs(inputs | next(iter(models.values())), models, tables["scenarios"])
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 at byte {error.start:,}") from None
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise ConfigurationError(f"{path}: {error!r}; see {DEFAULT_INPUTS} for the form") from error


def monthly_cost(i: Inputs, users: int) -> dict[str, Item]:
    """Compute the cost of a month by service."""
    questions, changes = users * i["questions"], users * i["changes"]
    generated = 1 - i["avoided"]
    embedding = i["embedding_seconds"] * i["inference_second"]
    verifier = i["verifier_calls"] * i["verifier_tokens"] * i["prompt_token"]
    ask_second = i["memory_gb"] * i["lambda_gb_second"]
    change_second = i["change_memory_gb"] * i["lambda_gb_second"]
    snapshot = i["snapshots"] * i["memory_gb"] * HOURS * 3_600 * i["snapshot_gb_second"]
    start = i["lambda_request"] + i["restores"] * i["memory_gb"] * i["snapshot_gb_restored"]
    seconds = (
        i["exact"] * i["hit_seconds"]
        + (i["avoided"] - i["exact"]) * i["match_seconds"]
        + generated * i["miss_seconds"]
    )
    change = i["lambda_request"] + i["change_seconds"] * change_second
    secrets = i["secrets"] * i["secret"] + i["secret_readings"] * i["secret_reading"]
    api = questions * i["api_request"]
    queue = (i["polls"] + changes * i["queue_requests"]) * i["queue_request"]
    storage = max(MIN_CACHE_GB, cached_gb(i, users)) * HOURS * i["cache_gb_hour"]
    units = questions * (i["avoided"] * i["hit_units"] + generated * i["miss_units"])
    units += changes * i["change_units"]
    log_kb = i["log_gb"] / _KB_PER_GB
    monitoring = sum(i[f"{kind}s"] * i[kind] for kind in ("metric", "alarm", "dashboard", "key"))
    logs = (questions + changes) * i["tercet_log_kb"] * log_kb
    answers = questions * answer_cost(i)
    return {
        "answers": Item(answers, generated * answers),
        "embeddings and verifier calls": Item(
            questions * embedding, questions * ((1 - i["exact"]) * embedding + verifier)
        ),
        "Lambda": Item(
            snapshot + questions * (start + i["miss_seconds"] * ask_second),
            snapshot + questions * (start + seconds * ask_second) + changes * change,
        ),
        "Secrets Manager": Item(secrets, secrets),
        "HTTP API": Item(api, api),
        "SQS": Item(0.0, queue),
        "ElastiCache": Item(0.0, storage + units * i["cache_unit"]),
        "CloudWatch": Item(questions * i["log_kb"] * log_kb, monitoring + logs),
    }


def answer_cost(i: Inputs) -> float:
    """Compute the cost of one generated answer, in US dollars."""
    prompt = i["prompt_tokens"] * i["prompt_token"]
    return prompt + i["completion_tokens"] * i["completion_token"]


def cached_gb(i: Inputs, users: int) -> float:
    """Compute the size of the cache: one day of new questions and seven days of embeddings.

    Assumes that no two users ask the same question.
    """
    per_day = users * i["questions"] / _DAYS
    questions = per_day * (1 - i["avoided"]) * i["question_kb"]
    embeddings = per_day * (1 - i["exact"]) * _EXTRA_EMBEDDING_DAYS * i["embedding_kb"]
    return (questions + embeddings) / _KB_PER_GB


def total(i: Inputs, users: int) -> Item:
    """Add up the cost of a month."""
    items = monthly_cost(i, users).values()
    return Item(sum(item.without for item in items), sum(item.with_tercet for item in items))


def break_even(i: Inputs) -> int | None:
    """Find the least number of users for which Tercet saves money; None if there is none."""
    users = bisect_left(range(_MAX_USERS), 0.0, key=lambda users: total(i, users).saved)
    return users if users < _MAX_USERS else None


def report(inputs: CostInputs) -> str:
    """Format all tables as Markdown."""
    model = next(iter(inputs.models))
    return (
        f"## By language model\n\n{_models_table(inputs)}\n\n"
        f"## A month by service, in US dollars, with {model}\n\n{_month_table(inputs.base)}\n\n"
        f"## Savings under other assumptions, with {model}\n\n{_scenarios_table(inputs)}"
    )


def _models_table(inputs: CostInputs) -> str:
    rows = []
    for name, prices in inputs.models.items():
        i = {**inputs.base, **prices}
        rows.append([name, f"{1_000 * answer_cost(i):.2f}", *_savings(i)])
    return _table(["saved per month, $", "1,000 answers, $", *_SAVINGS], rows)


_SAVINGS = [*(f"{users:,} users" for users in USERS), "break-even"]


def _savings(i: Inputs) -> list[str]:
    totals = [total(i, users) for users in USERS]
    least = break_even(i)
    cells = [f"{_dollars(each.saved)} ({each.saved / each.without:.0%})" for each in totals]
    return [*cells, "never" if least is None else f"{least:,} users"]


def _month_table(i: Inputs) -> str:
    months = [monthly_cost(i, users) | {"**total**": total(i, users)} for users in USERS]
    rows = [[name, *(_dollars(c) for month in months for c in month[name])] for name in months[0]]
    saved = [["", f"**{_dollars(month['**total**'].saved)}**"] for month in months]
    rows.append(["**saved**", *(cell for pair in saved for cell in pair)])
    head = ["", *(f"{users:,} users, {how}" for users in USERS for how in ("without", "with"))]
    return _table(head, rows)


def _scenarios_table(inputs: CostInputs) -> str:
    rows = [
        [name, *_savings({**inputs.base, **changed})]
        for name, changed in {"as above": {}, **inputs.scenarios}.items()
    ]
    return _table(["saved per month, $", *_SAVINGS], rows)


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}" if abs(amount) < 1_000 else f"{amount:,.0f}"  # noqa: PLR2004  # cents


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m infra.cost", description=__doc__)
    parser.add_argument("inputs", nargs="?", type=Path, default=DEFAULT_INPUTS, help="a TOML file")
    arguments = parser.parse_args()
    with exit_on_error("cannot compute the cost"):
        print(report(load_inputs(arguments.inputs)))  # noqa: T201  # its output
