"""The text of a lawsuit of the time: Spanish with Latin between, and citations of laws and their commentators.

As in `spelling`, of each word there is what the type shows and what the transcribers write.
"""

import re

from RenAIssance import spelling

SMALL = (
    "et in ad ex de cum per pro sed non nec si ut quod quia qui quae quem quo quibus cuius eius eorum hoc haec hic "
    "ille illa ipse ipso ab ante apud contra extra inter post sine sub super tantum tamen autem enim etiam ergo "
    "igitur ita itaque nam nisi quando quoties sic ubi unde vel aut neque atque dum tunc nunc semper numquam saepe "
    "idem eadem alius alij alijs alteri unus una unum unica duo tres omnes omnia nihil nemo nullus quis est sunt esse "
    "erat fuit potest possunt potuit debet dicit dicitur dixit dixerit habet constat fit videtur vidisse videre licet "
    "tenet tradit reddit reddere probat probatur praesumitur secundum propter iuxta circa maxime praecipue vide late"
).split()
NOUNS = (  # stems of the first, second and third declension
    ("a ae am arum as is", "caus sententi poen materi culp pecuni fam person glos regul potenti scientia vi curi"),
    ("us i o um orum os is", "testi reu domin fili titul actor iudici delict fact testament contract instrument verb "
     "iurament argument praemi matrimoni legat anim popul loc serv"),
    ("is e em es um ibus i", "leg reg iudic test actor ration confession obligation possession deposition probation "
     "crimin nomin iur condition potestat veritat qualitat auctoritat part mort uxor haered adulter tempor oper"),
)
VERBS = (  # and of verbs
    ("at ant ari atur avit are ans ando atum atus andum", "prob contradict neg confirm declar accus iudic cit alleg "
     "interpret damn obligat disput vit dubit not"),
    ("it unt i itur ere ens endo tum tus endum", "dic reg cred defend proced admitt collid respond contrad ostend "
     "praetend intellig conced praesuppon tener dub"),
)
AUTHORS = (
    "Bald Bart Bartol Farinac Mascard Decius Dec Abbas Menoch Covarr Gutierr Gom Castillo Surd Tiraq Felin Alex Ias "
    "Paul Angel Imol Iul Clar Cyn Hipp Gramat Boer Rota Molin Greg Lop Panorm Socin Crav Azeved Avend Padilla Matienz"
).split()
PLACES = (
    "l lib cap c tit num nu n q quaest tom tract consil cons conclus decis fol gl glos verb vers art part disp ill reg "
    "rub par cons col in"
).split()
BOOKS = (
    "ff de testibus|ff de probat|C de pactis|ff de iure iurand|C de testam|ff de verb oblig|ff ad leg Aquil|"
    "C de transact|ff de re iudic|extra de testibus|de probat|de testibus|de praesumpt|de sponsal|de arbitr|"
    "in addit|ad Molin|C eod|ff de leg|in prax crim|de iur patron|C qui accus non poss|"
    "ff de reg iur|de offic iud|de restit in integr"
).split("|")  # fmt: skip
MONTHS = "Enero Febrero Marzo Abril Mayo Iunio Iulio Agosto Setiembre Otubre Noviembre Diziembre".split()


def numeral(rng):
    """A number as in a citation: mostly small, now and then a year."""
    return str(int(rng.integers(1, 10 ** rng.integers(1, 4)) if rng.random() < 0.9 else rng.integers(1480, 1700)))


def latin(n, rng):
    """n Latin words, endings and all, without sense: list of (word, punctuation)."""
    out = []
    for chance in rng.random(n):
        if chance < 0.45:
            word = str(rng.choice(SMALL))
        else:
            endings, stems = (*NOUNS, *VERBS)[rng.integers(5)]
            word = str(rng.choice(stems.split())) + str(rng.choice(endings.split()))
        word = word.capitalize() if rng.random() < 0.05 else word
        out.append((word, str(rng.choice(["", ",", ".", ";", ":"], p=[0.83, 0.1, 0.04, 0.01, 0.02]))))
        if rng.random() < 0.04:
            out.append(("&", ""))
    return out


def citation(rng):
    """Where a law or a commentator says so: list of (word, punctuation, whether it is set in italics)."""
    italic = rng.random() < 0.7
    out = [(str(rng.choice(AUTHORS)), "." if rng.random() < 0.7 else "", italic and rng.random() < 0.15)]
    for chance in rng.random(rng.integers(1, 5)):
        if chance < 0.3:
            words = str(rng.choice(BOOKS)).split()
            out += [(w, "." if w in ("ff", "C") or w is words[-1] else "", italic) for w in words]
        elif chance < 0.36:
            out.append(("§", ".", italic))
            out += [(w, m, italic) for w, m in latin(rng.integers(1, 4), rng)]
        elif chance < 0.42:
            out.append(("&", "", italic))
        else:
            out.append((str(rng.choice(PLACES)), "." if rng.random() < 0.9 else "", italic))
        if chance > 0.3:
            out.append((numeral(rng), rng.choice([".", ","], p=[0.85, 0.15]), italic and rng.random() < 0.5))
    return out


def passage(rng):
    """A piece of a running text: list of (word, punctuation, whether it is set in italics)."""
    kind = rng.random()
    if kind < 0.04:
        day, month, year = numeral(rng), str(rng.choice(MONTHS)), str(int(rng.integers(1480, 1700)))
        return [(w, "." if w in (day, year) else "", False) for w in ("a", day, "de", month, "de", year)]
    if kind < 0.6:
        italic = rng.random() < 0.12
        return [(word, mark, italic) for word, mark in spelling.words(int(rng.integers(4, 40)), rng)]
    if kind < 0.74:
        italic = rng.random() < 0.5
        return [(word, mark, italic) for word, mark in latin(rng.integers(2, 16), rng)]
    return citation(rng)


def set_word(word, rng, final=True):
    """What the type shows and what is transcribed; see `spelling.set_word`. A section sign is not transcribed."""
    ink, text = spelling.set_word(word, rng, final)
    if "ae" in ink and rng.random() < 0.6:
        ink = ink.replace("ae", "æ")
    # More vowels with a tilde than in prose: a line of citations is hard to fill.
    if final and len(ink) > 3 and rng.random() < 0.04 and "\u0303" not in ink:
        match = re.search("([aeou])[nm](?=[^aeiouyàèìòùnæ]|$)", ink)
        same = match and text[match.start() : match.end()] == match[0]
        if same:
            i = match.start()
            ink, text = ink[: i + 1] + "\u0303" + ink[i + 2 :], text[: i + 1] + text[i + 2 :]
    return ink, text.replace("§", "")


class Typesetter:
    """Breaks an endless text into lines, as `spelling.Typesetter` does; its pieces know whether they are italic."""

    def __init__(self, rng):
        self.rng = rng
        self._queue = []

    def _next(self):
        while not self._queue:
            self._queue = passage(self.rng)[::-1]
        return self._queue.pop()

    def line(self, length):
        """The next line of about that many characters.

        Returns
        -------
        pieces : list of (str, bool)
            Printed words with their punctuation, and whether they are set in italics.
        text : str
            The transcription.
        """
        rng, pieces, texts, room = self.rng, [], [], length
        while room >= 2 or not pieces:
            word, mark, italic = self._next()
            size = len(word) + len(mark)
            if size > room:
                places = [i for i in spelling.breaks(word) if i < room]
                if places and word.islower():
                    at = places[-1]
                    ink, text = set_word(word[:at], rng, final=False)
                    hyphen = "" if rng.random() < 0.3 else "-"
                    pieces.append((ink + ("·" if hyphen and rng.random() < 0.15 else hyphen), italic))
                    texts.append(text + hyphen)
                    self._queue.append((word[at:], mark, italic))
                elif pieces:
                    self._queue.append((word, mark, italic))
                else:  # a word that no line can hold
                    continue
                break
            ink, text = set_word(word, rng)
            gap = "" if not mark or mark == "." or rng.random() < 0.65 else "\u2009"
            pieces.append((ink + gap + mark, italic))
            texts.append(text + mark)
            room -= size + 1
        return pieces, " ".join(texts)
