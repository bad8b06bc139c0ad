"""The keywords and phrases of other languages: tables for `consent.py`.

Sources: the keywords that Twilio, AWS and the Canadian carriers' short code guidelines name (ARRET,
ARRETE, TD, AIDE), the words that regulators prescribe (RET in Turkey, 退订 and TD in China,
수신거부 in Korea, BAJA in Spain, הסר in Israel), and dictionaries. English is in
`consent_words.py`.
"""

import re
from typing import Final

from sendrail.domain.folding import fold, plain

_STOPS: Final = (
    # French
    "ARRET", "ARRETE", "ARRETT", "ARRETER", "ARRETEZ", "DESABONNER", "DESABONNEMENT",
    "DESINSCRIRE", "DESINSCRIPTION", "ANNULER", "RESILIER", "STOP PUB", "STOP SMS",
    # Spanish, Portuguese, Catalan, Italian, Romanian
    "ALTO", "PARAR", "PARE", "PAREN", "PARA", "PARA YA", "CANCELAR", "CANCELA", "BAJA", "DETENER",
    "DETENGAN", "DESUSCRIBIR", "ANULAR", "BASTA", "BASTA COSI", "NO MAS", "SAIR", "DESCADASTRAR",
    "CANCELE", "REMOVER", "REMOVA", "NAO QUERO", "CHEGA", "ATURAR", "FERMA", "FERMARE",
    "ANNULLA", "CANCELLA", "CANCELLAMI", "DISISCRIVI", "DISISCRIVIMI", "RIMUOVI",
    "OPRESTE", "OPRIȚI", "DEZABONARE", "ANULEAZA",
    # German, Dutch, Scandinavian languages, Finnish
    "STOPP", "STOPPEN", "ABMELDEN", "ABMELDUNG", "ABBESTELLEN", "AUSTRAGEN", "ENDE", "BEENDEN",
    "KÜNDIGEN", "WIDERRUF", "AFMELDEN", "UITSCHRIJVEN", "STOPZETTEN", "OPZEGGEN", "AVSLUTA",
    "SLUTA",
    "AVREGISTRERA", "AVANMÄL", "AFMELD", "AVMELD", "STANS", "SLUTT", "SLET MIG", "LOPETA",
    "PERUUTA",
    # Polish, Czech, Slovak, Hungarian, Croatian, Slovenian, Baltic languages, Albanian
    "WYPISZ", "REZYGNUJĘ", "REZYGNACJA", "ANULUJ", "KONIEC", "ODHLÁSIT", "ODHLASIT", "ZRUŠIT",
    "ODHLÁSIŤ", "ZRUŠIŤ", "LEIRATKOZÁS", "LEIRATKOZOM", "LEÁLLÍT", "ODJAVA", "PREKINI",
    "ZAUSTAVI", "ODJAVI", "ATSISAKYTI", "NUTRAUKTI", "ATTEIKTIES", "LÕPETA", "NDAL",
    # Turkish, Azerbaijani, Uzbek
    "RET", "İPTAL", "DUR", "DURDUR", "ÇIKAR", "DAYANDIR", "TOXTAT", "BEKOR",
    # Russian, Ukrainian, Bulgarian, Serbian, Kazakh
    "СТОП", "ОТПИСАТЬСЯ", "ОТПИСКА", "ОТПИШИТЕ", "ОТМЕНА", "ОТКАЗ", "ХВАТИТ", "ПРЕКРАТИТЕ",
    "УДАЛИТЬ", "ВІДПИСАТИСЯ", "ВІДПИСКА", "ВІДМОВА", "СКАСУВАТИ", "ОТПИСВАНЕ", "СПРИ", "СПРЕТЕ",
    "ОДЈАВА", "ТОҚТАТУ",
    # Greek, Armenian, Georgian
    "ΣΤΟΠ", "ΔΙΑΓΡΑΦΗ", "ΑΚΥΡΩΣΗ", "ΔΙΑΚΟΠΗ", "ՍՏՈՊ", "ԿԱՆԳ", "სტოპ", "შეწყვეტა",
    # Arabic, Persian, Urdu, Hebrew
    "إلغاء", "الغاء الاشتراك", "إلغاء الاشتراك", "توقف", "إيقاف", "ايقاف", "قف", "أوقف", "ستوب",
    "لغو", "لغو11", "توقف کنید", "بند", "بند کریں", "روکیں", "הסר", "הסרה", "הסירו", "הסירו אותי",
    "להסיר", "עצור", "עצרו", "הפסק", "די", "ביטול",
    # Indic languages
    "बंद", "बंद करें", "बंद करो", "रोकें", "रोको", "रुकें", "रुको", "स्टॉप", "थांबा",
    "BAND KARO", "BAND KAREIN", "MAT BHEJO", "বন্ধ",
    "বন্ধ করুন", "থামুন",
    "ਬੰਦ", "ਬੰਦ ਕਰੋ", "બંધ", "બંધ કરો", "நிறுத்து", "நிறுத்தவும்", "ఆపు", "ఆపండి", "ನಿಲ್ಲಿಸಿ",
    "നിർത്തുക",
    "නවත්වන්න",
    # Chinese, Japanese, Korean
    "停止", "停", "停止发送", "停止發送", "退订", "退訂", "取消", "取消订阅", "取消訂閱",
    "回复TD", "TD", "退出",
    "不要", "中止", "配信停止", "配信解除", "解除", "解約", "退会", "ストップ", "やめて",
    "止めて", "止めろ",
    "수신거부", "수신 거부", "무료수신거부", "중지", "정지", "거부", "취소", "그만",
    "그만해", "그만하세요", "스톱",
    "해지", "탈퇴",
    # Vietnamese, Thai, Lao, Khmer, Burmese, Indonesian, Malay, Filipino
    "DỪNG", "DỪNG LẠI", "NGỪNG", "TỪ CHỐI", "หยุด", "ยกเลิก", "ยกเลิกรับ", "หยุดส่ง", "ຢຸດ",
    "ឈប់", "រំលាយ", "ရပ်", "BERHENTI", "HENTIKAN", "BATAL", "UNREG", "TIGIL", "ITIGIL", "HINTO",
    # More of languages above
    "KAPAT", "PYSÄYTÄ", "ΣΤΑΜΑΤΑ", "ЗУПИНИТИ", "HỦY ĐĂNG KÝ", "थांबवा", "AUFHÖREN", "LÖSCHEN",
    "DESINSCREVER", "ОТПИШИ", "AFMELDING", "मत भेजो", "別再傳了",
    # Swahili, Amharic, Haitian Creole
    "SIMAMISHA", "ONDOA", "አቁም", "KANPE", "SISPANN",
)  # fmt: skip
# The folded form of each word, with its displayed form: the first of several.
STOPS: Final = {fold(word): word.upper() for word in reversed(_STOPS)}
# The Canadian carriers require AIDE; the others are the words of other languages.
HELPS: Final = {fold(word): word for word in ("AIDE", "AYUDA", "AJUDA", "HILFE", "ПОМОЩЬ")}

# As a first word these count like STOP, if only courtesy and words for texts follow.
FIRST_WORDS: Final = frozenset(
    fold(word)
    for word in (
        "ARRET", "ARRETE", "ARRETER", "ARRETEZ", "DESABONNER", "ALTO", "PARAR", "PARE", "PAREN",
        "CANCELAR", "DETENER", "BAJA", "BASTA", "STOPP", "ABMELDEN", "AFMELDEN", "UITSCHRIJVEN",
        "AVSLUTA", "LOPETA", "FERMA", "WYPISZ", "İPTAL", "RET", "DUR", "СТОП", "ОТПИСАТЬСЯ",
        "ОТПИСКА", "ХВАТИТ", "ΣΤΟΠ", "إلغاء", "توقف", "إيقاف", "הסר", "הסירו", "BERHENTI",
        "बंद", "退订", "停止", "수신거부",
    )
)  # fmt: skip
COURTESY: Final = frozenset(
    fold(word)
    for word in (
        "s'il", "sil", "vous", "te", "plait", "svp", "merci", "beaucoup", "bonjour", "bonsoir",
        "por", "favor", "porfavor", "porfa", "gracias", "hola", "ya", "obrigado", "obrigada",
        "ola",
        "bitte", "danke", "vielen", "dank", "hallo", "sofort", "jetzt", "prego", "grazie", "ciao",
        "per", "favore", "alstublieft", "alsjeblieft", "aub", "bedankt", "tack", "takk", "tak",
        "kiitos", "hej", "prosze", "dziekuje", "prosim", "dekuji", "koszonom", "kerem", "lutfen",
        "tesekkurler", "пожалуйста", "спасибо", "будь", "ласка", "дякую", "моля", "благодаря",
        "παρακαλω", "ευχαριστω", "من", "فضلك", "شكرا", "رجاء", "לא", "תודה", "בבקשה", "कृपया",
        "धन्यवाद", "tolong", "terima", "kasih", "salamat", "po", "请", "請", "谢谢", "謝謝",
        "お願いします",
        "ください", "してください", "부탁드립니다", "감사합니다", "주세요", "해주세요",
    )
)  # fmt: skip
# What else may follow a first word: words for texts, and the small words around them.
ABOUT_TEXTS: Final = frozenset(
    fold(word)
    for word in (
        "sms", "de", "des", "les", "la", "le", "los", "las", "el", "me", "m", "mi", "messages",
        "message", "msgs", "pub", "publicite", "publicidad", "envoyer", "menvoyer",
        "mensaje", "mensajes",
        "mensagem", "mensagens", "enviar", "enviarme", "enviando", "textos", "mandar", "mandarme",
        "os", "as", "nachrichten", "nachricht", "mit", "den", "der", "diese", "keine", "mehr",
        "werbung", "berichten", "met", "messaggi", "messaggio", "i", "di", "meddelanden", "меня",
        "смс", "сообщения", "рассылку", "рассылка", "рассылки", "от", "мне", "писать", "слать",
        "الاشتراك", "الرسائل", "رسائل", "אותי", "מהרשימה", "करें", "करो", "mesaj", "pesan",
        "短信",
        "发送", "發送",
    )
)  # fmt: skip

# Matched against the folded words of a sentence, joined by spaces.
_PHRASES: Final = (
    # French
    (
        r"(?:arretez?|cessez?) (?:de )?(?:mes |vos |ces |les )?(?:m ?envoyer|envoyer|ecrire|sms|"
        r"messages|textos|pub|publicites?)"
    ),
    (
        r"n(?:e m)? ?env(?:oie|oyez)s? plus|ne m ?(?:env(?:oie|oyez)s?|ecri(?:s|vez)|"
        r"contactez?) plus|ne menvoyez plus"
    ),
    r"je ne veux (?:plus|pas) (?:de|recevoir|vos|ces)|plus de (?:sms|messages|textos)",
    (
        r"(?:me |m )?desabonne[rz]?(?: moi)?|desinscri(?:re|vez)(?: moi)?|retirez moi|"
        r"supprimez (?:moi|mon numero)|ne plus me \w+|laissez moi tranquille"
    ),
    r"(?:annul|resili)\w+ (?:mon |l ?)?abonnement",
    # Spanish and Portuguese
    r"cancel\w+ (?:mi |la |minha |a )?(?:suscripcion|subscripcion|inscricao|assinatura)",
    r"dej(?:a|e|en|ad) de (?:enviar|mandar|escribir|molestar)\w*",
    (
        r"no (?:me )?(?:envi|mand|escrib|molest|llam|contact)\w+ mas|dejen?me en paz|"
        r"no (?:mas|quiero(?: mas| recibir)?) "
        r"(?:mensajes?|sms|textos)"
    ),
    (
        r"(?:dar|darme|deme|denme|dame) de baja|borr(?:a|e|en|ar)(?:me| mi numero)|"
        r"quit(?:a|e|en|ar)(?:me| mi numero)"
    ),
    (
        r"par(?:a|e|em|ar) de (?:enviar|mandar|me)(?: \w+)?|nao (?:me )?(?:envi|mand)\w+ mais|"
        r"nao quero (?:mais|receber)|me (?:tir(?:a|e|em)|remov(?:a|am|e d[ao])|descadastr\w+)|"
        r"sair da lista"
    ),
    # German, Dutch, Scandinavian languages
    (
        r"keine (?:weiteren |weitere )?(?:sms|nachrichten|werbung)(?: mehr)?|"
        r"(?:schreib\w*|schick\w*|send\w*|kontaktier\w*) (?:sie )?(?:mir |mich |uns )?(?:bitte )?"
        r"(?:nichts|nicht) mehr"
    ),
    (
        r"(?:hor\w*) (?:bitte )?auf|abmelden|abbestellen|(?:melde\w*|meldet) mich (?:bitte )?ab|"
        r"(?:loscht?|loschen sie|entfern\w*) (?:bitte )?(?:mich|meine nummer)|"
        r"lass(?:t|en sie)? mich in ruhe|nicht mehr (?:schreiben|schicken|senden|"
        r"kontaktieren|anschreiben)|(?:bitte|sofort) aufhoren$"
    ),
    (
        r"geen (?:sms|berichten|smsjes)(?: meer)?|(?:meld|schrijf) (?:mij|me) (?:af|uit)|"
        r"(?:stop met|niet meer) (?:sms|berichten|sturen|contacteren)\w*"
    ),
    (
        r"inga fler (?:sms|meddelanden)|sluta (?:skicka|smsa)\w*|ingen flere (?:sms|meldinger|"
        r"beskeder)|slutt a sende"
    ),
    # Italian
    (
        r"non (?:voglio|desidero) (?:piu|ricevere)|smett\w+ di|basta (?:sms|messaggi|con)|"
        r"non (?:mandat|inviat|scrivet)\w* piu|cancellatemi|toglietemi"
    ),
    # Slavic languages, Turkish
    (
        r"не (?:пишите|присылайте|шлите|отправляйте|надо|беспокойте)|(?:отпиши|отписать|отпишите|"
        r"уберите|удалите) (?:меня|мой)|отпишите|отпишись|хватит (?:писать|слать|спамить)|"
        r"прекратите|не надсилайте|не пишіть|відпишіть"
    ),
    (
        r"nie (?:wysylajcie|piszcie|chce)|prosze (?:mnie )?(?:usunac|wypisac)|neposilejte|"
        r"odhlaste me|mesaj (?:istemiyorum|atmayin|gondermeyin)|listeden cikar\w*"
    ),
    # Hebrew, Arabic, Hindi, Indonesian
    (
        r"הסירו אותי|הסר אותי|תפסיקו|תורידו אותי|لا ترسل\w*|اوقفوا|توقفوا|"
        r"message (?:mat|band) \w+|मैसेज (?:बंद|मत)|jangan (?:kirim|sms|hubungi)\w*|"
        r"berhenti (?:kirim|mengirim)\w*"
    ),
)
PHRASES: Final = re.compile("|".join(rf"\b(?:{plain(phrase)})\b" for phrase in _PHRASES))
# Before a phrase these negate it.
NEGATIONS: Final = frozenset({"no", "ne", "nao", "non", "nicht", "nie", "не", "pas", "لا"})
# Scripts without spaces: in a short sentence these can hardly mean anything else.
INSIDE: Final = re.compile(
    "(?<!不)(?<!不要)(?<!别)(?<!別)(?:" + "|".join(
        re.escape(fold(word))
        for word in (
            "退订", "退訂", "取消订阅", "取消訂閱", "停止发送", "停止發送", "请停止",
            "請停止", "别再发", "別再發", "不要再发",
            "不要再發", "不要发", "不要發", "别发", "停止发", "停发", "停止してくだ",
            "配信停止", "配信を停止", "配信解除",
            "送らないで", "送信しないで", "やめてくだ", "止めてくだ", "解除してくだ",
            "ストップしてくだ", "メールを止め",
            "수신거부", "보내지마", "그만보내", "그만 보내", "문자 그만", "중지해", "정지해",
            "ยกเลิกการ", "หยุดส่ง", "ไม่ต้องส่ง",
        )
    ) + ")"
)  # fmt: skip
INSIDE_MAX: Final = 24
