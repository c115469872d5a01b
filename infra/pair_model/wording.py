"""Words and phrases that synthetic question pairs are made with."""

from collections import defaultdict

from shared.text import word_set

_OPPOSITES = word_set("""open/closed eat/avoid increase/decrease before/after enable/disable
cheap/expensive start/stop buy/sell safe/unsafe legal/illegal allow/forbid allowed/forbidden
required/forbidden gain/lose win/lose love/hate best/worst advantages/disadvantages pros/cons
more/less high/low hot/cold old/new young/old first/last left/right up/down above/below
inside/outside north/south east/west male/female men/women mother/father sister/brother
husband/wife boys/girls send/receive import/export arrive/leave join/leave include/exclude
accept/reject remember/forget begin/end positive/negative minimum/maximum morning/evening
today/tomorrow yesterday/tomorrow always/never with/without strong/weak rich/poor good/bad
healthy/unhealthy true/false possible/impossible single/married upload/download lend/borrow
teach/learn ask/answer front/back early/late most/least same/different public/private
internal/external single/double add/remove must/may should/could and/or our/their my/your
everything/nothing""")

OPPOSITES: dict[str, list[str]] = defaultdict(list)
"""Words that change the meaning of a question if they replace the key."""
for _pair in sorted(_OPPOSITES):
    _one, _other = _pair.split("/")
    OPPOSITES[_one].append(_other)
    OPPOSITES[_other].append(_one)

CALENDAR = (
    word_set("monday tuesday wednesday thursday friday saturday sunday"),
    word_set("january february march april june july august september october november december"),
)
PREPOSITIONS = word_set("to from than of by before after into for over")
PRONOUNS = word_set("i you we it they he she there one people")
GREETINGS = (
    *("Hi, ", "Hello! ", "Hey, ", "um, ", "Um ", "Please tell me, ", "Quick question: "),
    *("Sorry to bother you, but ", "Good morning, ", "Hi team, ", "Hi there - ", "So, "),
    *("Just wondering, ", "I was wondering, ", "Ok so ", "Excuse me, ", "Hiya, ", "Question: "),
    *("Can you tell me ", "Dear team, "),
)
CLOSINGS = (
    *(" Thanks!", " thanks", " please?", " Cheers", " Thank you.", " pls"),
    *(" Thanks in advance", " ??"),
)
QUALIFIERS = (
    *("for children", "in India", "without a degree", "on Windows", "at home", "for beginners"),
    *("in winter", "under 18", "for diabetics", "on a Mac", "in the UK", "during pregnancy"),
    *("after surgery", "for a small business", "at night", "by car", "with kids", "for seniors"),
    *("in Texas", "on Android", "as a student", "if I am over 60", "for free", "online"),
)
OPENINGS = {
    r"How do I ": ("How can I ", "How would I ", "What is the way to ", "How to "),
    r"How can I ": ("How do I ", "How could I ", "What can I do to "),
    r"Can I ": ("Is it possible to ", "Am I able to ", "Could I "),
    r"What is ": ("What's ", "Define ", "Explain ", "Tell me what is "),
    r"Why does (\w+) ": (r"How come \1 ",),
    r"Why do ": ("Why is it that ",),
    r"Should I ": ("Do you think I should ", "Would you advise me to "),
    r"What are the best ": ("Which are the best ", "What are good ", "What are some of the best "),
    r"Who is ": ("Who's ", "Tell me who is "),
    r"Where can I ": ("Where do I ", "In which place can I "),
    r"When (is|was|did|will) ": (r"On what date \1 ",),
}
"""Openings of one meaning: a pattern and what may replace it."""
