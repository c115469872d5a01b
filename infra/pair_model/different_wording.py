"""Words and phrases that change what a question asks."""

from collections import defaultdict

from shared.text import word_set

_OPPOSITES = """open/closed eat/avoid increase/decrease before/after enable/disable
cheap/expensive start/stop buy/sell safe/unsafe legal/illegal allow/forbid allowed/forbidden
required/forbidden gain/lose win/lose love/hate best/worst advantages/disadvantages pros/cons
more/less high/low hot/cold old/new young/old first/last left/right up/down above/below
inside/outside north/south east/west male/female men/women mother/father sister/brother
husband/wife boys/girls send/receive import/export arrive/leave join/leave include/exclude
accept/reject remember/forget begin/end positive/negative minimum/maximum morning/evening
today/tomorrow yesterday/tomorrow always/never with/without strong/weak rich/poor good/bad
healthy/unhealthy true/false possible/impossible single/married upload/download lend/borrow
teach/learn ask/answer front/back early/late most/least same/different public/private
internal/external single/double add/remove everything/nothing check-in/check-out"""
_MODALS = "must/may must/can must/should should/can should/will may/will could/should must/will"
_CONJUNCTIONS = "and/or if/unless because/although while/after"
_PREPOSITIONS = """from/to from/for for/against with/without to/about for/about with/for by/for
by/about before/after until/since over/under during/before during/after in/near to/with"""
_PERSONS = """my/his my/her my/their our/their his/her he/she they/we him/her them/us me/him
me/them your/their myself/himself mine/yours"""
_DEGREES = (
    "better/good worse/bad too/very enough/too faster/fast older/old cheaper/cheap larger/large"
)
_UNITS = """kilometers/miles km/miles kg/pounds meters/feet day/week day/month day/year week/month
month/year time/date days/weeks weeks/months months/years hours/minutes hours/days dollars/rupees
dollars/euros celsius/fahrenheit inches/cm mb/gb time/day yearly/monthly annual/monthly"""
_VERBS = """delete/recover delete/create delete/update delete/hide create/deactivate hack/protect
hack/create spell/pronounce learn/teach join/leave read/write make/fix repair/replace clean/repair
cook/store grow/remove install/remove cancel/change renew/cancel track/cancel book/cancel
transfer/withdraw block/report block/find call/text watch/make play/teach drive/park wash/dry
print/scan export/delete reset/change change/check convert/compare prevent/treat prevent/cause
cure/cause cure/prevent improve/measure build/sell calculate/convert translate/pronounce
prove/explain wear/wash feed/train adopt/sell rent/buy rent/sell publish/write unlock/find
return/exchange pay/refund lose/hide hire/become become/marry get/leave visit/leave eat/cook
drink/make design/test share/save copy/print close/find edit/delete restore/erase backup/restore
stop/help avoid/use quit/get date/forget meet/avoid study/teach invest/earn"""
_ATTRIBUTES = """symptoms/causes causes/effects causes/treatments symptoms/treatments price/weight
height/age height/weight capital/population population/area author/title salary/job cost/length
length/width name/address name/age address/number birthday/address definition/history
history/future purpose/origin origin/meaning rules/history requirements/effects
ingredients/calories calories/protein benefits/risks uses/types types/examples features/price
speed/size color/size president/capital owner/address manager/owner start/end password/username
deadline/topic author/publisher difference/similarity difference/relationship reasons/results
meaning/spelling application/history importance/meaning function/structure temperature/pressure
mass/volume books/movies book/movie song/movie phone/laptop college/job hotel/restaurant
hotels/restaurants country/city cities/countries exam/interview engineer/doctor teacher/student
dogs/cats dog/cat water/milk coffee/tea boss/friend girlfriend/sister boyfriend/brother
parents/friends movie/series weight/muscle English/French"""


def _exchangeable(pairs: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for pair in sorted(word_set(pairs)):
        one, other = pair.split("/")
        found[one].append(other)
        found[other].append(one)
    return found


OPPOSITES = _exchangeable(_OPPOSITES)
"""Words that change the meaning of a question if they replace the key."""
MODALS = _exchangeable(_MODALS)
EXCHANGES = {
    "opposites": OPPOSITES,
    "conjunctions": _exchangeable(_CONJUNCTIONS),
    "prepositions": _exchangeable(_PREPOSITIONS),
    "persons": _exchangeable(_PERSONS),
    "degrees": _exchangeable(_DEGREES),
    "units": _exchangeable(_UNITS),
    "verbs": _exchangeable(_VERBS),
    "attributes": _exchangeable(_ATTRIBUTES),
}
"""Such words by the kind of what they change."""

GROUPS = tuple(
    frozenset(group.split())
    for group in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "january february march april june july august september october november december",
        """india china japan germany france spain italy canada australia brazil russia mexico
        england usa uk pakistan singapore nepal korea turkey egypt nigeria poland sweden
        switzerland""",
        """delhi mumbai bangalore pune chennai hyderabad london paris berlin tokyo chicago boston
        seattle dubai sydney toronto kolkata goa rome madrid dublin""",
        """google microsoft amazon facebook apple infosys tcs ibm oracle uber netflix wipro
        accenture deloitte samsung intel flipkart""",
        "instagram whatsapp snapchat twitter youtube quora linkedin gmail tinder reddit telegram",
        "java python javascript php ruby perl scala swift matlab sql html",
        "spanish german french japanese english chinese arabic russian italian korean hindi latin",
        "windows linux android ios mac ubuntu chrome firefox iphone",
        "diabetes cancer asthma malaria depression anxiety acne dandruff eczema arthritis migraine",
        "chicken rice eggs fish pasta bread potatoes beef beans cheese pizza soup",
        "guitar piano violin drums flute chess football cricket tennis golf poker",
        "physics chemistry biology mathematics economics history philosophy psychology accounting",
    )
)
"""Names of one kind: another one of the group changes the meaning."""

CALENDAR = GROUPS[:2]
PREPOSITIONS = word_set("to from than of by before after into for over")
PRONOUNS = word_set("i you we it they he she there one people")
QUALIFIERS = (
    *("for children", "in India", "without a degree", "on Windows", "at home", "for beginners"),
    *("in winter", "under 18", "for diabetics", "on a Mac", "in the UK", "during pregnancy"),
    *("after surgery", "for a small business", "at night", "by car", "with kids", "for seniors"),
    *("in Texas", "on Android", "as a student", "if I am over 60", "for free", "online"),
    *("in a week", "without money", "from abroad", "after marriage", "in the 1990s", "on Sundays"),
)
ADJECTIVES = sorted(
    word_set("""average minimum maximum official first current original total annual monthly
    former final main real exact cheapest safest oldest largest national local daily second last
    next previous new old free international legal default hidden secret fake chemical""")
)
"""Adjectives that narrow the noun after "the"."""

REASKED = {
    r"How (?:do|can|should|could|would) (?:I|you|we|one) (.+)\?$": (
        *(r"How long does it take to \1?", r"How much does it cost to \1?", r"Is it safe to \1?"),
        *(r"Why should I \1?", r"Is it legal to \1?", r"When should I \1?", r"Where can I \1?"),
        *(r"How do I help someone to \1?", r"How do I prevent others to \1?", r"Should I \1?"),
        *(r"What happens if I \1?", r"Why can't I \1?", r"Who can \1?", r"How hard is it to \1?"),
        *(r"How do I avoid having to \1?", r"How often should I \1?", r"Do I have to \1?"),
    ),
    r"What (is|are) (?!the |a good |some |your |my |best |it |there |like )((?:\S+ ){0,3}\S+)\?$": (
        *(r"What \1 the history of \2?", r"How \1 \2 made?", r"What \1 the uses of \2?"),
        *(r"What is the future of \2?", r"What are the types of \2?", r"Why \1 \2 important?"),
        *(r"Who invented \2?", r"What is the opposite of \2?", r"What is the price of \2?"),
        *(r"What are the disadvantages of \2?", r"Where can I find \2?", r"Is there \2?"),
        *(r"What is the purpose of \2?", r"What are examples of \2?", r"How do I get \2?"),
        *(r"What is the difference between \2 and others?", r"What is the theory of \2?"),
    ),
    r"(Where|When|Why|How) (do|does|did|can|should|will|is|are|was|were) (?!many|much)(.+)": (
        *(r"Where \2 \3", r"When \2 \3", r"Why \2 \3", r"How \2 \3"),
    ),
    r"How (long|hard|far|often|old|tall|big|expensive|safe|fast|good|deep|heavy) (.+)": (
        *(r"How long \2", r"How hard \2", r"How often \2", r"How old \2", r"How big \2"),
        *(r"How expensive \2", r"How safe \2", r"How fast \2", r"How tall \2", r"How heavy \2"),
    ),
    r"Who (is|was) (.+)": (r"Where \1 \2", r"When \1 \2", r"How old \1 \2", r"How rich \1 \2"),
    r"Is (.+)": (r"Why is \1", r"Was \1", r"When is \1"),
    r"Are (.+)": (r"Why are \1", r"Were \1", r"How many are \1"),
    r"Do (.+)": (r"Why do \1", r"When do \1", r"Did \1", r"How often do \1"),
    r"Does (.+)": (r"Why does \1", r"When does \1", r"Did \1", r"How does \1"),
    r"What does (.+)": (r"Why does \1", r"When does \1", r"What did \1"),
    r"Can (.+)": (r"Why can \1", r"Must \1", r"When can \1", r"Should \1"),
}
"""Patterns of a question, and questions about something else."""
