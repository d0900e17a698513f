import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from made_up_options import STEPS, make_options, make_scores
from trajectories import arrays
from trajectories.downstream.gather import gather_options
from trajectories.scoring.gather import validation_perplexity

PER_TOKENIZER = ("tokens", "shots", "shots_dropped", "tokens_cut")
PER_OPTION = ("task", "subtask", "example", "text", "target_score", "is_correct", "characters", "bytes")


@pytest.fixture
def options() -> dict[str, xr.Dataset]:
    """Two sizes of one family with different checkpoints, and one of another family."""
    return {
        "neox-a": make_options("neox-a", 5, [8], family="neox"),
        "opt-b": make_options("opt-b", 70),
        "opt-a": make_options("opt-a", 10, [2, 16]),
    }


@pytest.fixture
def scores(options: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    return {name: make_scores(name) for name in options}


def test_every_likelihood_finds_its_place_and_the_rest_is_missing(
    options: dict[str, xr.Dataset], scores: dict[str, xr.Dataset]
) -> None:
    gathered = gather_options(options, scores, family="opt")
    assert gathered["model"].values.tolist() == ["opt-a", "opt-b", "neox-a"]
    assert gathered["checkpoint"].values.tolist() == STEPS
    for name in ("log_likelihood", "unconditional_log_likelihood"):
        assert gathered[name].dims == ("model", "checkpoint", "option")
        assert gathered[name].dtype == np.float32
        for model, own in options.items():
            for step in STEPS:
                found = gathered[name].sel(model=model, checkpoint=step)
                if step in own["checkpoint"]:
                    np.testing.assert_array_equal(found, own[name].sel(checkpoint=step))
                else:
                    assert found.isnull().all()


def test_each_tokenizer_keeps_its_counts_and_options_keep_their_labels(
    options: dict[str, xr.Dataset], scores: dict[str, xr.Dataset]
) -> None:
    gathered = gather_options(options, scores, family="opt")
    for model, own in options.items():
        for name in PER_TOKENIZER:
            assert gathered[name].dims == ("model", "option")
            assert gathered[name].dtype.kind == "i"
            np.testing.assert_array_equal(gathered[name].sel(model=model), own[name])
        for name in PER_OPTION:
            np.testing.assert_array_equal(gathered[name], own[name])
        for name in ("label", "family", "parameters"):
            assert gathered[name].sel(model=model).item() == own[name].item()


def test_checkpoints_keep_their_axes_and_get_their_validation_perplexity(
    options: dict[str, xr.Dataset], scores: dict[str, xr.Dataset]
) -> None:
    gathered = gather_options(options, scores, family="opt")
    for model, own in options.items():
        for step in own["checkpoint"].values:
            at_step = gathered.sel(model=model, checkpoint=step)
            expected = float(validation_perplexity(scores[model]).sel(checkpoint=step))
            assert float(at_step["validation_perplexity"]) == expected
            for name in ("tokens_seen", "flops", "training_fraction"):
                assert float(at_step[name]) == float(own[name].sel(checkpoint=step))
    assert np.isnan(gathered["validation_perplexity"].sel(model="opt-a", checkpoint=4))


def test_what_was_gathered_is_stored_and_says_what_was_skipped(
    options: dict[str, xr.Dataset], scores: dict[str, xr.Dataset], tmp_path: object
) -> None:
    options["opt-b"].attrs["skipped_checkpoints"] = "[4]"
    arrays.write(gather_options(options, scores, family="opt"), f"{tmp_path}/options.nc")
    gathered = arrays.read(f"{tmp_path}/options.nc")
    xr.testing.assert_equal(gathered, gather_options(options, scores, family="opt"))
    assert gathered.attrs["family"] == "opt"
    assert json.loads(gathered.attrs["skipped_checkpoints"]) == {"opt-b": [4]}
    assert json.loads(gathered.attrs["precision"])["neox-a"] == "float32"


def test_the_order_of_given_models_and_dimensions_changes_nothing(
    options: dict[str, xr.Dataset], scores: dict[str, xr.Dataset]
) -> None:
    turned = {name: each.transpose() for name, each in reversed(options.items())}
    xr.testing.assert_identical(
        gather_options(turned, scores, family="opt").transpose("model", "checkpoint", "option"),
        gather_options(options, scores, family="opt"),
    )


def test_models_whose_options_cannot_be_gathered_are_refused(
    options: dict[str, xr.Dataset], scores: dict[str, xr.Dataset]
) -> None:
    def refuse(message: str, family: str = "opt", **changes: xr.Dataset) -> None:
        with pytest.raises(ValueError, match=message):
            gather_options({**options, **changes}, scores, family=family)

    refuse("no model of family 'gpt2' has scored options of tasks; families that have: neox, opt", "gpt2")
    with pytest.raises(ValueError, match="families that have: none"):
        gather_options({}, scores, family="opt")
    refuse("opt-c has scored options and has no scores of held-out windows", **{"opt-c": options["opt-a"]})
    refuse("opt-b has no scored checkpoint", **{"opt-b": options["opt-b"].isel(checkpoint=[])})
    twice = options["opt-b"].isel(checkpoint=[0, 1, 1])
    refuse("opt-b has more than one checkpoint of step 4", **{"opt-b": twice})
    fewer = options["opt-b"].isel(option=slice(1, None))
    count = options["opt-b"].sizes["option"]
    refuse(f"opt-b has {count - 1} options where opt-a has {count}; score both", **{"opt-b": fewer})
    other = options["neox-a"].assign_coords(example=options["neox-a"]["example"] + 1)
    refuse(
        "neox-a was scored on other options than opt-a: 'example' of option 0 is 1 where opt-a has 0",
        **{"neox-a": other},
    )


def test_gathering_and_measuring_options_does_not_wait_for_torch() -> None:
    modules = ", ".join(f"trajectories.downstream.{name}" for name in ("gather", "summary"))
    script = f"import sys, {modules}\nprint('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"
