"""English function words, filler words and synonyms.

The lists are general vocabulary and were not taken from a data set. A word that is in none of them
is a content word, which both questions must have.
"""

from shared.text import word_set
from shared.text.spelling import american_spelling
from shared.text.stemming import stem

FUNCTION_WORDS = word_set(
    "a an the this that these those it its itself there here such"
    " be am is are was were been being have has had having"
    " do does did done doing will would shall can could should may might must ought"
    " i me my mine myself we us our ours ourselves you your yours yourself u ur one ones"
    " he him his himself she her hers herself they them their theirs themselves"
    " someone somebody anyone anybody oneself"
    " of to in on at for by with from about into onto upon as than so too also and or but"
    " through during till within via per between among amongst towards toward"
    " if when because while although though then whether both either"
    " what which who whom that some any wherein whereto whereinto whereby whereof | &"
    " not no never nor neither none without s"
)
"""Words without content. Some of them are compared by rules of their own."""

AUXILIARIES = word_set("do does did is are was were have has had can could should would will must")
"""Words that "not" follows, without "am"."""

SUBJECTS = word_set("i you he she it we they")
"""Pronouns as subjects."""

FILLER_WORDS = word_set(
    "please kindly thanks thank hello hi hey ok okay well now own already yet kind"
    " really actually exactly basically simply just even ever quite very truly literally"
    " currently nowadays generally usually typically normally easily properly correctly"
    " personally honestly seriously definitely possibly probably maybe perhaps anyway"
    " certain particular specific various several etc get let like going able willing become"
)
"""Content words that a rewording can add or omit."""

GENERIC_NOUNS = word_set(
    "city town state country province month year day book act practice process concept idea"
    " notion term word topic subject matter field art game language sacrament duty"
)
"""Nouns that can be omitted before "of" and a name: "in the city of Rome" is "in Rome"."""

PREPOSITIONS = word_set(
    "of to in on at for by with from about into onto as than through during until till within"
    " via per between among towards over under above below after before since against around"
    " across behind beside beyond near inside outside without if when because while although"
)
"""Prepositions, and conjunctions that start a subordinate clause."""

CONJUNCTIONS = word_set("and or vs versus &")

_SAME_ROLE = [
    word_set(pair)
    for pair in (
        *("of in", "during in", "into in", "about on", "till until", "through via"),
        *("among between", "amongst between", "amongst among", "towards toward"),
    )
]


def have_same_role(one: str, other: str) -> bool:
    """Whether two prepositions can give the word after them the same role."""
    return one == other or {one, other} in _SAME_ROLE


# One line for each meaning; the first word is its key.
_SYNONYMS = """
good best better great top finest nice ideal excellent recommended
bad worst worse terrible awful
end finish
big large huge biggest largest
small little tiny
fast quick rapid fastest quickest quicker faster asap
easy simple easiest simplest easier
cheap inexpensive cheapest
hard difficult tough
way method manner approach technique
fix repair
remove delete erase
stop quit
help assist aid
choose select pick
important significant
famous popular
smart intelligent clever
rich wealthy
scary frightening
hate dislike
movie film
phone smartphone cellphone
photo picture pic image
child kid
doctor physician
car automobile
reason cause
purpose aim
wrong incorrect
error mistake
trip journey
answer reply
internet web
website site webpage
university college uni
program code coding
company firm
country nation
price cost fee
salary pay wage
job employment
money cash
difference differ different distinction
similarity similar
advantage benefit pro
disadvantage drawback con
tip advice suggestion
improve enhance
reduce decrease lower
increase raise
prepare preparation
possible feasible
believe think
speak talk
gain obtain acquire
find locate
contact reach
photograph photography
india indian
app application
ad advertisement advert
pc computer
weird strange odd
alive living
maximum max
minimum min
gift present
people folk
make create build
effect impact consequence affect influence
prevent avoid
useful helpful
man guy
woman lady
girlfriend gf
boyfriend bf
insane crazy
use utilize utilise usage
change modify
exercise workout
employee worker
nearly almost
approximately approx roughly
"""
# Not synonyms, because they mostly ask different questions: "learn" and "study", "girl" and
# "woman", "city" and "town", "job" and "career", "get" and "buy".

# Synonyms that are the same word in every question. The others can have another meaning: "the tip
# for the waiter" is no advice.
_FORMS = """
exam examination
info information
tv television
maths math mathematics
bike bicycle
rupee rs inr
december dec
mother mom mum
father dad
usa america us-country
uk britain
photo pic
approximately approx
especially specially
buy purchase
begin start commence
happen occur
fast fastest quick quickest
quote quotation
"""


def _keys(table: str) -> dict[str, str]:
    """Return the stem of a line's first word for the stems of its other words."""
    lines = map(str.split, table.strip().splitlines())
    return {stem(word): stem(first) for first, *others in lines for word in others}


_FORM_KEY, _SYNONYM_KEY = _keys(_FORMS), _keys(_SYNONYMS)


def meaning_key(word: str) -> str:
    """Return the key of a lower-case word's meaning: its stem, or that of its first synonym."""
    form = word_form(word)
    return _SYNONYM_KEY.get(form, form)


def word_form(word: str) -> str:
    """Return the key of a lower-case word: the same for its inflections and spellings alone."""
    form = stem(american_spelling(word))
    return _FORM_KEY.get(form, form)
