"""A section of params.yaml is read typed, or the key and the remedy are named."""

from pathlib import Path

import pytest

from clone import REPOSITORY
from trajectories.config import ConfigurationError, read, values
from trajectories.config.composition import compose
from trajectories.config.corpus import CorpusSettings
from trajectories.config.read import load
from trajectories.config.schema import Pipeline
from trajectories.config.suite import Kept, ModelSettings, SuiteSettings
from trajectories.config.trends import Regressor, TrendSettings

REMEDY = r".*python -m trajectories\.compose"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(compose(["suite=smoke"], REPOSITORY / "conf"), encoding="utf-8")
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_sections_are_typed_down_to_a_model(params: Path) -> None:
    assert read(TrendSettings, "trends", params).regressor is Regressor.index
    model = read(ModelSettings, "suite.models.opt-tiny", params)
    assert (model.checkpoints, model.learning_rate) == (Kept.all, 0.01)
    assert read(SuiteSettings, "suite", params).models["opt-tiny"] == model
    assert set(read(CorpusSettings, "corpus", params).domains) == set(values("corpus.domains", params))


def test_the_schema_has_every_key(params: Path) -> None:
    assert set(Pipeline.__dataclass_fields__) == set(load(params))


def test_missing_params_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"params\.yaml is missing; write it with" + REMEDY):
        read(TrendSettings, "trends", tmp_path / "params.yaml")


def test_an_unknown_section_is_named(params: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no key 'suite\.models\.opt-huge'" + REMEDY):
        read(ModelSettings, "suite.models.opt-huge", params)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("significance: 0.05", "significance: abc", r"trends\.significance: .*'abc'.*Float"),
        ("regressor: index", "regressor: time", r"trends\.regressor: Invalid value 'time', expected one of"),
        ("  tolerance: 0.05\n", "", r"no value for trends\.tolerance"),
        ("  tolerance: 0.05", "  tolerence: 0.05", r"trends\.tolerence: Key 'tolerence' not in"),
        ("start:\n", "start: {}\n  more:\n", r"trends\.start"),
    ],
)
def test_a_bad_value_is_named_with_its_key(old: str, new: str, message: str, params: Path) -> None:
    edit(params, old, new)
    with pytest.raises(ConfigurationError, match=message + REMEDY):
        read(TrendSettings, "trends", params)


def test_a_bad_value_deep_in_a_section_is_named_with_its_whole_key(params: Path) -> None:
    edit(params, "width: 16", "width: wide")
    with pytest.raises(
        ConfigurationError, match=r"suite\.models\.opt-tiny\.width: .*'wide'.*Integer" + REMEDY
    ):
        read(SuiteSettings, "suite", params)


def test_a_value_in_place_of_a_section_is_named(params: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"suite\.context should hold keys, got 64" + REMEDY):
        read(TrendSettings, "suite.context", params)


@pytest.mark.parametrize("text", ["suite: smoke: broken", "- a list", "", "trends: [", "text alone", "\t"])
def test_a_file_that_holds_no_keys_is_refused(text: str, params: Path) -> None:
    params.write_text(text)
    with pytest.raises(ConfigurationError, match=r"params\.yaml" + REMEDY):
        read(TrendSettings, "trends", params)


def test_a_file_that_is_no_text_is_refused(params: Path) -> None:
    params.write_bytes(b"trends: \xff\xfe")
    with pytest.raises(ConfigurationError, match=r"params\.yaml is not YAML" + REMEDY):
        read(TrendSettings, "trends", params)
