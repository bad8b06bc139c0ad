"""The words by which replies speak of consent: tables for `consent.py`, lower case and folded.

What is in which table, and why, is in docs/replies-and-consent.md. Sources: 47 CFR 64.1200(a)(10),
the CTIA's Messaging Principles (5.1.3), Twilio's default keywords, and the public API's compliance
page.
"""

import re
from typing import Final

# Compared with the whole reply, spaces and punctuation taken out.
STOPS: Final = frozenset({
    "stop", "stopall", "end", "quit", "cancel", "unsubscribe", "unsub", "revoke", "optout",
    "removeme", "block", "wrong",
})  # fmt: skip
STARTS: Final = frozenset({"start", "unstop"})
HELPS: Final = frozenset({"help", "info"})
# Canadian French, Spanish, Portuguese; accents are folded away.
FOREIGN_STOPS: Final = frozenset({"arret", "alto", "parar", "cancelar"})

# As a first word these can hardly mean anything else; the others are words of daily life.
CLEAR_STOPS: Final = frozenset({"stop", "stopall", "unsubscribe", "unsub", "revoke", "optout"})
VAGUE_STOPS: Final = frozenset({"end", "quit", "cancel", "block", "wrong"})
# "Stop by", "stop sign", "stop and shop".
NOT_AFTER_STOP: Final = frozenset({
    "and", "at", "by", "for", "in", "into", "light", "lights", "motion", "off", "over", "sign",
    "signs", "there", "watch",
})  # fmt: skip
# What may follow a vague word: courtesy, and what the texts are called.
ABOUT_TEXTS: Final = frozenset({
    "all", "alerts", "calling", "calls", "contact", "from", "it", "me", "message", "messages",
    "messaging", "msg", "msgs", "my", "now", "number", "please", "pls", "plz", "send", "sending",
    "sms", "spamming", "subscription", "text", "texting", "texts", "thank", "thanks", "that",
    "the", "these", "this", "txt", "txts", "updates", "you", "your",
})  # fmt: skip

# Common forms that are further from a keyword than one slip.
MISSPELLINGS: Final = frozenset({
    "stahp", "stawp", "stopit", "stopnow", "stopplease", "stoptext", "stoptexting", "stopthis",
    "pleasestop", "plsstop", "sopt", "soptp", "stpoo", "unsubcribed", "unsubscibed", "unsubscript",
    "unsubsribed", "unsuscrib", "unsuscribed", "unsubscirbed", "unsubsrcibe", "unsuscirbe",
})  # fmt: skip
# Where a slip of one letter is looked for. END, BLOCK and WRONG have too many neighbours.
SLIPPERY: Final = ("stop", "stopall", "quit", "cancel", "unsubscribe", "unsub", "revoke", "optout")
# Their neighbours that are words themselves.
REAL_WORDS: Final = frozenset({
    "and", "atop", "cancer", "estop", "quid", "quiet", "quilt", "quip", "quite", "quiz", "quoit",
    "send", "shop", "slop", "sop", "spot", "step", "stomp", "stoop", "stoup", "stow", "strop",
    "suit", "swop", "top",
})  # fmt: skip

ABUSE_WORDS: Final = frozenset({
    "fraud", "fuck", "harassing", "harassment", "junk", "phishing", "scam", "scammer", "scammers",
    "scamming", "scams", "spam", "spammer", "spammers", "spamming",
})  # fmt: skip

# Over the words of a reply, one space between them, apostrophes taken out.
_TEXTS: Final = r"(?:texts?|messages?|text messages?|msgs?|sms|txts?)"
_TO_TEXT: Final = r"(?:text|message|msg|txt|contact|sms|call)"
_TEXTING: Final = r"(?:texting|messaging|sending|contacting|calling|txting|spamming|bothering)"
_SOME: Final = "(?:any |more |these |your |this )*"
PHRASES: Final = re.compile(
    "|".join(
        rf"\b(?:{phrase})\b"
        for phrase in (
            rf"(?:stop|quit|end|cease) (?:{_TEXTING}|(?:these|this|the|your) {_TEXTS})",
            rf"(?:do not|dont|never) (?:ever )?{_TO_TEXT}(?: (?:me|us|my|this|again|anymore)|$)",
            rf"(?:do not|dont|never) send (?:me|any|more) ?{_SOME}{_TEXTS}",
            rf"(?:do not|dont|no longer) (?:want|wish) (?:to receive |to get )?{_SOME}{_TEXTS}",
            rf"no (?:more|further) {_TEXTS}",
            r"(?:take|get) (?:me|my number|my name|this number) (?:off|out of (?:the|this|your))",
            r"(?:remove|delete) (?:me|my number|my name|this number)",
            r"(?:lose|erase) (?:my|this) number",
            r"(?:asked|like|need|want|wish) to be (?:removed|taken off)",
            r"leave (?:me|us) alone",
            r"wrong (?:number|person|guy)",
            rf"why (?:are|r|do) (?:you|u) (?:keep )?(?:{_TEXTING}|{_TO_TEXT})",
            r"opt(?:ing|ed)? (?:me |us )?out",
            r"optout|unsubscribe|unsub",
            r"(?:please|pls|plz|just|said) stop(?: (?:it|now|this|thanks|please))?$",
            r"(?:can|could|will) (?:you|u) (?:please )?stop(?: (?:it|now|this|please))?$",
            r"how (?:do|can) i stop (?:these|this|getting|receiving)",
        )
    )
)
# Before a phrase these turn it around: "don't stop texting me".
NEGATIONS: Final = frozenset({"cannot", "cant", "didnt", "dont", "never", "not", "wont"})
ABUSE_PHRASES: Final = re.compile(r"\bf\w* (?:off|you|u)\b|\bgo to hell\b|\bpiss off\b")

# Our own instructions, forwarded or asked about.
INSTRUCTIONS: Final = re.compile(
    r"\b(?:reply|text|txt|send|respond|or)(?: with)? stop (?:to|2|for) (?:opt out|\w+)\b"
)
# How a reaction to a message of ours reads on a phone that cannot show it as one.
TAPBACK: Final = re.compile(
    r"\s*(?:(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned) (?:[\"“]|an? \w+\s*$)"
    r"|removed an? [\w ]{1,40} from [\"“]"
    r"|reacted [^\"“]{1,40} to [\"“]"
    r"|[^\w\s]{1,20} to [\"“])"
)
# What mail programs put under a text that goes through an e-mail gateway.
SIGNATURE: Final = re.compile(r"\n[ \t]*(?:sent from|get outlook for) [^\n]{1,60}\s*$")
QUOTES: Final = re.compile(r"“[^“”]*”|\"[^\"]*\"|«[^«»]*»|^[ \t]*>[^\n]*", re.MULTILINE)

# Digits and signs that stand for the letter they look like.
LOOK_ALIKES: Final = str.maketrans("01345$@*", "oieassao")
