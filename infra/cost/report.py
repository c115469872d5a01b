"""The tables of docs/cost.md."""

from collections.abc import Iterable, Sequence

from infra.cost.inputs import Inputs
from infra.cost.month import DAYS, answer, bill, break_even, total

USERS = (1_000, 100_000, 10_000_000)


def report(inputs: Inputs) -> str:
    """Write all tables, as Markdown."""
    parts = (
        ("A month, in US dollars", _month(inputs)),
        ("The same under other assumptions", _variants(inputs)),
        ("The plan's estimate", _plan(inputs)),
        ("Prices", _prices(inputs)),
        ("Measured and assumed", _figures(inputs)),
    )
    return "\n\n".join(f"## {title}\n\n{table}" for title, table in parts)


def _month(inputs: Inputs) -> str:
    bills = [bill(inputs, users) for users in USERS]
    totals = [total(inputs, users) for users in USERS]
    head = ["", *(f"{users:,} users, {how}" for users in USERS for how in ("without", "with"))]
    rows = [[name, *(_dollars(cost) for each in bills for cost in each[name])] for name in bills[0]]
    rows.append(["**together**", *(f"**{_dollars(cost)}**" for each in totals for cost in each)])
    saved = [["", f"**{_dollars(each.saved)}**"] for each in totals]
    rows.append(["**saved**", *(cell for pair in saved for cell in pair)])
    return _table(head, rows)


def _variants(inputs: Inputs) -> str:
    plan = inputs.plan
    tokens = inputs.figures["prompt_tokens"] + inputs.figures["completion_tokens"]
    priced = plan["answer"] / tokens
    often = asked(inputs) / plan["users"]
    churn = inputs.figures["avoided_with_changes"]
    variants = {
        f"as above: {inputs.figures['questions']:g} questions a user, an answer costs"
        f" ${answer(inputs):.5f}": inputs,
        f"with a note change for every five questions, {churn:.1%} avoided": inputs.but(
            avoided=churn, exact=min(churn, inputs.figures["exact"])
        ),
        "with CloudWatch's free tier: ten metrics, alarms and a dashboard": inputs.but(
            metrics=max(0.0, inputs.figures["metrics"] - 10), alarms=0, dashboards=0
        ),
        "the cheapest provider, $0.02 and $0.03 a million tokens": inputs.at(
            prompt_token=0.02e-6, completion_token=0.03e-6
        ),
        f"an answer costs the plan's ${plan['answer']:.5f}": (
            dear := inputs.at(prompt_token=priced, completion_token=priced)
        ),
        f"that, and {often:g} questions a user, the plan's": dear.but(questions=often),
    }
    rows = []
    for name, variant in variants.items():
        totals = [total(variant, users) for users in USERS]
        cells = [f"{_dollars(each.saved)} ({each.saved / each.without:.0%})" for each in totals]
        least = break_even(variant)
        rows.append([name, *cells, "never" if least is None else f"{least:,} users"])
    head = ["saved in a month", *(f"{users:,} users" for users in USERS), "pays from"]
    return _table(head, rows)


def asked(inputs: Inputs) -> float:
    """Tell how many questions a month the plan's saving needs, by its own figures."""
    return inputs.plan["saved"] / inputs.plan["reduction"] / inputs.plan["answer"]


def _plan(inputs: Inputs) -> str:
    p = inputs.plan
    needed, day = asked(inputs), p["questions_a_day"] * p["answer"]
    added = p["l1"] + (1 - p["l1"]) * p["l2"] + p["l1"] * p["l3"]
    chained = 1 - (1 - p["l1"]) * (1 - p["l2"]) * (1 - p["l3"])
    avoided = inputs.figures["avoided"]
    rows = [
        [
            f"${p['saved']:g} saved at {p['users']:,} users, {p['reduction']:.0%} of the cost",
            f"needs {needed:,.0f} questions a month, {needed / p['users'] / DAYS:.1f} a user and"
            f" day; its own table of a day has {p['questions_a_day']:,}, which cost"
            f" ${day * DAYS:.2f} a month without any cache",
        ],
        [
            "a hit rate of 40% + 60% * 60% + 40% * 70% = 93%",
            f"that sum is {added:.0%}; one tier after the other gives {chained:.1%}"
            " for any tier. L2 and L3 save a search and an embedding, not the generation:"
            f" by its own rates {p['l1']:.0%} of the answers are avoided,"
            f" ${day * DAYS * p['l1']:.2f} of ${day * DAYS:.2f}",
        ],
        [
            f"a Redis of ${p['server']:g} a month",
            f"is more than the ${p['saved']:g} that it was to save",
        ],
        [
            f"{p['reduction']:.0%} saved",
            f"{avoided:.1%} of the answers are avoided on the plan's own mix of questions:"
            f" ${needed * p['answer'] * avoided:.2f} of ${needed * p['answer']:.2f}"
            f" for {needed:,.0f} questions, before what the cache costs",
        ],
    ]
    return _table(["the plan says", "its figures say"], rows, numbers=False)


def _prices(inputs: Inputs) -> str:
    rows = [[f"{p.dollars:.10g}", p.per, p.source, p.date] for p in inputs.prices.values()]
    return _table(["US dollars", "for a", "who says so", "when"], rows, numbers=False)


def _figures(inputs: Inputs) -> str:
    rows = [[f"{inputs.figures[name]:,g}", what] for name, what in inputs.meanings.items()]
    return _table(["", "what"], rows, numbers=False)


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}" if abs(amount) < 1_000 else f"{amount:,.0f}"  # noqa: PLR2004  # cents


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    rule = ["---", *("--:" if numbers else "---" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
