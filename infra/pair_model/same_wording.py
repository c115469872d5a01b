"""Words and phrases that leave the meaning of a question as it is."""

GREETINGS = (
    *("Hi, ", "Hello! ", "Hey, ", "um, ", "Um ", "Please tell me, ", "Quick question: "),
    *("Sorry to bother you, but ", "Good morning, ", "Hi team, ", "Hi there - ", "So, "),
    *("Just wondering, ", "I was wondering, ", "Ok so ", "Excuse me, ", "Hiya, ", "Question: "),
    *("Can you tell me ", "Dear team, ", "I want to know, ", "Does anyone know: ", "yeah "),
)
CLOSINGS = (
    *(" Thanks!", " thanks", " please?", " Cheers", " Thank you.", " pls"),
    *(" Thanks in advance", " ??"),
)

_HOW_TO = (
    *("How do I ", "How can I ", "How could I ", "How would I ", "How should I ", "How to "),
    *("What is the way to ", "What is the best way to ", "What's the best way to "),
    *("What is a good way to ", "What are good ways to ", "What can I do to ", "How do you "),
    *("What are the steps to ", "What do I have to do to ", "How does one ", "Tell me how to "),
    *("I want to know how to ", "How do we ", "How can you ", "What should I do to "),
)
_MAY = (
    *("Can I ", "Is it possible to ", "Am I able to ", "Could I ", "May I ", "Am I allowed to "),
    *("Is there a way to ", "Is it OK to ", "Are we able to "),
)
_NEED = ("Do I need to ", "Do I have to ", "Must I ", "Is it necessary to ", "Am I required to ")
_SHOULD = ("Should I ", "Do you think I should ", "Would you advise me to ", "Is it advisable to ")
_BEST = (
    *("What are the best ", "Which are the best ", "What are some of the best ", "What are good "),
    *("What are some good ", "Which are some good ", "What are some great "),
)
_BEST_ONE = (
    "What is the best ",
    "Which is the best ",
    "What's the best ",
    "Which one is the best ",
)
_REASON = ("What is the reason ", "What's the reason ", "What are the reasons ")

REWORDINGS: dict[str, tuple[str, ...]] = {
    r"(?:How (?:do|can|could|would|should) (?:I|you|we|one)|How to) ": _HOW_TO,
    r"What(?: is|'s) (?:the best|the|a good|the easiest) way to ": _HOW_TO,
    r"(?:Can|Could|May) I ": _MAY,
    r"Is it possible to ": _MAY,
    r"Do I (?:need|have) to ": _NEED,
    r"Should I ": _SHOULD,
    r"What are (?:the|some of the) best ": _BEST,
    r"What are some good ": _BEST,
    r"(?:What|Which) is the best ": _BEST_ONE,
    r"What is (?:meant by )?(?!the |it |your |my |a good |like )": (
        "What's ",
        "Define ",
        "Explain ",
        "Tell me what is ",
    ),
    r"What is the ": ("What's the ", "Tell me the ", "Which is the ", "Can you tell me the "),
    r"What are the ": ("Which are the ", "What are all the ", "Tell me the ", "List the "),
    r"Why does (\w+) ": (r"How come \1 ",),
    r"Why do (?!I )": ("Why is it that ", *(f"{each}that " for each in _REASON)),
    r"Why is (\w+) (\w+)\?$": (r"What makes \1 \2?", r"What is the reason that \1 is \2?"),
    r"Who is ": ("Who's ", "Tell me who is "),
    r"Where can I ": ("Where do I ", "In which place can I ", "Where could I ", "Where can you "),
    r"Where is (.+)\?$": (r"Where is \1 located?", r"What is the location of \1?"),
    r"When (is|was|did|will) ": (r"On what date \1 ", r"What date \1 "),
    r"Do you know (.+)": (r"\1",),
    r"What (?:is|are) the advantages of ": ("What are the benefits of ", "What are the pros of "),
    r"What (?:is|are) the benefits of ": ("What are the advantages of ", "How useful is "),
    r"What is the difference between ": (
        *("What's the difference between ", "What are the differences between "),
        *("What is the distinction between ", "How do you differentiate between "),
    ),
    r"What is the difference between (.+) and (.+)\?$": (
        *(r"What is the difference between \2 and \1?", r"How is \1 different from \2?"),
        *(r"How are \1 and \2 different?", r"How does \1 differ from \2?"),
    ),
    r"What does (.+) mean\?$": (r"What is the meaning of \1?", r"What is meant by \1?"),
    r"What is the meaning of (.+)\?$": (r"What does \1 mean?", r"What is meant by \1?"),
    r"How much does (.+) cost\?$": (r"What is the price of \1?", r"What is the cost of \1?"),
    r"What is the (?:price|cost) of (.+)\?$": (r"How much does \1 cost?", r"What does \1 cost?"),
    r"What is the population of (.+)\?$": (r"How many people live in \1?",),
    r"How many people live in (.+)\?$": (r"What is the population of \1?",),
    r"How old is (.+)\?$": (r"What is the age of \1?", r"What age is \1?"),
    r"How tall is (.+)\?$": (r"What is the height of \1?", r"What height is \1?"),
    r"How far is (.+) from (.+)\?$": (r"What is the distance between \1 and \2?",),
    r"Who (?:wrote|is the author of) (.+)\?$": (r"Who is the author of \1?", r"Who wrote \1?"),
    r"Who invented (.+)\?$": (r"Who is the inventor of \1?", r"Who was \1 invented by?"),
    r"Which is better,? (.+) or (.+)\?$": (r"Which is better, \2 or \1?", r"Is \1 better than \2?"),
    r"What causes (.+)\?$": (r"What is the cause of \1?", r"What are the causes of \1?"),
    r"How is it like to ": ("What is it like to ",),
    r"What is it like to ": ("How is it to ", "What does it feel like to ", "What's it like to "),
    r"How long does it take to ": ("How much time does it take to ", "How long do I need to "),
    r"(.+) in (India|China|the US|the USA|the UK|Canada|Germany)\?$": (r"In \2, \1?",),
    r"How many (.+) are there in (.+)\?$": (r"How many \1 does \2 have?",),
    r"What is my (.+)'s (.+)\?$": (r"What is the \2 of my \1?",),
    r"What is the (\w+) of my (\w+)\?$": (r"What is my \2's \1?", r"Tell me my \2's \1"),
    r"(.+)\b(What|Who|Where|That|It|How)'s (.+)": (r"\1\2 is \3",),
    r"(.+)\b(do|does|did|is|are|was|were|has|have|ca|wo)n't (.+)": (r"\1\2 not \3",),
}
"""Patterns at the start of a question, and what may replace them."""

_SYNONYMS = """
buy/purchase, movie/film, movies/films, begin/start, quickly/fast, remove/delete, earn money/make
money, mom/mother, dad/father, picture/photo, pictures/photos, phone/cell phone, job/position,
big/large, repair/fix, get rid of/remove, improve/get better at, hard/difficult,
favorite/favourite, street/road, teach/instruct, cell phone/mobile phone, happens/occurs,
increase/raise, kids/children, kid/child, choose/pick, answer/reply, gift/present,
doctor/physician, car/automobile, couch/sofa, assist/help, sign up for/register for, shut
down/turn off, cancel/call off, refund/money back, set up/install, send back/return, get a
job/find a job, lose weight/reduce weight, TV/television, ill/sick, wedding/marriage ceremony,
own/have, rent/lease, salary/pay, allowed/permitted, show/display, prepare for/get ready for,
learn/study, smartphone/phone, quit/stop, advice/tips, US/USA, USA/United States, photo/image,
easiest/simplest, famous/well known, currently/now, look for/search for, study for/prepare for,
people/persons, happen/take place, journey/trip, enhance/improve, companies/firms, company/firm,
various/different, main/major, cause/reason, possible/feasible, biggest/largest,
smart/intelligent, error/mistake, reduce/decrease, change my/update my, contact/get in touch with,
close/shut, whole/entire, end/finish, tell/say
"""
SYNONYMS = [group.split("/") for group in " ".join(_SYNONYMS.split()).split(", ")]
"""Words and phrases that can replace one another."""
