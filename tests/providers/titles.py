"""Two hundred titles that nobody should type, the same ones each time."""

from __future__ import annotations

from random import Random

COUNT = 200
HAND_MADE = (
    "Aurora Coffee Mug",
    "50% off: it's \"50:50\" \\ [new] {x} %{pts} '; rm -rf / <b>&amp;",
    ("Lorem ipsum dolor sit amet consectetur adipiscing elit " * 6)[:300],
    "W" * 300,
    "i" * 300,
    "." * 300,
    "f" * 150 + "j" * 150,
    "a b " * 75,
    "\u2e3b" * 60,
    "\ufdfd" * 40,
    "فنجان قهوة أورورا 50% الآن!",
    "مُحَمَّدٌ رَسُولٌ " * 12,
    "ب" * 300,
    "ספל קפה Aurora חדש, 50% הנחה!",
    "שָׁלוֹם עוֹלָם",
    "ऑरोरा कॉफ़ी मग – अभी खरीदें",
    "क्" * 150,
    "แก้วกาแฟออโรร่า ซื้อเลยวันนี้",
    "ปู่" * 100,
    "极光咖啡杯，限时五折优惠，立即购买并享受清晨的第一缕阳光",
    "光" * 300,
    "「オーロラ」のコーヒーカップで、新しい朝を始めよう！",
    "오로라 커피 머그, 지금 바로 만나보세요",
    "한" * 300,
    "𠮷野家 𩸽",
    "Buy now 🎉👩‍🚀❤️ 1️⃣ 🇩🇪",
    "👨‍👩‍👧‍👦" * 30,
    "👩\u200d" * 80,
    "👋🏿👋🏻👋🏽🏿",
    "🇩🇪🇫🇷🇯🇵🇺",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "Z" + "\u0301\u0302\u0308\u0334" * 40 + "algo p" + "\u0323" * 50,
    "\u0301\u0302 marks first",
    "a\u200b\u200c\u200d\u2060\ufeffb",
    "gpj\u202e.exe \u2066abc\u2069 \u202dx\u202c",
    "\x00\x01\x1b[31mred\x7f\x9f",
    "one\ntwo\r\nthree\tfour\v\f\u2028five\u2029six\x85",
    "\ud800lone\udfff surrogate",
    "\ue000private\uf8ff \U000f0000use\U0010fffd",
    "unassigned \u0378 \U000e1000 \uffff \ufffe",
    "ᚠᚢᚦ and latin",
    "\u00a0\u2003\u3000 blanks \u2800\u3164",
    "A" * 149 + " " + "B" * 150,
    "-" * 100 + " – — - x",
    "(((([[[[{{{{<<<< >>>>}}}}]]]]))))",
    "(عربي) [עברית] {abc} 123-456, 7:89",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "https://example.com/a/very/long?path=with&many=signs%20and%2Fmore#end",
    "ﬀﬁﬂﬃ Ǆǅǆ ŉ ß ẞ İı",
    "ÅÇÉÑÖÜ ĄĆĘŁŃÓŚŹŻ ĞİŞ ŐŰ Ệ Ậ",
)
PIECES = (
    *"'\"`:;%\\/{}[]()<>&$#@!?*~^|+=_-–—…“”„«»",
    *("%{pts}", "\\n", "$(id)", "${x}", "';--", "\n", "\t", "\r", "\x00", " ", "  "),
    *("\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2067", "\u2069"),
    *("\ud83d", "\udc00", "\ue123", "\ufffd", "\ufeff", "\u00ad", "\u034f", "\ufe0f", "\u20e3"),
    *("🎉", "👩‍🚀", "❤️", "👍🏽", "🇯🇵", "🏳️‍🌈", "👨‍👩‍👧", "☀", "★", "™", "€", "½", "①"),
    *("Aurora", "WWW", "Ǻ", "Mug", "ij", "Кружка", "Щ", "Αυρόρα", "Ώ", "Ệ", "g̃"),
    *("قهوة", "ﷺ", "فِنْجَان", "٣٤", "קפה", "שָׁ", "कॉफ़ी", "क्ष्म्य", "กาแฟ", "ป้ำ", "ກາເຟ", "កាហ្វេ"),
    *("咖啡", "極光", "コーヒー", "ひかり", "커피", "각", "，", "。", "「", "」", "ー", "％"),
    *("ቡና", "ყავა", "սուրճ", "কফি", "காபி", "కాఫీ", "ಕಾಫಿ", "കാപ്പി", "කෝපි", "ကော်ဖီ", "ਕੌਫੀ"),
    *(
        "\u0301",
        "\u0334\u0323",
        "\u0e49",
        "\u064e\u0651",
        "\u05b8",
        "\u0488",
        "\ufdfd",
        "\u2e3b",
        "ꙮ",
    ),
)


def hostile_titles() -> list[str]:
    """As many as `COUNT`, of at most 300 characters."""
    dice = Random(4)  # noqa: S311
    mixed: list[str] = []
    while len(HAND_MADE) + len(mixed) < COUNT:
        glue = dice.choice(("", "", " ", " ", "\u200d"))
        few = dice.sample(PIECES, dice.choice((2, 3, 8, len(PIECES))))
        mixed.append(glue.join(dice.choices(few, k=dice.choice((2, 3, 5, 8, 15, 30, 100))))[:300])
    return [*HAND_MADE, *mixed]
