"""conf/ composes into params.yaml as in DVC; a params.yaml that is no composition of conf/ is refused."""

import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump
from omegaconf import OmegaConf

from clone import REPOSITORY
from trajectories import compose as command
from trajectories.config import ConfigurationError
from trajectories.config.composition import check, compose
from trajectories.config.read import load

CONF = REPOSITORY / "conf"
CHOICES = sorted(path for path in CONF.glob("*/*.yaml"))
MODEL = "{label: 1M, family: opt, width: 16, layers: 1, heads: 1, learning_rate: 0.01, checkpoints: all}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CONF, tmp_path / "conf")
    return tmp_path / "conf"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_params_yaml_is_what_conf_composes() -> None:
    check(CONF, REPOSITORY / "params.yaml")


@pytest.mark.parametrize("choice", CHOICES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_choice_composes_and_says_its_name(choice: Path) -> None:
    group, name = choice.parent.name, choice.stem
    given = [f"{group}.{key}=given" for key in sorted(OmegaConf.missing_keys(OmegaConf.load(choice)))]
    composed = yaml.safe_load(compose([f"{group}={name}", *given], CONF))
    assert composed[group]["choice"] == name
    assert composed["overrides"] == given


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["suite=smoke", "trends.start=[0.1,0.5]", "trends.regressor=log_step"],
        ["corpus=text", "corpus.path='/a folder/it\\'s.txt'"],
        ["~suite.models.opt-0_2m", "suite.training.seed=7"],
        [f"+suite.models={{opt-1m: {MODEL}}}"],
        ["+corpus.domains.mine=[numpy]"],
    ],
)
def test_a_composition_is_what_dvc_writes_and_passes_the_check(overrides: list[str], params: Path) -> None:
    params.write_text(compose(overrides, CONF), encoding="utf-8")
    by_dvc = params.with_name("by_dvc.yaml")
    compose_and_dump(by_dvc, str(CONF), None, "config", str(REPOSITORY), overrides)
    assert params.read_bytes() == by_dvc.read_bytes()
    check(CONF, params)


def test_what_was_overridden_is_recorded() -> None:
    composed = yaml.safe_load(compose(["suite=smoke", "trends.significance=0.01"], CONF))
    assert composed["overrides"] == ["trends.significance=0.01"]


def test_a_hand_edit_is_refused_with_the_command_to_run(folder: Path, params: Path) -> None:
    params.write_text(compose(["suite=smoke", "trends.regressor=step"], folder))
    edit(params, "significance: 0.05", "significance: 0.2")
    with pytest.raises(ConfigurationError) as refused:
        check(folder, params)
    assert f"trends.significance: {folder}/ gives 0.05, {params} has 0.2" in str(refused.value)
    assert "`python -m trajectories.compose suite=smoke trends.regressor=step`" in str(refused.value)
    assert "to keep what" in str(refused.value)
    assert "add trends.significance=0.2" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("trends/paper.yaml", "significance: 0.05", "significance: 0.2"), r"trends\.significance"),
        (("suite/pocket.yaml", "opt-0_4m:", "opt-0_5m:"), r"suite\.models\.opt-0_5m"),
        (("config.yaml", "- corpus: docstrings", "- corpus: docstrings\n  - absent: one"), "absent/one"),
    ],
)
def test_a_changed_conf_is_refused(
    change: tuple[str, str, str], named: str, folder: Path, params: Path
) -> None:
    params.write_text(compose([], folder))
    file, old, new = change
    edit(folder / file, old, new)
    with pytest.raises(ConfigurationError, match=named):
        check(folder, params)


def test_a_changed_choice_that_was_not_chosen_and_a_comment_pass(folder: Path, params: Path) -> None:
    params.write_text(compose([], folder))
    edit(folder / "trends/theil_sen.yaml", "significance: 0.05", "significance: 0.2")
    edit(folder / "trends/paper.yaml", "choice: paper", "choice: paper  # a comment")
    check(folder, params)


def test_a_choice_that_is_gone_is_refused(folder: Path, params: Path) -> None:
    params.write_text(compose(["trends=theil_sen"], folder))
    (folder / "trends/theil_sen.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"Could not find 'trends/theil_sen'.*paper.*run `python -m"):
        check(folder, params)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("suite=huge", r"Could not find 'suite/huge' Available options in 'suite': .*pocket .*smoke"),
        (
            "trends.nonsense=1",
            r"Could not override 'trends\.nonsense': Key 'nonsense' not in 'TrendSettings'",
        ),
        ("+trends.nonsense=1", r"trends\.nonsense: Key 'nonsense' not in 'TrendSettings'"),
        ("trends.significance=abc", r"trends\.significance=abc: .*'abc' .* could not be converted to Float"),
        ("trends.regressor=time", r"Invalid value 'time', expected one of \[index, .*flops\]"),
        ("trends.start=[0.1", r"'trends\.start=\[0\.1' is no override"),
        ("corpus=text", r"^corpus\.path has no value; give one with corpus\.path=VALUE$"),
        ("+suite.models={opt-1m: {width: 1}}", r"suite\.models\.opt-1m\.\w+ has no value"),
    ],
)
def test_bad_overrides_are_named(override: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        compose([override], CONF)
    assert "\n" not in str(refused.value)
    assert "+trends.nonsense=1:" not in str(refused.value)


def test_a_missing_conf_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"config\.yaml is missing; run this in the root"):
        compose([], tmp_path)


def test_the_command_writes_params_and_tells_what_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    command.main([])
    command.main(["trends.significance=0.01"])
    command.main(["--check"])
    written = capsys.readouterr().out
    assert "  trends.significance: 0.05 → 0.01" in written
    assert load()["trends"]["significance"] == 0.01
    command.main(["trends.significance=0.01"])
    assert "up to date" in capsys.readouterr().out


def test_the_command_leaves_params_as_they_were_on_bad_input(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    command.main([])
    before = Path("params.yaml").read_bytes()
    with pytest.raises(SystemExit, match="1"):
        command.main(["suite=huge"])
    assert "error: In 'config': Could not find 'suite/huge'" in capsys.readouterr().err
    assert Path("params.yaml").read_bytes() == before
    Path("params.yaml").write_text("suite: smoke: broken")
    with pytest.raises(SystemExit, match="1"):
        command.main(["--check"])
    assert "params.yaml is not YAML" in capsys.readouterr().err
    command.main([])
    assert Path("params.yaml").read_bytes() == before
