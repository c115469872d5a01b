"""Questions of customers and about one's own notes, each in several wordings.

A frame is a list of wordings of one meaning. Slots in braces are filled with the same words in
every wording. So two wordings of a frame are the same question only if their slots are the same.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from infra.pair_model.labelled_pairs import Pair

SLOTS = {
    "account": "account/profile/subscription/membership/newsletter/trial/gift card/loyalty card",
    "app": "Dropbox/Slack/Notion/Spotify/Netflix/Zoom/Trello/Airbnb/Gmail/Excel/Shopify/PayPal",
    "device": "router/printer/laptop/washing machine/thermostat/camera/dishwasher/boiler/tablet/TV",
    "document": """passport/driving licence/birth certificate/visa/library card/insurance card/
        student card/residence permit/parking permit/travel card""",
    "item": "order/parcel/sofa/jacket/phone/mattress/bike/ticket/hotel room/table/flight/fridge",
    "place": """gym/library/museum/swimming pool/pharmacy/post office/clinic/town hall/dentist/
        garage/supermarket/cinema/zoo/bank""",
    "food": """banana bread/lasagne/rice/pancakes/boiled eggs/roast chicken/risotto/lentil soup/
        apple pie/mashed potatoes/hummus""",
    "medicine": """ibuprofen/paracetamol/amoxicillin/aspirin/metformin/omeprazole/cetirizine/
        warfarin/insulin/vitamin D""",
    "illness": "flu/measles/migraine/asthma/diabetes/shingles/anaemia/eczema/hay fever/gout",
    "plant": "tomatoes/roses/basil/orchid/cactus/lawn/lavender/strawberries/fern/apple tree",
    "animal": "puppy/kitten/rabbit/hamster/goldfish/parrot/cat/dog",
    "person": """Anna/Tom/my mother/my father/my sister/my boss/the landlord/Martha/the plumber/
        my doctor/Peter/the teacher""",
    "topic": """hope/grace/prayer/faith/patience/forgiveness/money/sleep/the budget/the garden/
        the holiday/the new kitchen/the car repair/the choir/the move""",
    "fact": """phone number/address/birthday/email address/shoe size/wedding anniversary/
        bank account number/favourite book""",
    "city": "London/Dubai/Rome/Paris/Berlin/New York/Tokyo/Madrid/Lisbon/Oslo",
    "bill": "rent/electricity bill/council tax/insurance/credit card bill/water bill/phone bill",
    "event": "meeting/wedding/concert/exam/interview/birthday party/conference/school trip",
    "setting": """password/email address/phone number/username/delivery address/payment method/
        profile picture/time zone/language""",
    "fault": """won't turn on/keeps restarting/makes a loud noise/leaks water/is very slow/
        does not charge/shows an error/overheats""",
    "skill": "play the piano/speak Spanish/knit/swim/draw portraits/drive a car/juggle",
    "number": "two/three/five/ten/12/20/30/45/60/90",
}

FRAMES = [
    frame.splitlines()
    for frame in (Path(__file__).parent / "frames.txt").read_text().strip().split("\n\n")
]
"""Each frame's wordings: lines of a paragraph of `frames.txt`."""

_SLOTS = {name: [each.strip() for each in values.split("/")] for name, values in SLOTS.items()}

_OTHER_FRAME = 0.17  # the share of different pairs that are of two frames


def frame_pairs(random: Random, count: int) -> Iterator[Pair]:
    """Yield so many pairs, half with one meaning: two wordings of a frame with the same slots.

    The others have another word in one slot, some in the same wording, or are of two frames.
    """
    for _ in range(count // 2):
        frame = random.choice(FRAMES)
        filled = {name: random.choice(values) for name, values in _SLOTS.items()}
        one, other = random.sample(frame, 2)
        question = one.format_map(filled)
        yield Pair(question, other.format_map(filled), 1)
        slots = re.findall(r"{(\w+)}", one)
        related = [each for each in FRAMES if each != frame and f"{{{slots[0]}}}" in each[0]]
        if related and random.random() < _OTHER_FRAME:
            yield Pair(question, random.choice(random.choice(related)).format_map(filled), 0)
            continue
        name = random.choice(slots)
        filled[name] = random.choice([each for each in _SLOTS[name] if each != filled[name]])
        yield Pair(question, random.choice([one, other, other]).format_map(filled), 0)
