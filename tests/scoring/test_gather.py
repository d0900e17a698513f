import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from trajectories import arrays
from trajectories.scoring.gather import (
    gather_scores,
    refuse_strangers,
    summarise_validation,
    validation_curves,
    validation_perplexity,
)

TOKENS = 12


def make_scores(model: str, parameters: int, steps: list[int], *, seed: int = 0) -> xr.Dataset:
    """What scoring one model leaves; all models are scored on the same tokens."""
    random = np.random.default_rng([seed, parameters])
    values = -random.exponential(size=(len(steps), TOKENS)).astype(np.float32)
    means = -random.exponential(size=(len(steps), 2))
    return xr.Dataset(
        {
            "log_likelihood": (("checkpoint", "token"), values),
            "validation_log_likelihood": (("checkpoint", "validation_domain"), means),
            "validation_tokens": ("validation_domain", [10, 30]),
        },
        coords={
            "checkpoint": steps,
            "tokens_seen": ("checkpoint", np.multiply(steps, 100.0)),
            "flops": ("checkpoint", np.multiply(steps, 100.0 * parameters)),
            "training_fraction": ("checkpoint", np.divide(steps, max(steps, default=1))),
            "validation_domain": ["algebra", "tables"],
            "document": ("token", [f"document-{number // 4}" for number in range(TOKENS)]),
            "position": ("token", np.arange(TOKENS) % 4 + 1),
            "token_id": ("token", np.arange(TOKENS, dtype=np.int32)),
            "token_text": ("token", [f"w{number}" for number in range(TOKENS)]),
            "domain": ("token", ["algebra"] * TOKENS),
            "training_frequency": ("token", np.arange(TOKENS)),
            "model": model,
            "label": f"{parameters}K",
            "family": "opt",
            "parameters": parameters,
            "seed": float(seed) if seed else np.nan,
        },
        attrs={"skipped_checkpoints": "[]", "precision": "float32"},
    )


@pytest.fixture
def three() -> dict[str, xr.Dataset]:
    """Models trained for different numbers of steps; the middle one has lost a checkpoint."""
    return {
        "b-large": make_scores("b-large", 900, [2, 4, 8, 16]),
        "a-small": make_scores("a-small", 10, [2, 4, 8]),
        "c-middle": make_scores("c-middle", 70, [2, 8, 16]),
    }


def test_models_stand_by_size_on_the_union_of_their_steps(three: dict[str, xr.Dataset]) -> None:
    gathered = gather_scores(three)
    assert gathered["log_likelihood"].dims == ("model", "checkpoint", "token")
    assert gathered["log_likelihood"].dtype == np.float32
    assert gathered["model"].values.tolist() == ["a-small", "c-middle", "b-large"]
    assert gathered["parameters"].values.tolist() == [10, 70, 900]
    assert gathered["label"].values.tolist() == ["10K", "70K", "900K"]
    assert gathered["checkpoint"].values.tolist() == [2, 4, 8, 16]
    for name, scores in three.items():
        for step in (2, 4, 8, 16):
            row = gathered.sel(model=name, checkpoint=step)
            if step in scores["checkpoint"]:
                own = scores.sel(checkpoint=step)
                np.testing.assert_array_equal(row["log_likelihood"], own["log_likelihood"])
                assert float(row["flops"]) == float(own["flops"])
            else:
                assert row["log_likelihood"].isnull().all()
                for axis in ("tokens_seen", "flops", "training_fraction", "validation_perplexity"):
                    assert row[axis].isnull()
                assert row["domain_perplexity"].isnull().all()


def test_coordinates_are_coordinates(three: dict[str, xr.Dataset]) -> None:
    gathered = gather_scores(three)
    assert list(gathered.data_vars) == ["log_likelihood"]
    assert gathered["validation_perplexity"].dims == ("model", "checkpoint")
    labelled = arrays.label(gathered)
    assert labelled["validation_perplexity"].attrs["long_name"] == "validation perplexity"
    assert labelled["domain_perplexity"].attrs["units"] == "1"
    assert gathered["domain_perplexity"].dims == ("model", "checkpoint", "validation_domain")
    assert gathered["family"].dims == ("model",)
    assert gathered["token_text"].dims == ("token",)


def test_neither_the_order_of_models_nor_of_steps_matters(
    three: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    shuffled = {name: three[name].isel(checkpoint=slice(None, None, -1)) for name in reversed(three)}
    arrays.write(gather_scores(three), tmp_path / "one.nc")
    arrays.write(gather_scores(shuffled), tmp_path / "other.nc")
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "other.nc").read_bytes()


def test_what_was_gathered_comes_back_from_disk(three: dict[str, xr.Dataset], tmp_path: Path) -> None:
    gathered = gather_scores(three)
    arrays.write(gathered, tmp_path / "tokens.nc")
    xr.testing.assert_equal(arrays.read(tmp_path / "tokens.nc"), gathered)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-8, 0), st.integers(1, 1000)), min_size=1, max_size=5))
def test_validation_perplexity_is_that_of_all_tokens_together(domains: list[tuple[float, int]]) -> None:
    means, counts = zip(*domains, strict=True)
    scores = xr.Dataset(
        {
            "validation_log_likelihood": ("validation_domain", list(means)),
            "validation_tokens": ("validation_domain", list(counts)),
        }
    )
    every_token = np.repeat(means, counts)
    assert float(validation_perplexity(scores)) == pytest.approx(np.exp(-every_token.mean()), rel=1e-9)


def test_perplexity_of_a_domain_is_its_own(three: dict[str, xr.Dataset]) -> None:
    gathered = gather_scores(three).sel(model="a-small", checkpoint=8, validation_domain="tables")
    mean = three["a-small"]["validation_log_likelihood"].sel(checkpoint=8, validation_domain="tables")
    assert float(gathered["domain_perplexity"]) == pytest.approx(float(np.exp(-mean)))


def test_a_skipped_checkpoint_is_nan_and_named(three: dict[str, xr.Dataset]) -> None:
    lost = three["c-middle"]
    lost["log_likelihood"].loc[{"checkpoint": 8}] = np.nan
    lost["validation_log_likelihood"].loc[{"checkpoint": 8}] = np.nan
    lost.attrs["skipped_checkpoints"] = "[8]"
    gathered = gather_scores(three)
    row = gathered.sel(model="c-middle", checkpoint=8)
    assert row["log_likelihood"].isnull().all()
    assert row["validation_perplexity"].isnull()
    assert float(row["tokens_seen"]) == 800
    assert json.loads(gathered.attrs["skipped_checkpoints"]) == {"c-middle": [8]}
    assert (validation_curves(gathered)["model"] == "c-middle").sum() == 2


def test_one_model_alone_can_be_gathered() -> None:
    gathered = gather_scores({"only": make_scores("only", 10, [32])})
    assert dict(gathered["log_likelihood"].sizes) == {"model": 1, "checkpoint": 1, "token": TOKENS}


def test_seeds_tell_runs_of_one_size_apart() -> None:
    runs = {f"run-{seed}": make_scores("run", 10, [2, 4], seed=seed) for seed in (3, 0)}
    gathered = gather_scores(runs)
    assert gathered["seed"].dims == ("model",)
    np.testing.assert_array_equal(gathered["seed"], [np.nan, 3])
    assert arrays.label(gathered)["seed"].attrs["long_name"] == "seed of the training run"


def test_what_each_model_was_scored_in_is_kept(three: dict[str, xr.Dataset]) -> None:
    difference = json.dumps({"mean": 0.002, "largest": 0.1, "windows": 8})
    three["a-small"].attrs |= {"precision": "bfloat16", "precision_difference": difference}
    attributes = gather_scores(three).attrs
    assert json.loads(attributes["precision"]) == {
        "a-small": "bfloat16",
        "c-middle": "float32",
        "b-large": "float32",
    }
    assert json.loads(attributes["precision_difference"]) == {"a-small": json.loads(difference)}
    del three["a-small"].attrs["precision_difference"]
    assert "precision_difference" not in gather_scores(three).attrs


def test_no_models_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one model, got none"):
        gather_scores({})


def test_a_model_without_checkpoints_is_refused_by_name(three: dict[str, xr.Dataset]) -> None:
    with pytest.raises(ValueError, match="a-small has no scored checkpoint"):
        gather_scores({**three, "a-small": three["a-small"].isel(checkpoint=[])})


def test_two_checkpoints_of_one_step_are_refused_by_name(three: dict[str, xr.Dataset]) -> None:
    doubled = three["b-large"].isel(checkpoint=[0, 1, 1, 3])
    with pytest.raises(ValueError, match="b-large has more than one checkpoint of step 4"):
        gather_scores({**three, "b-large": doubled})


def test_models_scored_on_other_text_are_refused_with_the_difference(three: dict[str, xr.Dataset]) -> None:
    ids = three["b-large"]["token_id"].copy()
    ids[7] = 99
    other = three["b-large"].assign_coords(token_id=ids)
    message = r"b-large was scored on other text than a-small: 'token_id' is 99 at 7 where a-small has 7"
    with pytest.raises(ValueError, match=message):
        gather_scores({**three, "b-large": other})


def test_models_scored_on_fewer_tokens_are_refused_with_both_numbers(three: dict[str, xr.Dataset]) -> None:
    with pytest.raises(ValueError, match="b-large has 11 values of 'token' where a-small has 12"):
        gather_scores({**three, "b-large": three["b-large"].isel(token=slice(11))})


def test_the_summary_is_that_of_the_last_checkpoint(three: dict[str, xr.Dataset]) -> None:
    backwards = {name: scores.isel(checkpoint=slice(None, None, -1)) for name, scores in three.items()}
    summary = summarise_validation(backwards)
    assert list(summary) == ["a-small", "b-large", "c-middle"]
    last = three["b-large"].sel(checkpoint=16)
    expected = np.exp(-(last["validation_log_likelihood"].values @ [0.25, 0.75]))
    assert summary["b-large"] == {
        "validation_perplexity": pytest.approx(expected, rel=1e-5),
        "parameters": 900,
        "tokens": 1600,
        "flops": 1.44e6,
    }


def test_the_summary_of_a_skipped_checkpoint_is_null_in_json(three: dict[str, xr.Dataset]) -> None:
    three["a-small"]["validation_log_likelihood"].loc[{"checkpoint": 8}] = np.nan
    summary = summarise_validation(three)
    assert json.loads(json.dumps(summary, allow_nan=False))["a-small"]["validation_perplexity"] is None


def test_curves_have_one_row_per_checkpoint_that_a_model_has(three: dict[str, xr.Dataset]) -> None:
    gathered = gather_scores(three)
    curves = validation_curves(gathered)
    assert list(curves) == ["model", "checkpoint", "tokens_seen", "flops", "validation_perplexity"]
    assert curves.groupby("model").size().to_dict() == {"a-small": 3, "b-large": 4, "c-middle": 3}
    row = curves.set_index(["model", "checkpoint"]).loc[("c-middle", 16)]
    assert row["flops"] == float(gathered["flops"].sel(model="c-middle", checkpoint=16))
    assert isinstance(curves, pd.DataFrame)


def test_compute_that_is_not_known_is_null_and_leaves_the_curve(three: dict[str, xr.Dataset]) -> None:
    unknown = {
        "tokens_seen": three["a-small"]["tokens_seen"] * np.nan,
        "flops": three["a-small"]["flops"] * np.nan,
    }
    three["a-small"] = three["a-small"].assign_coords(unknown)
    summary = json.loads(json.dumps(summarise_validation(three), allow_nan=False))["a-small"]
    assert (summary["tokens"], summary["flops"]) == (None, None)
    assert validation_curves(gather_scores(three)).groupby("model").size()["a-small"] == 3


def test_scores_of_a_model_that_left_the_suite_are_named_with_the_command(tmp_path: Path) -> None:
    for name in ("opt-1", "opt-2", "gone"):
        (tmp_path / f"{name}.nc").touch()
    refuse_strangers(tmp_path, {"opt-1": {}, "opt-2": {}, "gone": {}})
    with pytest.raises(ValueError, match=r"gone\.nc: scores of a model .*opt-1, opt-2.* `rm .*gone\.nc`"):
        refuse_strangers(tmp_path, ["opt-1", "opt-2"])
