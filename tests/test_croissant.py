"""The data cards: valid Croissant, and what `load` serves."""

import json
import logging
import runpy

import numpy as np
import pytest

from common import cli, croissant
from common.challenge import FOLDERS

mlcroissant = pytest.importorskip("mlcroissant")


@pytest.fixture
def data_of(monkeypatch):
    """A function: the streams and official files that a challenge gives to its command line."""

    def data_of(challenge):
        given = {}
        monkeypatch.setattr(cli, "main", lambda name, streams, **more: given.update(streams=streams, **more))
        with pytest.raises(SystemExit):
            runpy.run_module(f"{challenge}.data", run_name="__main__")
        return given["streams"], given.get("files", ())

    return data_of


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("challenge", FOLDERS)
def test_every_data_set_has_a_valid_card(challenge, data_of, tmp_path, caplog):
    streams, files = data_of(challenge)
    paths = croissant.write(challenge, streams, files, tmp_path)
    assert len(paths) == len(streams) > 0
    for path, stream in zip(paths, streams.values(), strict=True):
        with caplog.at_level(logging.WARNING):
            card = mlcroissant.Dataset(path)
        assert caplog.messages == []
        metadata = card.metadata
        assert metadata.version == f"{stream.version}.0.0"
        listed = {file.name: file for file in metadata.distribution}
        assert len(listed) == 1 + len(files)
        for file in files:
            assert listed[file.name].sha256 == file.sha256
            assert listed[file.name].content_url.startswith("https://")
        fields = {field.name: field for field in metadata.record_sets[0].fields}
        assert {"X", "y"} <= set(fields)


def test_fields_are_those_of_the_samples(data_of, tmp_path):
    streams, files = data_of("ParticleImages")
    (path,) = croissant.write("ParticleImages", streams, files, tmp_path)
    fields = {field["name"]: field for field in json.loads(path.read_text("utf-8"))["recordSet"][0]["field"]}
    sample = streams["classification"].few()
    assert fields["X"]["arrayShape"] == ",".join(map(str, sample.X.shape[1:]))
    assert (fields["X"]["dataType"], fields["y"]["dataType"]) == ("sc:Float", "sc:Integer")
    assert set(fields) - {"X", "y"} == {k for k, v in sample.meta.items() if isinstance(v, np.ndarray)}


def test_card_on_the_command_line(tmp_path, capsys):
    from Higgs import data

    assert cli.main("Higgs", {"classification": data.STREAM}, argv=["card", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "higgs-classification.json")
    card = json.loads((tmp_path / "higgs-classification.json").read_text("utf-8"))
    assert "columns: lepton" in card["recordSet"][0]["field"][0]["description"]
