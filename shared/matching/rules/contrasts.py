"""Words that exclude each other where the rest of two questions is the same.

A pair model takes "spell" and "pronounce" for the same, because they occur in the same questions.
"""

from collections import defaultdict
from collections.abc import Callable

from shared.matching.rules.content_words import unmatched
from shared.matching.tokens.tokenize import Token, TokenizedQuestion
from shared.text import remove_accents
from shared.text.stemming import is_past, stem
from shared.text.word_relations import (
    are_kinds_of_one_thing,
    are_opposites,
    are_related,
    base_forms,
)

_LINES = """
spell | pronounce | translate | define | abbreviate | sing
write | read | publish print | sign | translate | delete | burn | quote cite
create make open add | delete remove erase | recover restore retrieve | rename | share | archive \
| move transfer | copy duplicate | download | upload | print | hide | merge
lock | unlock | install | uninstall | update | hack crack steal | protect secure defend | reset
open | close | clean | block | unblock | cancel | renew | pause | resume | join | leave
upgrade | downgrade | activate | deactivate | enable | disable | verify | delete
follow | unfollow | mute | report | block | tag
buy purchase order | sell | rent lease hire | repair fix mend | paint | wash clean | park \
| insure | borrow | lend | return | steal | build | demolish
call phone ring | visit | email mail | text | meet | marry | divorce | bury | baptise baptize
earn | spend | save | owe | lose | invest | donate | lend | borrow | pay
cook boil | fry | bake | freeze | peel | eat | order | grill | drink | thaw defrost | reheat
plant sow | harvest pick | water | prune trim cut | fertilise fertilize feed | repot
wash | dry | iron | dye | fold | sew
load fill | empty unload | descale | repair
start | stop | restart | finish end | continue
paint | repair fix | replace | demolish | sand
teach | learn | forget | examine | study
hire employ | fire dismiss sack | promote | train | interview
tie | untie | cut
accept | decline refuse reject | cancel | send | renew | make
charge | discharge | replace | recycle
bring | wear | give | leave | forget | eat
leave | stay remain | return
promise | lend | tell | give | ask | show | forbid | sell
require | forbid | allow permit | recommend
heal cure | rebuke | bless | curse | betray | deny | baptise baptize | anoint
find | lose | hide | break | return | steal
measure | lower | raise
prevent avoid | treat cure | catch get | cause | spread | diagnose
drive | park | cycle | walk | fly | swim | sail
promise | break | keep
attack | defend | win | lose
increase | decrease | maintain keep | calculate measure
love | hate | fear | trust | envy | marry | miss
marry | divorce | meet | kiss | leave
admit | deny
remember | forget
lack | have
agree | refuse disagree | forget
win | lose | draw
symptom sign | cause | effect consequence | treatment cure remedy | risk | prevention | diagnosis \
| complication | type | benefit | purpose | definition meaning
price cost fee | size | colour color | age | weight | value | condition | name | owner
name | address | age | number | birthday | email | password | job occupation | wife | husband \
| salary income | nationality | pin | username
rent | deposit | mortgage | tax | insurance | bill
width breadth | length | height | weight | depth | volume | distance | speed | temperature
capital | population | currency | area | language | president | king | flag | history
author | title | publisher | price | topic subject | genre
mayor | bishop | president | minister | king | governor | pope | pastor
law | love | wrath | grace | word | son | kingdom | glory | name
birthday | wedding | party | funeral | anniversary | baptism | graduation | christening
long | old | tall high | heavy | deep | wide | far | thick | big large | fast | often | hot | loud
father dad | mother mum mom | brother | sister | son | daughter | husband | wife | uncle | aunt \
| cousin | grandfather grandpa | grandmother grandma | nephew | niece | boss | neighbour neighbor \
| friend | fiancé | landlord | doctor | dentist
red | green | blue | yellow | black | white | grey gray | brown | pink | orange | purple
north northern | south southern | east eastern | west western
front | back rear | side | top upper | bottom lower | left | right | middle centre center
first ground | top | basement
spring | summer | autumn | winter | fall
weekday | weekend | holiday
morning | noon midday | afternoon | evening | night midnight
christmas | easter | pentecost | advent | lent | thanksgiving | halloween
early | late | mid
start beginning | middle | end
opening | closing | departure | arrival | check-in | check-out
breakfast | lunch | dinner supper | snack
once | twice | thrice | never | daily | weekly | monthly
twins | triplets
single | double | triple | twin | married | divorced | widowed | engaged
half | quarter | third | whole
ten | hundred | thousand | million | billion | dozen
celsius | fahrenheit | kelvin
clean | dirty stained | broken
fresh | sour rotten | frozen
sweet | dry | sour | bitter | salty
tidy | messy
sharp | blunt
raw | cooked | frozen
visible | hidden
present | absent
employed | self-employed | unemployed | retired
elected | appointed | dismissed
mandatory | optional | recommended
sender | recipient receiver
taxable taxed | exempt
net | gross
maximum max highest most | minimum min lowest least | average mean median typical | total overall \
| exact actual | estimated approximate
first | last final previous former | next | second | current | original | future | provisional
annual yearly | monthly | weekly | daily | hourly | quarterly | total
joint | private personal | business | public
partial | full | half
temporary | permanent
only | also | even
new | old | original | second-hand used
local | international | national | foreign | regional
everything all everyone everybody every each | something someone somebody | anything anyone \
anybody any | none nobody | both | most | few | several many
partly partially | fully completely | mostly mainly | hardly | almost nearly | exactly | over
want | need | like | own | try | hope
allowed permitted | obliged required forced | willing | forbidden
few | several many | couple pair
get catch | remove | lose | prevent | spread
slightly bit somewhat | very severely seriously extremely | rather fairly | partly partially \
| fully completely totally entirely | mostly mainly | hardly barely | almost nearly
off | on | out | up | down | away | back | in | over | through | apart | together | past
"""

_GROUPS: dict[str, set[tuple[int, int]]] = defaultdict(set)
for _line, _row in enumerate(_LINES.strip().split("\n")):
    for _place, _group in enumerate(_row.split("|")):
        for _word in _group.split():
            _GROUPS[stem(_word)].add((_line, _place))


def check_contrasts(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "How do I spell it?" and "How do I pronounce it?"."""
    one, other = unmatched(a, b)
    for left in one:
        for right in other:
            if _exclude_each_other(stem(left.text), stem(right.text)):
                return f"contrast: {left.text} / {right.text}"
    return None


def check_exchanged_words(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "the violin" and "the viola": kinds of one thing, or opposites."""
    words = _find_exchange(a, b)
    if words and (are_opposites(*words) or are_kinds_of_one_thing(*words)):
        return f"exchanged words: {' / '.join(words)}"
    return None


def check_unknown_words(
    a: TokenizedQuestion, b: TokenizedQuestion, knows: Callable[[str], bool]
) -> str | None:
    """Reject "triazolam" in the place of "diazepam", unless both can mean the same.

    A pair model that `knows` one of them by its parts alone takes most of such pairs for the same.
    """
    words = _find_exchange(a, b)
    if words is None or all(any(map(knows, base_forms(word))) for word in words):
        return None
    if len(set(map(remove_accents, words))) == 1:
        return None  # "café"
    return None if are_related(*words) else f"unknown words: {' / '.join(words)}"


def _find_exchange(a: TokenizedQuestion, b: TokenizedQuestion) -> tuple[str, str] | None:
    """Return the only word of each question that the other lacks, or None."""
    one, other = unmatched(a, b)
    if [token.kind for token in (*one, *other)] == ["word", "word"] and one and other:
        return one[0].text, other[0].text
    return None


def _exclude_each_other(one: str, other: str) -> bool:
    left, right = _GROUPS.get(one, set()), _GROUPS.get(other, set())
    common_lines = {line for line, _ in left} & {line for line, _ in right}
    return bool(common_lines) and not left & right


def check_actions(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "How do I recover a deleted file?" and "How do I delete a file?"."""
    one, other = _find_action(a), _find_action(b)
    if not one or not other or one.key == other.key:
        return None
    if (
        _is_done(one, b)
        or _is_done(other, a)
        or _exclude_each_other(stem(one.text), stem(other.text))
    ):
        return f"actions: {one.text} / {other.text}"
    return None


def _find_action(question: TokenizedQuestion) -> Token | None:
    """Return the first word of a question that begins with "how to"."""
    if question.types != {"how"} or question.remainder[:1] != ("|",):
        return None
    return next(
        (token for token in question.tokens if token.text == "get" or not token.optional), None
    )


def _is_done(action: Token, question: TokenizedQuestion) -> bool:
    return any(token.key == action.key and is_past(token.text) for token in question.tokens)
