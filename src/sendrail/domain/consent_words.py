"""The English keywords and phrases: tables for `consent.py`, lower case and folded.

docs/replies-and-consent.md explains the tables. Sources: 47 CFR 64.1200(a)(10),
the CTIA's Messaging Principles (5.1.3), Twilio's default keywords, and the public API's compliance
page.
"""

import re
from typing import Final

# Compared with the whole reply, without spaces and punctuation.
STOPS: Final = frozenset({
    "stop", "stopall", "end", "quit", "cancel", "unsubscribe", "unsub", "revoke", "optout",
    "removeme", "remove", "block", "wrong",
})  # fmt: skip
STARTS: Final = frozenset({"start", "unstop"})
HELPS: Final = frozenset({"help", "info"})

# As a first word these can hardly mean anything else; the others are words of everyday use.
CLEAR_STOPS: Final = frozenset({"stop", "stopall", "unsubscribe", "unsub", "revoke", "optout"})
VAGUE_STOPS: Final = frozenset({"end", "quit", "cancel", "block", "wrong", "remove"})
# CTIA names these as opt-outs: they count as one if they are the first sentence by themselves.
DECIDING_STOPS: Final = CLEAR_STOPS | {"end", "quit", "cancel", "removeme"}
# "Stop by", "stop sign", "stop and shop".
NOT_AFTER_STOP: Final = frozenset({
    "along", "and", "anywhere", "around", "at", "back", "before", "by", "drop", "for", "gap",
    "here", "home", "in", "into",
    "light", "lights", "loss", "motion", "n", "near", "off", "on", "outside", "over", "past",
    "press", "shop",
    "sign", "signs",
    "somewhere", "there", "through", "til", "till", "until", "watch", "what", "when", "where",
})  # fmt: skip
# In a longer sentence after STOP these show that the texts are meant, or give a reason.
PLAIN_AFTER_STOP: Final = frozenset({
    "all", "already", "bothering", "calling", "contacting", "do", "does", "dont",
    "harassing", "i",
    "id", "ill", "im", "immediately", "ive", "messages", "messaging", "my", "never", "no",
    "nobody",
    "not", "now", "please", "pls", "plz", "sending", "sms", "spamming", "stop", "text", "texting",
    "texts", "thank", "thanks", "the", "these", "this", "those", "trying", "txting", "u",
    "unsubscribe",
    "ur", "we", "wrong", "you", "youre", "your",
})  # fmt: skip
# What may follow a vague word: courtesy, and words for texts.
ABOUT_TEXTS: Final = frozenset({
    "all", "alerts", "any", "anymore", "calling", "calls", "contact", "from", "it", "me",
    "message",
    "messages", "messaging", "more", "msg", "msgs", "my", "now", "number", "please", "pls", "plz",
    "send", "sending", "sms", "spamming", "subscription", "text", "texting", "texts", "thank",
    "thanks", "that", "the", "these", "this", "txt", "txts", "updates", "you", "your",
})  # fmt: skip
# Words around a keyword that do not change its meaning.
COURTESY: Final = frozenset({
    "a", "again", "already", "and", "asap", "dear", "god", "guys", "hello", "hey", "hi",
    "immediately", "just", "k", "kindly", "lot", "lots", "madam", "maam", "much", "nah",
    "no", "nope", "now", "oh", "ok",
    "okay", "omg", "please", "pleas", "pleease", "plez", "pls", "plz", "right", "sir", "so",
    "sorry",
    "team", "thank", "thanks", "thankyou", "thx", "tks", "ty", "tysm", "u", "very", "ya",
    "yes", "yo", "you",
})  # fmt: skip
# Words before a keyword in quotes.
SAYING: Final = frozenset(
    {"answer", "i", "is", "its", "ive", "my", "repeat", "said", "say", "typed", "we"}
)
# Two words that count as one.
JOINED: Final = re.compile(r"\b(opt|stop|remove|un) (out|all|me|sub|subscribe|subscribed)\b")
JOINTS: Final = frozenset({"optout", "stopall", "removeme", "unsub", "unsubscribe", "unsubscribed"})

# An instruction taken to the letter: "STOP2END".
_TO_END: Final = frozenset(
    f"stop{to}{end}"
    for to in ("2", "to")
    for end in ("end", "stop", "quit", "cancel", "optout", "unsub", "unsubscribe")
)
# Common misspellings that differ from a keyword by more than one letter.
MISSPELLINGS: Final = _TO_END | frozenset({
    "stahp", "stawp", "stopit", "stopnow", "stopplease", "stoptext", "stoptexting", "stopthis",
    "pleasestop", "plsstop", "stoped", "sopt", "soptp", "stpoo", "unsubcribed",
    "unsubscibed", "unsubscript",
    "unsubsribed", "unsuscrib", "unsuscribed", "unsubscirbed", "unsubsrcibe", "unsuscirbe",
})  # fmt: skip
# Keywords for which a typo of one letter is accepted. END, BLOCK and WRONG are too close to other
# words.
SLIPPERY: Final = ("stop", "stopall", "quit", "cancel", "unsubscribe", "unsub", "revoke", "optout")
# Words that differ from these by one letter.
REAL_WORDS: Final = frozenset({
    "ancel", "and", "atop", "cancer", "estop", "evoke", "mancel", "nuit", "quid", "quiet",
    "qui", "quilt", "quin", "quint", "quip", "quita", "quite", "quiz", "quoit",
    "send", "shop", "slop", "sop", "spot", "step", "stof", "stok", "stol", "stomp", "stoop",
    "stor", "stoup", "stow", "stoy", "strop",
    "suit", "swop", "top",
})  # fmt: skip

ABUSE_WORDS: Final = frozenset({
    "fraud", "fuck", "harassing", "harassment", "junk", "phishing", "scam", "scammer", "scammers",
    "scamming", "scams", "spam", "stfu", "spammer", "spammers", "spamming",
})  # fmt: skip

# Matched against the words of a reply, joined by spaces and without apostrophes.
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
            (
                r"(?:take|get) (?:me|my number|my name|this number) (?:off|out of your|"
                r"out of (?:the |this )?(?:lists?|system|database|group|chat|thread|loop|texts|"
                r"messages))"
            ),
            r"(?:remove|delete) (?:me|my number|my name|this number)",
            r"(?:lose|erase) (?:my|this) number",
            r"(?:asked|like|need|want|wish) to be (?:removed|taken off)",
            (
                r"(?:do not|dont|never) send(?: me| us)?(?: (?:any|anything|more|anymore|again|"
                r"nothing|else|please))+$"
            ),
            r"^(?:please |pls )?(?:do not|dont) (?:send|disturb)$",
            r"^no more(?: please| thanks| thank you)?$",
            r"remove (?:from|off) (?:the |this |your |my )?(?:list|database|system)",
            r"leave (?:me|us) (?:alone|be)|^(?:please )?go away$|want out$",
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
# Before a phrase these negate it: "don't stop texting me", "I do not want to unsubscribe".
NEGATED: Final = re.compile(
    r"\b(?:cannot|cant|didnt|doesnt|dont|never|not|wont)(?: (?:ever|really|even|just|yet|want|wish|"
    r"mean|like|plan|intend|going|need|to|dare|please))* $"
)
ABUSE_PHRASES: Final = re.compile(r"\bf\w* (?:off|you|u)\b|\bgo to hell\b|\bpiss off\b")

# Our own instructions, forwarded or asked about; matched like the phrases.
_INSTRUCTED: Final = r"(?:stop|end|quit|cancel|unsubscribe|arret|alto|parar|help)"
_TO_LEAVE: Final = r"(?:opt out|optout|unsubscribe|unsub|stop|cancel|end|quit)"
_ASKED: Final = r"(?:reply|text|txt|send|type|respond|answer|message|sms|enter)"
INSTRUCTIONS: Final = re.compile(
    rf"\b(?:{_ASKED}|or)(?: with)?(?: \w+)? {_INSTRUCTED} (?:to|2|for|and|anytime|at|if|when) "
    rf"(?:opt out|get out|\d+ (?:to|2|for) {_TO_LEAVE}|\w+)\b"
    rf"|\b(?:to|2) {_TO_LEAVE}(?: (?!me\b)\w+){{0,4}}? (?:{_ASKED}|click|tap|press|visit|go)"
    rf"(?: with)?(?: (?:\w+ )?{_INSTRUCTED})?\b"
    r"|\b(?:unsubscribe|opt out|cancel|stop) (?:at )?any ?time\b"
    r"|\b(?:click|tap|press)(?: here| the link| below| this link)* to "
    r"(?:unsubscribe|opt out|stop)\b"
)
# The same, but only after other words; at the beginning it may be the reply itself.
INSTRUCTIONS_LATER: Final = re.compile(
    rf"(?<=\w ){_INSTRUCTED} (?:to|2) {_TO_LEAVE}\b"
    r"|(?<=\w )stop (?:(?:au|al|an|naar|to) )?\d{4,}\b"
    r"|(?<=\w )(?:unsub|unsubscribe|opt out|optout)(?: from \w+)? (?:(?:to )?\d{4,}\b|available\b|"
    rf"(?:stop|x)(?= \d|$)|(?:with|{_ASKED}) (?:\w+ ){{0,2}}(?:stop|out|x)\b)"
)
# The verb of a reply that repeats an instruction literally, such as "reply STOP".
LITERALLY: Final = re.compile(r"^(?:reply|text|txt|send|type|respond)(?: with)? (?=\w+$)")
# A word spelled letter by letter.
SPELLED: Final = re.compile(r"(?<![^\W_])(?:[^\W_][ .,*_-]{1,2}){2,30}[^\W_](?![^\W_])")
# A sentence that ends with STOP may mean the texts, unless one of these words is before it.
STOPS_OF_OTHERS: Final = frozenset({
    "a", "bus", "cant", "cannot", "dont", "first", "full", "its", "last", "metro", "my", "never",
    "next", "non", "not", "one", "our", "pit", "quick", "rest", "short", "that", "the", "their",
    "train", "tram", "truck", "wont", "your",
})  # fmt: skip
# Sentences that may mean the texts or something else.
DOUBTFUL: Final = frozenset({"enough", "dnd", "i quit", "no interest", "t"})
# The number is another person's by now, its owner has died, or an authority is to hear of it.
DOUBTFUL_PHRASES: Final = re.compile(
    r"\b(?:passed away|deceased|(?:has |he |she |they )died|(?:is|are) dead|"
    r"new owner of this (?:number|phone)|(?:no longer|not) (?:my|his|her|their) (?:number|phone)|"
    r"(?:no longer|not) at this number|tcpa|do not call|dnc|no texts?|"
    r"report(?:ed|ing)? (?:you |this |it )?to (?:the )?(?:fcc|ftc|bbb|police|authorities)|"
    r"my (?:lawyer|attorney|solicitor)|(?:please|pls) remove(?: him| her| them| us| it| this)?$)"
)
# Alone these may be a reaction, or mean STOP.
STOP_SIGNS: Final = re.compile("[\U0001f6d1\U0001f6ab\u26d4\u270b\U0001f590\U0001f515]")
