"""The reader of the RenAIssance challenge: network, decoding, stored weights, learning."""

import os

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from RenAIssance import confidence, data, hand_cut, language, metrics, model, presses, simulate, train
from RenAIssance.spelling import ALPHABET


@pytest.fixture(scope="module")
def reader():
    return model.load()


@pytest.fixture(scope="module")
def seen():
    """Lines in the type of which the shipped reader has learned others."""
    return simulate.lines(40, 5)


def _unpadded(dataset):
    return [x[:, :w] for x, w in zip(dataset.X, dataset.meta["width"], strict=True)]


def _log_p(text_by_step):
    """Log-probabilities that say one character a step, "_" for the blank."""
    p = np.full((len(text_by_step), len(ALPHABET) + 1), 1e-6)
    for row, character in zip(p, text_by_step, strict=True):
        row[0 if character == "_" else model.CODES[character]] = 1.0
    return np.log(p / p.sum(1, keepdims=True))


def test_greedy_decoding_merges_repetitions_but_not_across_a_blank():
    assert model.greedy(_log_p("ll_laa_")) == "lla"
    assert language.beam_search(_log_p("ll_laa_"), language.LanguageModel(["x"])) == "lla"


def test_the_language_decides_between_letters_that_look_alike():
    log_p = _log_p("c_a_s_a")
    log_p[4, model.CODES["s"]] = log_p[4, model.CODES["f"]] = np.log(0.5)
    spanish = language.LanguageModel(["casa", "la casa", "casas"])
    assert language.beam_search(log_p, spanish, weight=0.5) == "casa"
    assert language.beam_search(log_p, language.LanguageModel(["cafa"] * 3), weight=0.5) == "cafa"


def test_language_model_is_a_probability():
    spanish = language.LanguageModel(["la casa de la villa"])
    for context in ("", "la c", "zzz"):
        assert sum(np.exp(spanish.log_p(context, c)) for c in (*ALPHABET, language.END)) == pytest.approx(1, abs=1e-6)


def test_confidence_of_characters():
    """Sure ones, and one that might be another; a blank that may hide a letter counts as well."""
    log_p = _log_p("_l_a_ _c_a_s_a_")
    log_p[11, model.CODES["s"]], log_p[11, model.CODES["f"]] = np.log(0.6), np.log(0.4)
    assert model.greedy(log_p) == "la casa"
    place = confidence.named(log_p, "la casa")
    assert place[:, 0].tolist() == place[:, 1].tolist() == [1, 3, 5, 7, 9, 11, 13]
    sure, bounds = confidence.of_characters(log_p, "la casa")
    assert bounds.tolist() == [0, 3, 5, 7, 9, 11, 13, 15] and sure.argmin() == 5 and (np.delete(sure, 5) > 0.99).all()
    assert sure[5] == pytest.approx(confidence.calibrated(0.6), abs=1e-3)
    log_p[8, 0] = log_p[8, model.CODES["e"]] = np.log(0.5)  # "c_a" or "cea"
    assert confidence.of_characters(log_p, "la casa")[0][3:5].min() < 0.9


def _doubt(place, *letters):
    """Log-probabilities of "la casa," where one step says one or the other of two letters."""
    log_p = _log_p("_l_a_ _c_a_s_a_,_")
    for letter, p in zip(letters, (0.6, 0.4), strict=True):
        log_p[place, 0 if letter == "_" else model.CODES[letter]] = np.log(p)
    return log_p


def test_a_word_is_doubtful_if_it_has_a_rival():
    """Another letter or a space that may not be there, and the more so if the language expects it; no other sign."""
    spanish, other = language.LanguageModel(["la casa, "] * 9), language.LanguageModel(["la cafa, "] * 9)

    def sure(log_p, model_of_language=spanish):
        return [word.confidence for word in confidence.of_words(log_p, "la casa,", spanish=model_of_language)]

    words = confidence.of_words(_log_p("_l_a_ _c_a_s_a_,_"), "la casa,", spanish=spanish)
    assert [word.text for word in words] == ["la", "casa,"]
    best = sure(_log_p("_l_a_ _c_a_s_a_,_"))[1]
    assert best > 0.99 and sure(_doubt(15, ",", "."))[1] == best
    assert sure(_doubt(11, "s", "f"))[0] == best > sure(_doubt(11, "s", "f"))[1] > sure(_doubt(11, "s", "f"), other)[1]
    assert max(sure(_doubt(5, " ", "_"))) < best - 0.02, "both words beside a doubtful space"
    assert confidence.of_words(_log_p("___"), "", spanish=spanish) == []


def test_rivals_are_one_edit_away():
    log_p = _log_p("_d_e_")
    log_p[1, model.CODES["l"]], log_p[3, 0], log_p[3, model.CODES["e"]] = np.log([0.1, 0.1, 0.9])
    assert confidence.rivals("de", log_p, np.array([0, 3, 5])) == ["d", "dle", "lde", "le"]


def test_columns_spell_a_text_on_all_paths():
    """Two columns that say a or nothing: "a" on three paths, nothing on one, and "aa" needs a blank between."""
    log_p = np.full((2, len(ALPHABET) + 1), -30.0, np.float32)
    log_p[:, [0, model.CODES["a"]]] = np.log(0.5)
    assert np.exp(confidence.spelled(log_p, ["a", "", "aa"])) == pytest.approx([0.75, 0.25, 0])


def test_where_repeated_letters_are_named():
    """Between two of the same there is a blank, and a letter may be named in several columns."""
    assert confidence.named(_log_p("ll_laa_"), "lla").tolist() == [[0, 1], [3, 3], [4, 5]]


@pytest.mark.parametrize("shape", [(36, 0), (36, 100_000), (1, 1), (36,), (35, 90)])
def test_what_is_no_line_is_not_read(reader, shape):
    with pytest.raises(ValueError, match=r"takes lines of shape \(36, 1 to 5000\)"):
        model.read(reader, [np.zeros((36, 90), np.uint8), np.zeros(shape, np.uint8)])
    assert model.read(reader, [np.zeros((36, width), np.uint8) for width in (1, 90)]) == ["", ""]


def test_confidences_are_those_of_simulated_lines(reader, seen):
    """The mean confidence of characters is near the share of them that is right, and errors are among the doubtful."""
    lines = _unpadded(seen)
    sure, right = [], []
    for true, log_p in zip(seen.y, model.log_probabilities(reader, lines), strict=True):
        text = model.greedy(log_p)
        if len(text) == len(true):
            sure.append(confidence.of_characters(log_p, text)[0])
            right.append(np.array(list(text)) == np.array(list(true)))
    sure, right = np.concatenate(sure), np.concatenate(right)
    assert len(sure) > 500 and abs(sure.mean() - right.mean()) < 0.02
    assert sure[~right].max() < np.quantile(sure, 0.3), "the wrong ones are among the doubtful ones"


def test_wrong_words_are_doubtful_in_other_presses(reader):
    """Lines whose number of words is right: a word is compared with the one at its place."""
    seen = presses.lines(50, 8)
    lines = _unpadded(seen)
    sure, right = [], []
    for true, log_p in zip(seen.y, model.log_probabilities(reader, lines), strict=True):
        words, true = confidence.of_words(log_p, model.greedy(log_p)), true.split()
        if len(words) == len(true):
            sure += [word.confidence for word in words]
            right += [metrics.normalised(word.text) == metrics.normalised(true[k]) for k, word in enumerate(words)]
    sure, right = np.array(sure), np.array(right)
    assert 5 < (~right).sum() < 0.1 * len(right) and abs(sure.mean() - right.mean()) < 0.03
    assert roc_auc_score(right, sure) > 0.9


def test_unknown_characters_are_refused():
    with pytest.raises(ValueError, match="unknown character 'ſ'"):
        model.encode(["eſto"])


def test_the_shipped_reader_is_small_and_reads_lines_it_has_not_seen(reader, seen):
    assert os.path.getsize(model.SHIPPED) <= 1_000_000
    assert metrics.error_rates(seen.y, model.read(reader, _unpadded(seen)))["CER"] < 0.08


def test_the_shipped_reader_reads_the_real_book(reader, real_samples, monkeypatch):
    if not (real_samples / "RenAIssance" / hand_cut.LINE_IMAGES.name).is_file():
        pytest.skip("no hand-cut lines")
    monkeypatch.setenv("DEEPLEARN_DATA", str(real_samples))
    lines = data.load("test", source="official", task="lines")
    assert metrics.error_rates(lines.y, model.read(reader, _unpadded(lines)))["CER"] < 0.06


def test_reading_does_not_depend_on_what_else_is_read(reader, seen):
    """Nor on how much paper another line of the batch makes necessary: the last hyphens were lost to that."""
    lines = _unpadded(seen)
    alone = [model.read(reader, [x])[0] for x in lines]
    assert np.mean([a == b for a, b in zip(model.read(reader, lines), alone, strict=True)]) > 0.95


def test_stored_weights_are_the_same_reader(reader, tmp_path):
    model.save(reader, tmp_path / "a.pt")
    again = model.load(tmp_path / "a.pt")
    pairs = zip(reader.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_other_files_are_no_reader(tmp_path):
    path = tmp_path / "b.pt"
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="does not hold"):
        model.load(path)
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="does not hold"):
        model.load(path)
    path.write_bytes(bytes(1_000_001))
    with pytest.raises(ValueError, match="more than"):
        model.load(path)
    with pytest.raises(ValueError, match="cannot be read"):
        model.load(tmp_path / "none.pt")


def test_adapting_learns_lines_and_leaves_the_given_reader_alone(reader):
    from RenAIssance import press

    new = simulate.lines(12, 3, faces=(press.OTHER_PRESS,), italics=(press.OTHER_PRESS,))
    lines = _unpadded(new)
    before = {name: value.clone() for name, value in reader.state_dict().items()}
    adapted, history = train.adapt(reader, lines, new.y, (lines, new.y), epochs=3, lr=1e-3, progress=False)
    assert len(history) == 3
    first, last = (metrics.error_rates(new.y, model.read(m, lines))["CER"] for m in (reader, adapted))
    assert last < first
    assert all(torch.equal(value, before[name]) for name, value in reader.state_dict().items())
    with pytest.raises(ValueError, match="at least one"):
        train.adapt(reader, [], [], ([], []))


def test_rules_stand_beside_the_text():
    rng = np.random.default_rng(0)
    line = np.zeros((36, 120), np.uint8)
    line[12:26, 30:90] = 255
    added = np.stack([train.ruled(line, rng) for _ in range(200)]).astype(int) - line
    assert added.min() == 0 and added.any(axis=(1, 2)).mean() > 0.8
    columns = np.flatnonzero(added.any(axis=(0, 1)))
    assert columns.min() > 15 and columns.max() < 105
    wide = (added > 127).sum(axis=2)
    assert wide.max() <= 4, "as thin as a rule"
    assert not train.ruled(np.zeros((36, 50), np.uint8), rng).any()
