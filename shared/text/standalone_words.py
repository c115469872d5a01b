"""Word lists that decide whether a question stands alone. General English vocabulary."""

from shared.text import word_set

AUXILIARIES = word_set(
    """am is are was were be been being isn't aren't wasn't weren't do does did has have had can
    could will would shall should may might must don't doesn't didn't hasn't haven't hadn't can't
    couldn't won't wouldn't shouldn't cannot doth hath"""
)
QUESTION_WORDS = word_set(
    """what which who whom whose when where why how what's who's where's when's how's wherein
    whereof whereby"""
)
REQUESTS = word_set(
    """tell show give explain describe define list name find summarize summarise compare translate
    write help remind recommend suggest calculate convert create make add remove delete cancel book
    order change update set send check open close start stop turn play call count track"""
)
"""Verbs with which requests begin."""

STATEMENTS = word_set("i i'm i'd i've i'll we we're we'd we've we'll my our please let's")

CONJUNCTIONS = word_set("and but so or")
OPENINGS = CONJUNCTIONS | word_set(
    """ok okay well then also yes yeah yep no nope sure fine great cool right thanks thx alright hmm
    oh oops actually instead nice lovely perfect good else same not neither another any again
    because however otherwise though meanwhile"""
)
"""Words with which a reply to the turn before begins."""

SUBJECTS = AUXILIARIES | word_set("i we you me us to it they he she")
"""What is before a verb."""

COMPARATIVES = word_set(
    """better worse cheaper faster slower bigger smaller older younger easier harder larger longer
    shorter higher lower stronger weaker safer newer healthier taller heavier lighter closer"""
)
SECOND_SIDE = word_set("than or between of and vs versus compared no")
"""What introduces the other side of a comparison. "No longer" compares nothing."""

RELATIONAL_NOUNS = word_set(
    """benefit benefits advantage advantages disadvantage disadvantages risk risks feature features
    difference differences step steps option options type types kind kinds cost costs price prices
    fee fees charge charges requirement requirements limit limits limitation limitations reason
    reasons cause causes effect effects symptom symptoms result results rule rules alternative
    alternatives part parts content contents size name names purpose meaning definition period
    deadline date time place location address number answer answers consequence consequences outcome
    solution solutions source sources example examples exception exceptions problem problems issue
    issues process procedure condition conditions details rate rates total status owner author enemy
    winner loser origin background history context goal goals role duration length height weight age
    population capital leader members downside downsides upside"""
)
"""Nouns that say little without what they belong to: "What are the benefits?"."""

FUNCTION_WORDS = (
    AUXILIARIES
    | QUESTION_WORDS
    | word_set(
        """the a an this that these those it its there here such to of in on at for by with
        from about into onto upon before after during without under between through until as
        than so too and or but i me my mine myself we us our you your yours he him his she
        her they them their if when because while although though not no never any some all
        much many long often far old soon get got gets getting need needs want go goes going
        let just really please actually usually still even ever now today up out off down
        over back only own thing things something anything everything someone anyone one
        ones way take takes happen happens mean means know think say says tell work works
        use make good best kind sort type next new also then again more most less very other
        ok"""
    )
)
"""Words that say nothing about the subject of a question."""
