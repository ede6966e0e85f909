"""Names of teams and people: which are allowed, and which could be taken for each other."""

import itertools
import unicodedata

import pytest

from common.challenge import SubmissionError
from common.hackathon.names import INVISIBLE, check_name, escaped, file_stem, skeleton


@pytest.mark.parametrize("name, message", [
    ("", "0 characters"), ("x" * 81, "81 characters"), ("a\u202eb", "invisible character U\\+202E"),
    ("a\nb", "invisible"), ("a\u200bb", "invisible"), ("...", "neither a letter nor a digit"),
    ("a" + "\u0301" * 9, "accents"), ("a" + "\u0489" * 4, "accents"), (7, "must be a text"),
    ("\u037a\"", "neither a letter nor a digit"), ("a\u0378", "U\\+0378, which Unicode does not define"),
    ("a\ue000", "U\\+E000, which Unicode does not define"), ("a\ud800b", "U\\+D800"),
])  # fmt: skip
def test_names_that_are_refused(name, message):
    with pytest.raises(SubmissionError, match=message):
        check_name(name)


@pytest.mark.parametrize("character, name", [
    ("\u3164", "HANGUL FILLER"), ("\u115f", "HANGUL CHOSEONG FILLER"), ("\u1160", "HANGUL JUNGSEONG FILLER"),
    ("\uffa0", "HALFWIDTH HANGUL FILLER"), ("\u034f", "COMBINING GRAPHEME JOINER"), ("\u00ad", "SOFT HYPHEN"),
    ("\u17b4", "KHMER VOWEL INHERENT AQ"), ("\u180b", "MONGOLIAN FREE VARIATION SELECTOR ONE"),
    ("\ufe0f", "VARIATION SELECTOR-16"), ("\U000e0041", "TAG LATIN CAPITAL LETTER A"), ("\u2060", "WORD JOINER"),
    ("\U000e0100", "VARIATION SELECTOR-17"), ("\u2800", "BRAILLE PATTERN BLANK"), ("\u00a0", "NO-BREAK SPACE"),
    ("\u1680", "OGHAM SPACE MARK"), ("\u2003", "EM SPACE"), ("\u200d", "ZERO WIDTH JOINER"),
])  # fmt: skip
def test_what_nobody_sees_is_refused_by_name(character, name):
    message = f"the team name contains the invisible character U\\+{ord(character):04X} \\({name}\\): leave it out"
    for text in (f"Qu{character}ark", f"Quark{character}x"):
        with pytest.raises(SubmissionError, match=message):
            check_name(text)


@pytest.mark.parametrize("name", [
    "Café Quark", "Đorđe Škrtić", "陳大文", "Ελένη", "O'Neill & Söhne (2)", "محمد", "Rocket 🚀", "C++", "がくせい",
    "টিম", "می\u200cخواهم", "ශ්\u200dරී ලංකා", "അവന്\u200d", "र\u200d्य", "ክፍል",
])  # fmt: skip
def test_names_of_the_world_are_fine(name):
    assert check_name(name) == name


def test_what_names_may_not_have_is_escaped_elsewhere():
    for text, shown in (
        ("a" + "\u0301" * 39, "a" + r"\u0301" * 36 + "\u0301" * 3), ("क्" * 20, r"\u0915\u094d" * 18 + "क्" * 2),
        ("\u0558\u115fx\x1b[2J", r"\u0558\u115fx\x1b[2J"), ("Đặng क्षत्रिय မြန်မာ 'a'", "Đặng क्षत्रिय မြန်မာ 'a'"),
    ):  # fmt: skip
        assert escaped(text) == shown


@pytest.mark.parametrize("name", ["a\u200db", "\u200dमल", "می\u200c", "می \u200cخ", "م\u200c\u200cم", "मa\u200cमल"])
def test_joiners_elsewhere_are_refused(name):
    with pytest.raises(SubmissionError, match="invisible character U\\+200[CD]"):
        check_name(name)


ALIKE = [
    ["Alpha", "alpha", "ALPHA", "Αlpha", "ΑLΡΗΑ", "Ａｌｐｈａ", "𝐀𝐥𝐩𝐡𝐚", "A1pha", "AIpha", "A|pha", "Ꭺlpha", "Alpha!"],
    ["Team l", "Team I", "Team 1", "Team |", "Team Ι", "Team І", "TeamI", "Team i", "TEAM 1", "Team-1"],
    ["HIGGS", "Higgs", "higgs", "H1GGS", "HlGGS", "Нiggs", "Hiɡɡs"],
    ["IceCube", "icecube", "lceCube", "ICECUBE", "Ice Cube"],
    ["modern", "modem", "MODERN", "Modem"],
    ["wave", "vvave", "Wave", "VVAVE"],
    ["Team AI", "Team Al", "team ai", "TEAM AI", "Team A1"],
    ["Phase II", "phase ii", "Phase ll", "Phase Ⅱ", "PHASE 11"],
    ["Sосо", "Soco", "S0c0"],
    ["Émile", "Emile", "E\u0301mile", "ÉMILE"],
    ["Café-Quark", "cafe quark", "Café – Quark"],
    ["Москва", "МОСКВА", "Mосква", "москва"],
    ["Ελένη", "ΕΛΕΝΗ", "Eλενη", "Ελɛνη"],
    ["Νever", "Never", "neνer"],
    ["Strauß", "Strauss", "STRAUSS", "Strauβ"],
    ["Łódź", "Lodz", "ŁÓDŹ"],
    ["ヘリウム", "へリウム"],
    ["می\u200cخواهم", "میخواهم"],
    ["C#", "c#", "C♯"],
    ["K-", "k−", "K⁻"],
    ["K+", "K⁺"],
    ["K--", "k--"],
    ["टीम कमल", "टीमकमल"],
    ["टीम कोमल"],
    ["がくせい"],
    ["かくせい"],
    ["C++"],
    ["C"],
    ["K"],
    ["Neil", "NEIL"],
    ["Nell", "NELL", "Nel1"],
    ["Ali", "ALI"],
    ["All", "ALL"],
    ["Beta"],
    ["陳大文"],
    ["陳大明"],
    ["กา"],
    ["กำ"],
    ["Clara"],
    ["Dara"],
]


@pytest.mark.parametrize("names", [names for names in ALIKE if len(names) > 1], ids=lambda names: names[0])
def test_look_alikes(names):
    assert len({skeleton(name) for name in names}) == 1


def test_names_that_differ():
    for one, other in itertools.combinations(ALIKE, 2):
        assert skeleton(one[0]) != skeleton(other[0]), (one, other)


FIRST_NAMES = """
Aaron Abdul Abigail Ada Adam Aditi Adriana Agnes Ahmed Aiko Aisha Alan Albert Alejandro Alex Alice Alina Amelia
Amina Amir Ana Anders Andrea Angela Anil Anita Anna Anton Arjun Arthur Asha Astrid Ayşe Beatriz Ben Bianca Bruno
Camila Carl Carmen Chen Chiara Chloe Clara Dan Daniel Dara Dario Deepak Diego Dina Dmitri Elena Eli Elias Ella
Elsa Emil Emily Emma Enzo Eric Erik Eva Fatima Felix Finn Florian Fiona Gabriel Gina Giulia Grace Greta Gil Hana
Hannah Hans Hassan Helena Henrik Hiro Hugo Ida Igor Ila Ilse Imani Ines Ingrid Irina Iris Isaac Isabel Ivan Jack
Jakub James Jan Jane Jasmin Javier Jean Jill Jim Joan João Johan John Jon José Juan Jule Julia Jun Kai Karim
Karin Karl Kate Kim Kira Kofi Lars Laura Lea Leila Lena Leo Li Lia Liam Lil Lila Lily Lin Lina Lisa Liu Lola
Luca Lucia Luis Luna Malik Mara Marc Marco Maria Marie Mark Marta Martin Mary Matteo Maya Mei Mia Milan Mina
Mira Mohamed Mona Nadia Nell Neil Nia Nico Nils Nina Nino Noah Nora Olga Oli Olivia Omar Oscar Otto Pablo Paul
Paula Pavel Pedro Peter Petra Philip Pia Priya Rahul Raj Rana Rania Raul Ravi Rita Rob Robin Rosa Ruth Sam Samir
Sana Sara Sergei Silvia Simon Sofia Sonja Stefan Sven Tara Tariq Theo Tim Tina Tom Uli Uma Vera Viktor Vivian
Wei Will Xia Yael Yara Yuki Yusuf Zara Zoe
Александр Алексей Анна Борис Вера Виктор Галина Дарья Дмитрий Екатерина Елена Иван Игорь Ирина Ксения Лев Лилия
Максим Мария Михаил Наталья Нина Олег Ольга Павел Пётр Роман Руслан Сергей Софья Тимур Фёдор Юлия Юрий Ярослав
Αθηνά Αλέξης Άννα Γιάννης Γιώργος Δημήτρης Ειρήνη Ελένη Ζωή Θάνος Ιωάννα Κώστας Λένα Λίνα Μαρία Νίκος Ξένια
Πέτρος Σοφία
محمد أحمد علي فاطمة عمر حسن حسين مريم زينب خالد ليلى نور سارة يوسف أمير رضا مینا پروین
דוד דנה שרה משה יעל נועם אורי רחל יוסף מיכל תמר לאה רון רוני
अनिल अनीता अमित आशा कमल कोमल गीता दीपक नील नीला प्रिया मीरा राज राजा रवि राहुल सीता सुनील सुनीता
অনিতা কমল মিতা রবি গাথা
தமிழ் அருண் கமலா
గీత రవి
ಅನಿಲ್ ಗೀತಾ
ആനി അനു സുനിൽ
สมชาย สมหญิง มานี มานะ ปิติ
陳大文 陳大明 王伟 王芳 李娜 李明 张敏 张伟 刘洋 太郎 花子
さくら はな はなこ
ハナ
ゆき ゆうき けん げん
김민준 김민수 이서연 박지훈 지훈 지은
አበበ አልማዝ
Արամ Անի
გიორგი ნინო
""".split()


def test_first_names_of_many_scripts_stay_apart():
    """But those that only differ by case, accents or the look-alikes that the rule names."""
    found = {}
    for name in FIRST_NAMES:
        found.setdefault(skeleton(check_name(name)), []).append(name)
    assert sorted(names for names in found.values() if len(names) > 1) == []


def test_every_character_has_a_skeleton():
    """Of those that a name may have, each alone and after a letter, in steps so that the test stays short."""
    for i in range(0, 0x110000, 53):
        for text in (chr(i), "A" + chr(i), chr(i) + '"', "क" + chr(i)):
            try:
                name = check_name(text)
            except SubmissionError:
                continue
            assert skeleton(name) and not INVISIBLE.search(unicodedata.normalize("NFKD", name).replace(" ", ""))


def test_files_of_two_names_are_two():
    stems = {file_stem(name) for name in ("Café Quark", "Cafe Quark", "陳大文", "Ελένη", "W" * 80, "דנה")}
    assert len(stems) == 6 and all(stem.isascii() and len(stem) < 50 for stem in stems)
    assert file_stem("Café Quark").startswith("cafe-quark-")
