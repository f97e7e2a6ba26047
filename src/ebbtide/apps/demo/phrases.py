"""The words of the invented centres: what customers and agents say, and how a conversation is filed.

All sentences are our own and name no real person, firm or product. They are grouped by topic, so that a transcript fits
its queue and a report by disposition looks like one.
"""

from ebbtide.apps.demo.centre import Topic

DISPOSITIONS: dict[Topic, tuple[str, ...]] = {
    "claims": (
        "Claim reported",
        "Status given",
        "Documents requested",
        "Assessor booked",
        "Payment explained",
        "Fraud check",
    ),
    "policy": (
        "Address changed",
        "Cover explained",
        "Document sent",
        "Bank details changed",
        "Cancellation",
        "Win-back",
    ),
    "sales": ("Quote given", "Sold", "Thinking it over", "Not interested", "Call again"),
    "roadside": ("Patrol sent", "Tow arranged", "Fixed by phone", "Hire car arranged", "Not covered"),
    "billing": ("Bill explained", "Payment taken", "Plan changed", "Credit given", "Dispute opened", "Payment plan"),
    "technical": ("Solved", "Reset sent", "Technician booked", "Known outage", "Device exchanged", "Escalated"),
    "general": ("Solved", "Information given", "Passed on", "Call again", "Wrong number"),
}

# Each entry: what the customer says, what the agent answers.
EXCHANGES: dict[Topic, tuple[tuple[str, str], ...]] = {
    "claims": (
        (
            "A pipe under the sink burst last night and the kitchen floor is ruined.",
            "I am sorry to hear it. Is the water off?",
        ),
        (
            "Someone scraped my parked car and left no note.",
            "Then we file it under your own cover. Do you have pictures?",
        ),
        ("I sent the repair estimate two weeks ago.", "I see it here, it is with the assessor since Tuesday."),
        ("Hail went through the roof of the greenhouse.", "Please keep the broken panes until our assessor has been."),
        ("How long until the money is on my account?", "Three working days once the assessor has agreed."),
        ("Which papers do you still need from me?", "The invoice of the plumber, and a photo of the meter."),
    ),
    "policy": (
        (
            "We moved at the weekend, I need to change the address.",
            "With pleasure. What is the new street and house number?",
        ),
        (
            "Is my bicycle covered while it stands at the station?",
            "Yes, if it is locked to something that cannot be carried off.",
        ),
        ("My daughter starts to drive in May.", "I can add her from that day. It changes the premium a little."),
        ("I never got the papers for this year.", "I will send them again, by mail and to your inbox."),
        ("The debit came twice this month.", "One of them is the yearly part. I will write it down for you."),
        ("Can I raise the excess to save something?", "You can, from the next quarter on. Shall I work it out?"),
    ),
    "sales": (
        (
            "I saw the offer on your page and have a few questions.",
            "Wonderful, I have it open here. What would you like to know?",
        ),
        ("What would it be for two people?", "For two it comes down by about a tenth."),
        ("Is there a minimum term?", "One year, and after that you can leave any month."),
        ("My present contract ends in autumn.", "Then we start right on the following day, without a gap."),
        ("I should talk it over at home first.", "Of course. The quote stands for four weeks."),
    ),
    "roadside": (
        (
            "The engine just stopped and now nothing happens at all.",
            "Are you standing somewhere safe, away from the traffic?",
        ),
        ("I have a flat tyre and no spare.", "I am sending a patrol, it should be there in forty minutes."),
        (
            "We are on the hard shoulder behind the second bridge.",
            "Please get out on the far side and wait behind the rail.",
        ),
        ("The key is locked in the car and so is the dog.", "Then we hurry. Is the car in the shade?"),
        ("Can you bring us to the next town?", "The tow truck takes two people, and I book a room if need be."),
    ),
    "billing": (
        ("My bill is twelve dollars higher than last month.", "I see it: there was a week of roaming in it."),
        ("I paid and still got a reminder.", "The two crossed in the mail. The account is even."),
        ("Can I pay this in two parts?", "Yes, half now and half on the first. Shall I set that up?"),
        ("What is this line about a service fee?", "That is the line rental, it is billed a month ahead."),
        ("I would like the cheaper plan.", "It can begin with your next bill, on the ninth."),
    ),
    "technical": (
        (
            "There is no signal in the whole house since this morning.",
            "Let me look at the mast next to you. One moment, please.",
        ),
        ("The box blinks red and then starts over.", "Please pull the plug, count to twenty, and put it back."),
        ("It works in the kitchen but not upstairs.", "Then the line is fine. We should look at where the box stands."),
        ("I forgot the code for the mailbox.", "I send you a new one by text. It is good for an hour."),
        ("Now it says no service again.", "Then I book a technician. Would Thursday morning suit you?"),
        ("That did it, the light is green.", "Splendid. Leave it on for an hour so that it can settle."),
    ),
    "general": (
        ("I am not sure whether you are the right people for this.", "Tell me what happened and we will find out."),
        ("I was asked to call you back.", "Yes, I have the note here. It is about your letter."),
        ("Could you say that again, please?", "Gladly. We have everything, and nothing is left for you to do."),
        ("When are you open on Saturdays?", "From nine until two."),
        ("Nobody answered my last message.", "I am sorry about that. I will take it on myself."),
    ),
}

GREETINGS = (
    "Good morning, you are through to {queue}. What can I do for you?",
    "{queue}, good day. How may I help?",
    "Thank you for waiting. This is {queue}. What is it about?",
    "Hello and welcome to {queue}. Who am I speaking with?",
)

FILLERS = (
    "Yes.",
    "I see.",
    "All right.",
    "One moment, please.",
    "Thank you.",
    "Mhm.",
    "Exactly.",
    "That is kind of you.",
)

FAREWELLS = (
    ("That was all. Thank you and goodbye.", "My pleasure. Goodbye."),
    ("Good, then I know. Bye.", "Have a pleasant day."),
    ("Thanks for your patience.", "Always. Take care."),
)

# Words in the names of queues that give their topic away, first match wins.
_HINTS: tuple[tuple[str, Topic], ...] = (
    ("claim", "claims"), ("mail room", "claims"), ("roadside", "roadside"), ("policy", "policy"), ("website", "policy"),
    ("bill", "billing"), ("text", "billing"), ("tech", "technical"), ("support", "technical"),
    ("sale", "sales"), ("order", "sales"), ("business", "sales"),
)  # fmt: skip


def topic_of(queue: str) -> Topic:
    """Guess what people talk about in a queue.

    Args:
        queue: its name.

    Returns:
        The topic its name hints at, else `general`.
    """
    name = queue.lower()
    return next((topic for hint, topic in _HINTS if hint in name), "general")
