"""Detects the language of a text: by its script, or by its function words."""

import re
from collections import Counter
from collections.abc import Mapping

from shared.text import word_set

ENGLISH = "en"

FUNCTION_WORDS = {
    ENGLISH: word_set(
        """a an the this that these those it its there here am is are was were be been have has had
        do does did will would can could should may might must i me my we us our you your he him
        his she her they them their of to in on at for by with from about into as than so too
        and or but if when because while then what which who whom whose how why where some any
        not no much many long after before s"""
    ),
    "de": word_set(
        """der die das den dem des ein eine einen einem einer und oder aber ist sind war waren wird
        hat haben ich du er sie es wir ihr mein meine dein sein nicht kein keine mit von vom zu
        zum zur im am auf für bei nach aus wie was wer wo wann warum welche welcher welches wenn
        dass auch man kann muss soll viel viele lange gibt hoch alt groß in"""
    ),
    "fr": word_set(
        """le la les un une des du de et ou mais est sont était a ont je tu il elle nous vous ils
        elles on mon ma mes ton son sa ses ce cette ne pas que qui quoi quand où comment
        pourquoi quel quelle quels quelles combien dans sur pour par avec sans au aux en se c d
        j l n qu s"""
    ),
    "es": word_set(
        """el la los las un una del de y o es son era está están hay yo tú él ella nosotros mi mis
        tu su sus no que qué quién cuándo dónde cómo cuánto cuántos cuántas cuál en con por para
        sin al se"""
    ),
    "it": word_set(
        """il lo la i gli le un uno una di del della dei delle e o è sono era c io tu lui lei noi
        mio mia suo sua non che chi cosa quando dove come perché quanto quanti quante quale in
        con per da al alla nel nella si l"""
    ),
    "pt": word_set(
        """o a os as um uma de do da dos das e ou é são era está há eu ele ela nós meu minha seu
        sua não que quem quando onde como quanto quantos quantas qual em no na com por para sem
        ao à se"""
    ),
    "nl": word_set(
        """de het een en of maar is zijn was waren wordt heeft hebben ik jij je hij zij ze wij we
        mijn niet geen met van voor naar op aan bij uit in te dat dit die wat wie waar wanneer
        waarom hoe welke hoeveel als ook er"""
    ),
    "sv": word_set(
        """en ett den det och eller men är var har jag du han hon vi min mitt inte med från till på
        för av i om som att vad vem när hur varför vilken vilket vilka många mycket"""
    ),
    "da": word_set(
        """en et den det de og eller men er var har jeg du han hun vi min mit ikke med fra til på
        for af i om som at hvad hvem hvor hvornår hvordan hvorfor hvilken hvilket mange meget"""
    ),
    "pl": word_set(
        """i w z na do nie jest są był była ma mają ja ty on ona my mój moja jego jej od za po dla
        o się że co kto kiedy gdzie jak dlaczego ile jaki jaka jakie który która lub"""
    ),
    "cs": word_set(
        """a v ve s z na do ne je jsou byl byla má mají já ty on ona my můj moje jeho její od za po
        pro o se že co kdo kdy kde jak proč kolik jaký jaká který která nebo"""
    ),
    "tr": word_set(
        """bir ve veya ama bu şu o sen biz siz için ile de da mi mı mu mü ne kim nerede zaman nasıl
        neden kaç hangi var yok değil çok"""
    ),
    "ru": word_set(
        """и в на не с что это как по но из у за от для о к до же я ты он она мы вы они мой его её
        их кто когда где почему сколько какой какая какие который или есть был была было"""
    ),
}

_ENGLISH_WORDS = FUNCTION_WORDS[ENGLISH] | word_set(
    """good better bad old take took eat owe pay paid buy bought need know think say said says tell
    told write wrote written find found make made get give gave go want live lives work works use
    mean means teach learn happen happened call called help explain define describe list show
    birthday number address phone time day year month week people book church house money yes
    right left first last next new today tomorrow yesterday big small difference between through
    every other only own more most less least our ours
    able account add ask asked became become begin believe best bring broke broken brother build
    built cancel car change cheap child children choose city clean close closed company cook cost
    could country create daughter death delete did does done download drink drive easy else end
    enough ever exist father feel few friend from god got great had happy hard has hate hear height
    home hot how husband improve install just keep key kill kind know learn leave letter life lock
    lose lost love meaning meet meeting met mother move must name news night nothing open password
    pastor phone place play please price problem promise put question quickly read really reason
    recover remember remove rent repair reset safe school sell send shop should sister sleep
    someone something son speak start stop store street subscription talk teacher thing things
    together track train travel true turn update upload visit wait walk watch water wedding weight
    all any both each few ill sick alone alive dead young poor rich sad fine cold dark early late
    wife window wish without woman word world worth write wrong"""
)
_ONLY_ENGLISH = word_set(
    "what which who whom whose how why when where does did the"
    " can could should would you your they their"
)
_HOMOGRAPHS = {
    "de": """am an so also fast man will name hat war was die in list kind gift rat art land hand
        arm ring wind bad rot fall not all plan problem person mag her warm bald hell brief""",
    "nl": """is in of we had men me over even door week water open last list land hand arm ring
        wind warm were even over plan problem order been bad boot brief met mag have her
        want wonder toe as ten tot tent loop man kind bed""",
    "da": """to i for at by have her over under fast men man most gift find time far let den land
        hat ring and ham god tale dig over bad barn blind vent ting sent brand arm hand kind
        start plan problem stop person meter regel""",
    "sv": """i under men man gift god far land hat ring and ham is arm
        hand start plan problem stop person dig barn bra bad sent tag kind last slut still hade""",
    "fr": """a on me an or son car main pour sale comment pays six art but chat dent coin table
        question train place important four six ton long date page nation pain""",
    "es": "a me he has no come sin son once real actual pan red van sea ten dos use mil lean",
    "it": "a i me come so no in more due fine male cane sale per ma ha due lo fare pure",
    "pt": "a as do me no for data come sou era dia mas par",
    "tr": "on in at an son her ben kim bin bay ay ad saw",
    "pl": "to i a on my do no list ten pan but ale tam jest",
    "cs": "a on my do to no pan pes",
    "hu": "a az is de hogy nem van hol mikor ki mi most hat volt ha egy mit fog",
    "ro": "a are o la de cu pe din ce nu este sunt am ai unde care sa in un tot care",
    "fi": "on ja ei ole se kun en me he mikä missä milloin olla sen tie",
    "id": "di dan yang ini itu apa siapa kapan mana dari ke ada air pun",
}
"""Words of other languages that are also English, and function words of rarer languages."""
_OTHER_WORDS = {
    name: FUNCTION_WORDS.get(name, frozenset()) | word_set(_HOMOGRAPHS.get(name, ""))
    for name in (FUNCTION_WORDS.keys() | _HOMOGRAPHS.keys()) - {ENGLISH}
}
_SCRIPTS = (
    ("ja", r"[\u3040-\u30ff]"),
    ("zh", r"[\u3400-\u9fff]"),
    ("ko", r"[\uac00-\ud7af]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("el", r"[\u0370-\u03ff]"),
    ("he", r"[\u0590-\u05ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("hi", r"[\u0900-\u097f]"),
)
_OTHER_SCRIPT = re.compile("|".join(f"(?P<{name}>{letters})" for name, letters in _SCRIPTS))
_WORD = re.compile(r"[^\W\d_]+")
_BETWEEN_MARKS = re.compile(r"[^\s,;:.?!]+")


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language, or an empty text if nothing indicates it.

    A text in another script than Latin is of the script's most frequent language.
    """
    scripts = Counter(str(found.lastgroup) for found in _OTHER_SCRIPT.finditer(text))
    if 2 * scripts.total() > sum(map(str.isalpha, text)):
        return "ja" if scripts["ja"] else scripts.most_common(1)[0][0]
    words = _WORD.findall(text.casefold())
    counts = _count_words(words, FUNCTION_WORDS)
    best = max(counts, key=lambda name: counts[name])  # the first one of equals
    return best if counts[best] and len(words) > 1 else ""


def are_english(a: str, b: str) -> bool:
    """Return whether two texts are clearly English: one is, and the other may be."""
    margins = _english_margin(a), _english_margin(b)
    return min(margins) >= 0 and max(margins) > 0


def _english_margin(text: str) -> int:
    """Return how many more words of English a text has than words of another language."""
    if _OTHER_SCRIPT.search(text):
        return -1
    words = _WORD.findall(text.casefold())
    english = sum((word in _ENGLISH_WORDS) + (word in _ONLY_ENGLISH) for word in words)
    accented = sum(not word.isascii() for word in words)
    return english - accented - max(_count_words(words, _OTHER_WORDS).values())


def _count_words(words: list[str], languages: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return how many of the words are among those of each language."""
    return {name: sum(word in own for word in words) for name, own in languages.items()}


def split_words(text: str) -> list[str]:
    """Return the words and symbols between white space and punctuation marks."""
    return _BETWEEN_MARKS.findall(text)
