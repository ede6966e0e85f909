"""Names of teams and people: which are allowed, and which could be taken for each other.

Properties of characters (general category, script, default ignorable) are those of the package regex, so that they
are the same with every version of Python; which characters look alike is the data of Unicode Technical Standard 39
("Unicode Security Mechanisms", section 4) in the package confusable-homoglyphs.
"""

import hashlib
import unicodedata
from functools import cache, lru_cache

import regex
from confusable_homoglyphs.utils import load

from common.challenge import SubmissionError

NAME_LENGTH = 80

# What Unicode calls default ignorable, controls, directions, surrogates, odd spaces, and the few that are drawn blank
BLANK = "\u2800\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
INVISIBLE = regex.compile(rf"[\p{{Default_Ignorable_Code_Point}}\p{{Cc}}\p{{Cf}}\p{{Cs}}\p{{Z}}{BLANK}--[ ]]", regex.V1)
UNDEFINED = regex.compile(r"[\p{Cn}\p{Co}]")
# The joiners U+200C and U+200D, where a script spells with them: between two letters, or after a virama
JOINING = (
    "Arabic", "Balinese", "Bengali", "Chakma", "Devanagari", "Grantha", "Gujarati", "Gurmukhi", "Javanese", "Kannada",
    "Khmer", "Malayalam", "Mandaic", "Mongolian", "Myanmar", "Nko", "Oriya", "Sinhala", "Syriac", "Tamil", "Telugu",
)  # fmt: skip
JOINER = regex.compile(
    r"(?<=[\p{InSC=Virama}\p{InSC=Pure_Killer}])[\u200c\u200d]|"
    + "|".join(rf"(?<=[[\p{{L}}\p{{M}}]&&\p{{scx={script}}}])[\u200c\u200d](?=[[\p{{L}}\p{{M}}]&&\p{{scx={script}}}])"
               for script in JOINING),
    regex.V1,
)  # fmt: skip
STACKED = regex.compile(r"[\p{Me}[\p{M}--\p{ccc=0}]]{4}", regex.V1)
MARKED = regex.compile(r"\p{M}{7}")  # Burmese has up to six
CHAINED = regex.compile(r"(?:\p{L}\p{M}*[\p{InSC=Virama}][\u200c\u200d]?){6}")  # consonants that are drawn as one
REFUSED = regex.compile("|".join(p.pattern for p in (INVISIBLE, UNDEFINED, STACKED, MARKED, CHAINED)), regex.V1)
SMALL_CAPITAL = "LATIN LETTER SMALL CAPITAL "

LETTER = regex.compile(r"[\p{L}\p{N}]")
BY_SHAPE = regex.compile(r"[\p{Lm}\p{S}]")  # modifier letters and symbols: apostrophes are among them, and |
CHARACTER = regex.compile(r"(.)(\p{M}*)", regex.DOTALL)
DASH = regex.compile(r"\p{Dash}")
# A hyphen that touches a letter on one side is a sign (K-), one between letters or spaces is not (Café-Quark)
SIGN = regex.compile(r"(?<=[\w+#])-+(?![\w+#-])|(?<![\w+#-])-+(?=[\w+#])")
LATIN = regex.compile(r"\p{Latin}")
ALPHABETIC = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}]")  # whose marks are accents
ESZETT = regex.compile(r"[ßẞ]|(?<=\p{Latin})[βϐꞵ]")
STROKE = "l"  # the shape of I, l, 1 and |


def check_name(text, what="team name"):
    """The name as it is shown, in composed Unicode (NFC), without spaces around it.

    Raises
    ------
    SubmissionError
        Empty, longer than NAME_LENGTH, or with characters that cannot be seen, or that change how others are seen.
    """
    if not isinstance(text, str):
        raise SubmissionError(f"the {what} must be a text, not {text!r:.40}")
    name = unicodedata.normalize("NFC", text).strip()
    if not 0 < len(name) <= NAME_LENGTH:
        raise SubmissionError(f"the {what} has {len(name)} characters, expected 1 to {NAME_LENGTH}")
    if found := INVISIBLE.search(JOINER.sub("", name)):
        raise SubmissionError(f"the {what} contains the invisible character {_named(found[0])}: leave it out")
    if found := UNDEFINED.search(name):
        raise SubmissionError(f"the {what} contains {_named(found[0])}, which Unicode does not define: leave it out")
    plain = unicodedata.normalize("NFKD", name)
    if STACKED.search(plain):  # languages stack two, some three
        raise SubmissionError(f"the {what} has a letter with four or more accents")
    if MARKED.search(plain) or CHAINED.search(plain):
        raise SubmissionError(f"the {what} has a letter with more than six marks or consonants: shorten it")
    if not LETTER.search(plain):
        raise SubmissionError(f"the {what} has neither a letter nor a digit")
    return name


def escaped(text):
    """A text in which all that a name may not have, or Python cannot print, is written as in Python: \\u0301."""
    text = REFUSED.sub(lambda found: ascii(found[0])[1:-1], text)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _named(character):
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def slug(name):
    """The letters a to z and the digits of a name, for the name of a file; "team" where it has none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return regex.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "team"


def file_stem(name):
    """`slug` and a short hash, so that names in other scripts, or of the same letters, make different files."""
    return f"{slug(name)}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


# --------------------------------------------------------------------------------------------------
# Look-alikes


@lru_cache(100_000)  # an event asks for those of its teams at every scoring
def skeleton(name):
    """The same text for all names that could be taken for each other.

    Alike means an equal skeleton, and so is an equivalence. It never raises and is never empty for a name that
    `check_name` accepts. Two names are alike when they differ in nothing but

    - case, spaces, punctuation, joiners, and accents of Latin, Greek and Cyrillic letters (on other letters marks are
      letters: Devanagari vowel signs, Japanese dakuten, Hebrew points, Arabic harakat). + and # count, and a hyphen
      that touches a letter on one side only: C++, C#, K+ and K- are four names, Café-Quark is cafe quark.
    - letters of one shape in UTS 39: 0 and O, Cyrillic and Greek twins, full width, mathematical letters; rn and m;
      vv and w.
    - I, l, 1 and |. Case and shape together would make i and l one as well (i is I, I is l), so where the shape stands
      for i and where for l is read from the rest of the word: HIGGS is higgs, AIice is alice. Where nothing tells it,
      in the first letter and in words such as AI, i and l are one.

    References
    ----------
    Unicode Technical Standard 39, section 4: https://www.unicode.org/reports/tr39/#Confusable_Detection
    """
    plain = unicodedata.normalize("NFKD", name).replace("\u200c", "").replace("\u200d", "")
    plain = "".join(map(_full_size, plain))
    plain = ESZETT.sub("ss", DASH.sub("-", plain).replace("♯", "#"))
    signs = {i for match in SIGN.finditer(plain) for i in range(*match.span())}
    words, word = [], []
    for match in CHARACTER.finditer(plain):
        if match[1] in "+#" or match.start() in signs:
            words += [word, [match[1]]]
            word = []
        elif _counts(match[1]):
            word.append(match)
        elif word:
            words.append(word)
            word = []
    text = "".join(map(_word, [*words, word])).casefold().replace("m", "rn").replace("w", "vv")
    return text or plain.casefold()


def _full_size(character):
    """The letter whose shape a small capital has; any other character as it is."""
    name = unicodedata.name(character, "")
    letter = name.removeprefix(SMALL_CAPITAL)
    return letter if name != letter and len(letter) == 1 else character


def _counts(character):
    """Whether a character is a letter or a digit, or a symbol of their shape, such as |."""
    shape = _shapes().get(character, character)
    if BY_SHAPE.match(character):
        return shape[0].isalnum()
    return LETTER.match(character) is not None


def _word(matches):
    """The skeleton of a word: of characters with their marks, or a sign."""
    if not matches or isinstance(matches[0], str):
        return "".join(matches)
    characters = [match[1] for match in matches]
    shapes = [_without_accents(c, _shapes().get(c, c)) for c in characters]
    if not all(map(str.isascii, shapes)):  # a word that shows its script: its capitals are those of that script
        shapes = [_by_capital(c, shape) for c, shape in zip(characters, shapes, strict=True)]
    shapes = _read_strokes(characters, shapes)
    marks = ["" if ALPHABETIC.match(c) or not c.isalpha() else "".join(_shapes().get(m, m) for m in match[2])
             for c, match in zip(characters, matches, strict=True)]  # fmt: skip
    return "".join(shape + own for shape, own in zip(shapes, marks, strict=True))


def _without_accents(character, shape):
    """The shape without marks where marks are accents: ø has the shape of o with a stroke through it."""
    return regex.sub(r"\p{M}", "", shape) if ALPHABETIC.match(character) and shape[1:] else shape


def _by_capital(character, shape):
    """The shape of a letter by that of its capital: в is B, and ν is N though it has the shape of v."""
    if not shape.isascii():
        return _families().get(shape, shape)
    capital = character.upper()
    if capital == character or len(capital) > 1 or LATIN.match(character):
        return shape
    found = _shapes().get(capital, capital)
    return "i" if found == STROKE else _families().get(found, found)


def _read_strokes(characters, shapes):
    """Decide between i and l where the shape of I, l, 1 and | leaves it open; see `skeleton`."""
    rest = [c for c, shape in zip(characters[1:], shapes[1:], strict=True) if shape != STROKE]
    capitals = any(map(str.isupper, rest)) and not any(map(str.islower, rest))
    nothing_else = all(shape == "i" for shape in shapes[1:])
    read = []
    for i, (character, shape) in enumerate(zip(characters, shapes, strict=True)):
        if shape == "i" and (i == 0 or nothing_else):
            shape = STROKE
        elif shape == STROKE and i and capitals:
            number = character.isdigit() and not (i + 1 < len(shapes) and shapes[i + 1].isalpha())
            shape = STROKE if number else "i"
        read.append(shape)
    return read


@cache
def _shapes():
    """What UTS 39 calls the prototype of a character: a text that looks like it; of itself where it has none."""
    # the package lists both directions of pairs (character, prototype); marks of direction only serve its file
    pairs = {key.replace("\u200e", ""): [entry["c"].replace("\u200e", "") for entry in entries]
             for key, entries in load("confusables.json").items()}  # fmt: skip
    shapes = {}
    for character, others in pairs.items():
        if len(character) == 1 and len(others) == 1:
            (other,) = others
            alone = len(pairs[other]) == 1 and len(other) == 1  # a pair of single characters: either can serve
            shapes[character] = min(character, other) if alone else other
    return shapes


@cache
def _families():
    """One shape for all that are the same but for case, such as И, и and ᴎ: one of ASCII where they have it."""
    first = {}

    def find(shape):
        while first.get(shape, shape) != shape:
            shape = first[shape]
        return shape

    shapes = _shapes()
    for character in {*shapes, *shapes.values()}:
        capital = character.upper()
        pair = {find(shapes.get(c, c)) for c in (character, capital)}
        if len(character) == len(capital) == 1 and not shapes.get(character, character).isascii():
            head = min(pair)
            first |= dict.fromkeys(pair, head)
    return {shape: find(shape) for shape in first}
