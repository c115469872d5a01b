"""Common English antonyms."""

from shared.text.stemming import stem

_PAIRS = """
required forbidden, require forbid, command forbid, allow deny, allow forbid, permit prohibit, allow
prevent, allow ban, permit forbid, enable disable, accept reject, approve reject, grant deny, grant
refuse, admit deny, confirm deny, agree disagree, before after, earlier later, early late, first
last, next previous, past future, old new, old young, ancient modern, former latter, increase
decrease, increase reduce, raise lower, rise fall, gain lose, grow shrink, add remove, add subtract,
multiply divide, more less, more fewer, most least, maximum minimum, max min, many few, much little,
all none, always never, everything nothing, everyone nobody, good bad, good evil, best worst, better
worse, right wrong, true false, real fake, big small, high low, long short, tall short, deep
shallow, wide narrow, thick thin, fat thin, heavy light, fast slow, hard easy, difficult easy, hard
soft, strong weak, rich poor, expensive cheap, hot cold, warm cool, dry wet, full empty, open close,
open closed, begin end, start stop, start end, start finish, enter leave, enter exit, arrive depart,
come go, push pull, buy sell, borrow lend, give take, give receive, send receive, import export,
upload download, install uninstall, lock unlock, block unblock, follow unfollow, connect disconnect,
activate deactivate, encrypt decrypt, encode decode, turn-on turn-off, on off, in out, into out, up
down, above below, over under, inside outside, to from, with without, for against, since until, left
right, top bottom, front back, north south, east west, man woman, male female, boy girl, husband
wife, father mother, son daughter, brother sister, king queen, uncle aunt, boyfriend girlfriend, he
she, parent child, teacher student, doctor patient, employer employee, landlord tenant, buyer
seller, love hate, like dislike, friend enemy, peace war, life death, live die, birth death, heaven
hell, god devil, angel demon, saint sinner, righteous wicked, holy unholy, blessing curse, reward
punishment, promise threaten, sin virtue, faith works, law gospel, grace works, flesh spirit, body
soul, light darkness, day night, morning evening, summer winter, win lose, success failure, succeed
fail, pass fail, profit loss, income expense, credit debit, deposit withdraw, asset liability,
advantage disadvantage, pro con, benefit risk, strength weakness, cause effect, cause cure, question
answer, problem solution, attack defend, guilty innocent, legal illegal, possible impossible, alive
dead, awake asleep, happy sad, public private, internal external, domestic foreign, major minor,
single married, visible invisible, positive negative, plus minus, superior inferior, preface
conclusion, introduction conclusion, beginning end, remember forget, save delete, save spend, create
destroy, build destroy, find lose, hide show, include exclude, freeze thaw, freeze melt, cancel
renew, subscribe unsubscribe, optimist pessimist, theory practice, natural artificial, sender
receiver, adult child, compulsory optional, mandatory optional, required optional, pause resume,
stop resume, arrival departure, indoor outdoor, incoming outgoing, inbound outbound, upgrade
downgrade, hire fire, marry divorce, weekday weekend, daily weekly, weekly monthly, monthly yearly,
monthly annual, ascending descending, username password, compress decompress, mount unmount,
vertical horizontal, liquid solid, urban rural, optimistic pessimistic, hopeful hopeless, useful
useless, host guest, predecessor successor, ancestor descendant, niece nephew, aunt nephew, bride
groom, hero villain, plaintiff defendant, prosecute defend, lender borrower, giver receiver, supply
demand, genuine fake, steep gentle, breakfast dinner, breakfast lunch, lunch dinner, spring autumn,
spring fall, noon midnight, alongside against
"""

_OPPOSITE: dict[str, set[str]] = {}
for _pair in _PAIRS.replace("\n", " ").split(","):
    _one, _other = map(stem, _pair.split())
    _OPPOSITE.setdefault(_one, set()).add(_other)
    _OPPOSITE.setdefault(_other, set()).add(_one)

_OPPOSED_PREFIXES = (
    *(
        "in",
        "de",
        "ex",
        "im",
        "en",
        "un",
        "dis",
        "over",
        "under",
        "up",
        "down",
        "out",
        "pre",
        "post",
    ),
    *("hyper", "hypo", "inter", "intra", "out", "sub", "super", "mono", "poly", "maxi", "mini"),
    *("endo", "exo", "macro", "micro", "homo", "hetero", "pro", "anti", "up", "fore", "after"),
)
_PREFIXES = ("un", "in", "im", "il", "ir", "non", "dis", "mis", "anti", "de")


def are_antonyms(one: str, other: str) -> bool:
    """Whether two words are a known pair, or one is the other with a negating prefix."""
    if _negates(one, other) or _negates(other, one) or _have_opposite_affixes(one, other):
        return True
    return any(
        right in _OPPOSITE.get(left, ()) or _negates(left, right) or _negates(right, left)
        for left in (stem(one), *map(stem, find_adjectives(one)))
        for right in (stem(other), *map(stem, find_adjectives(other)))
    )


def _have_opposite_affixes(one: str, other: str) -> bool:
    """Whether two words differ in a prefix or suffix: "inflate", "deflate"; "useful", "useless"."""
    if one == other:
        return False
    for left, right in ((one, other), (other, one)):
        if left.endswith("ful") and right == left.removesuffix("ful") + "less":
            return True
    cut, others = (
        {word.removeprefix(prefix) for prefix in _OPPOSED_PREFIXES if word.startswith(prefix)}
        for word in (one, other)
    )
    return any(len(rest) > 3 for rest in cut & others)  # noqa: PLR2004 - "inside", "beside"


def find_adjectives(word: str) -> list[str]:
    """Return the adjectives whose comparative or superlative a word can be."""
    for ending in ("er", "est"):
        base = word.removesuffix(ending)
        if base != word and len(base) > 2:  # noqa: PLR2004 - "her", "test"
            doubled = [base[:-1]] if base[-1] == base[-2] else []
            return [base, base + "e", *doubled, *([base[:-1] + "y"] if base[-1] == "i" else [])]
    return []


def _negates(one: str, other: str) -> bool:
    """Whether `one` is `other` with a prefix such as "un-", "in-" or "non-"."""
    return one.endswith(other) and one[: -len(other)] in _PREFIXES and len(other) > 2  # noqa: PLR2004
