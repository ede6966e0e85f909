"""The reader of the RenAIssance challenge: network, decoding, stored weights, learning."""

import os

import numpy as np
import pytest
import torch

from RenAIssance import confidence, data, hand_cut, language, metrics, model, simulate, train
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


def test_confidence_of_characters_and_words():
    """A sure word, and one with a letter that might be another; a blank that may hide a letter counts as well."""
    log_p = _log_p("_l_a_ _c_a_s_a_")
    log_p[11, model.CODES["s"]], log_p[11, model.CODES["f"]] = np.log(0.6), np.log(0.4)
    assert model.greedy(log_p) == "la casa"
    place = confidence.named(log_p, "la casa")
    assert place[:, 0].tolist() == place[:, 1].tolist() == [1, 3, 5, 7, 9, 11, 13]
    sure, bounds = confidence.of_characters(log_p, "la casa")
    assert bounds.tolist() == [0, 3, 5, 7, 9, 11, 13, 15] and sure.argmin() == 5 and (np.delete(sure, 5) > 0.99).all()
    first, second = confidence.of_words(log_p, "la casa")
    assert (first.text, second.text) == ("la", "casa") and first.confidence > 0.99 > second.confidence
    assert sure[5] == pytest.approx(confidence.calibrated(0.6), abs=1e-3)
    log_p[8, 0] = log_p[8, model.CODES["e"]] = np.log(0.5)  # "c_a" or "cea"
    assert confidence.of_characters(log_p, "la casa")[0][3:5].min() < 0.9
    assert confidence.of_words(log_p, "") == []


def test_where_repeated_letters_are_named():
    """Between two of the same there is a blank, and a letter may be named in several columns."""
    assert confidence.named(_log_p("ll_laa_"), "lla").tolist() == [[0, 1], [3, 3], [4, 5]]


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
