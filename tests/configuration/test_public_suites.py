"""The suites of published checkpoints, as conf/suite describes them, and a user's own."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from clone import REPOSITORY
from trajectories.checkpoints.revisions import RevisionPattern, expand_steps
from trajectories.config import ConfigurationError
from trajectories.config.composition import compose

CONF = REPOSITORY / "conf"
PUBLISHED = ("gpt_neo", "olmo", "olmo2", "opt", "polypythias", "pythia", "pythia_deduped")
PYTHIA = ("polypythias", "pythia", "pythia_deduped")


@cache
def suite(*overrides: str) -> dict:
    return yaml.safe_load(compose(overrides, CONF))["suite"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_suite_names_repositories_and_trains_nothing(name: str) -> None:
    found = suite(f"suite={name}")
    assert found["models"] == {}
    assert found["family"] in found["families"]
    for key, model in found["fetched"].items():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", model["repository"]), key
        assert model["family"] == found["family"]
        assert model["label"]
        assert model["tokens_per_step"]
        assert "." not in key


@pytest.mark.parametrize("name", PYTHIA)
def test_pythia_has_154_checkpoints_and_a_short_list_of_21(name: str) -> None:
    for model in suite(f"suite={name}")["fetched"].values():
        every, short = expand_steps(model["all"].split()), expand_steps(model["short"].split())
        assert len(every) == 154
        assert every[:5] + every[-1:] == [0, 1, 2, 4, 8, 143000]
        assert len(short) == 21
        assert set(short) < set(every)
        assert RevisionPattern(model["revision"]).parse("step143000") == (143000, None)


def test_pythia_has_ten_sizes_and_its_seeds_five_with_ten_each() -> None:
    assert len(suite("suite=pythia")["fetched"]) == len(suite("suite=pythia_deduped")["fetched"]) == 10
    models = suite("suite=polypythias")["fetched"].values()
    seeds: dict[str, list[int]] = {}
    for model in models:
        seeds.setdefault(model["label"], []).append(model["seed"])
    assert seeds == {label: list(range(10)) for label in ("14M", "31M", "70M", "160M", "410M")}
    assert len({model["repository"] for model in models}) == 50


@pytest.mark.parametrize(
    ("name", "model", "revision", "step", "tokens"),
    [
        ("olmo2", "olmo2-1b", "stage1-step1907359-tokens4001B", 1907359, 4001e9),
        ("olmo2", "olmo2-7b", "stage1-step928646-tokens3896B", 928646, 3896e9),
        ("olmo2", "olmo2-13b", "stage1-step596057-tokens5001B", 596057, 5001e9),
        ("olmo2", "olmo2-32b", "stage1-step721901-tokens6056B", 721901, 6056e9),
        ("olmo", "olmo-1b", "step20000-tokens84B", 20000, 84e9),
        ("olmo", "olmo-7b", "step556000-tokens2460B", 556000, 2460e9),
    ],
)
def test_published_names_of_revisions_tell_step_and_tokens(
    name: str, model: str, revision: str, step: int, tokens: float
) -> None:
    described = suite(f"suite={name}")["fetched"][model]
    assert RevisionPattern(described["revision"]).parse(revision) == (step, tokens)
    # The batch that the suite states gives the tokens that the name tells, to its last digit.
    assert abs(step * described["tokens_per_step"] - tokens) <= 1e9


def test_the_second_stage_of_olmo_2_is_another_training_run() -> None:
    pattern = RevisionPattern(suite("suite=olmo2")["fetched"]["olmo2-1b"]["revision"])
    assert pattern.parse("stage2-ingredient1-step23852-tokens51B") is None
    assert pattern.parse("main") is None


# Xia et al. (2023), Table 2: number of checkpoints, the first and the last.
TABLE_2 = {
    "opt-125m": (36, 2000, 560000),
    "opt-1_3b": (22, 2000, 260000),
    "opt-6_7b": (21, 2000, 140000),
    "opt-13b": (18, 2000, 70000),
    "opt-30b": (18, 2000, 70000),
}


def test_opt_has_the_checkpoints_of_table_2_and_the_final_one() -> None:
    models = suite("suite=opt")["fetched"]
    assert set(models) == set(TABLE_2)
    for name, (number, first, last) in TABLE_2.items():
        steps = expand_steps(models[name]["all"].split())
        assert (len(steps[:-1]), steps[0], steps[-2]) == (number, first, last)
        assert steps[-1] == models[name]["last_step"] == int(models[name]["short"])
        assert steps[-1] * models[name]["tokens_per_step"] == 300e9
    assert 180000 not in expand_steps(models["opt-125m"]["all"].split())  # lost, as the paper says


def test_the_size_that_is_not_on_the_hub_can_be_added() -> None:
    text = (CONF / "suite/opt.yaml").read_text(encoding="utf-8").replace("\n# ", " ")
    (override,) = re.findall(r"'(\+suite\.fetched=.*?)'", text)
    added = suite("suite=opt", override.replace("<folder>", "/data/opt"))["fetched"]["opt-175b"]
    assert added["folder"] == "/data/opt/opt-175b"
    assert added["family"] == "opt"


def test_a_local_run_needs_its_folder_and_a_tokenizer() -> None:
    with pytest.raises(ConfigurationError, match=r"suite\.families\.local\.tokenizer has no value"):
        compose(["suite=local", "suite.fetched.local.folder=/data/run"], CONF)
    with pytest.raises(ConfigurationError, match=r"suite\.fetched\.local\.folder has no value"):
        compose(["suite=local", "suite.families.local.tokenizer=/data/run"], CONF)


def documented() -> str:
    text = (REPOSITORY / "docs/suites.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    return str(example)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """conf/ with the documented suite in it."""
    for path in CONF.rglob("*.yaml"):
        target = tmp_path / path.relative_to(CONF)
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8"))
    (tmp_path / "suite/mine.yaml").write_text(documented())
    return tmp_path


def test_the_documented_suite_of_a_user_is_15_lines_and_composes(own: Path) -> None:
    assert len(documented().splitlines()) == 15
    found = yaml.safe_load(compose(["suite=mine"], own))["suite"]
    assert set(found["fetched"]) == {"mine-small", "mine-large"}
    for model in found["fetched"].values():
        assert expand_steps(model["short"].split())[:3] == [1000, 10000, 20000]
        assert model["revision"] == "step-{step}"
        assert model["tokens_per_step"] == 524288


@pytest.mark.parametrize(
    ("line", "changed", "named"),
    [
        ("repository: me/small", "repo: me/small", r"Key 'repo' not in 'FetchedSettings'"),
        ("  tokens_per_step: 524288", "  tokens_per_stp: 524288", r"'tokens_per_stp' not in 'FetchSettings'"),
        ("context: 1024", "contxt: 1024", r"'contxt' not in 'SuiteSettings'"),
        ("first_token: eos", "first_token: start", r"first_token.*start|start.*auto, bos, eos, none"),
        ("tokens_per_step: 524288", "tokens_per_step: many", r"tokens_per_step.*'many'|'many'.*Integer"),
    ],
)
def test_a_suite_with_an_unknown_key_or_value_is_refused_by_name(
    own: Path, line: str, changed: str, named: str
) -> None:
    path = own / "suite/mine.yaml"
    assert line in path.read_text()
    path.write_text(path.read_text().replace(line, changed, 1))
    with pytest.raises(ConfigurationError, match=named):
        compose(["suite=mine"], own)
