import numpy as np
import pytest

from trajectories.trends import fit_trends, token_perplexity


@pytest.fixture
def perplexity(make_scores):
    return token_perplexity(make_scores(checkpoints=10))


def test_too_few_checkpoints_after_the_start_name_model_start_and_number(perplexity):
    perplexity[1, 5:9] = np.nan
    with pytest.raises(ValueError, match=r"model-1 has 2 checkpoints from 0.5 of training on.*earlier start"):
        fit_trends(perplexity, start=[0.1, 0.5])


def test_a_model_without_any_checkpoint_is_named(perplexity):
    perplexity[0] = np.nan
    with pytest.raises(ValueError, match=r"model-0 has 0 checkpoints from 0\.1 of training on"):
        fit_trends(perplexity)


def test_duplicate_steps_are_named(perplexity):
    steps = perplexity["checkpoint"].values.copy()
    steps[4] = steps[3]
    with pytest.raises(ValueError, match="more than one checkpoint at step 200; keep one of each"):
        fit_trends(perplexity.assign_coords(checkpoint=steps))


@pytest.mark.parametrize("value", [0.0, -2.0, np.inf])
def test_a_perplexity_that_cannot_be_names_the_first_offender(perplexity, value):
    perplexity[1, 4, 7] = value
    perplexity[1, 6, 2] = value
    with pytest.raises(
        ValueError, match=rf"model-1 is {value} at checkpoint 250, token 7; it must be positive"
    ):
        fit_trends(perplexity)


@pytest.mark.parametrize("dimension", ["checkpoint", "token"])
def test_a_missing_dimension_is_named(perplexity, dimension):
    with pytest.raises(ValueError, match=f"missing: {dimension}"):
        fit_trends(perplexity.isel({dimension: 0}))


@pytest.mark.parametrize("coordinate", ["checkpoint", "training_fraction"])
def test_a_missing_coordinate_is_named(perplexity, coordinate):
    with pytest.raises(ValueError, match=rf"needs the coordinate '{coordinate}'.*assign_coords"):
        fit_trends(perplexity.drop_vars(coordinate))


def test_a_checkpoint_without_its_training_fraction_is_named(perplexity):
    perplexity["training_fraction"][0, 2] = np.nan
    with pytest.raises(ValueError, match="model-0 has scores at step 150 but no training_fraction"):
        fit_trends(perplexity)


def test_the_logarithm_of_step_0_is_refused_with_a_remedy(perplexity):
    from_0 = perplexity.assign_coords(checkpoint=np.arange(10))
    with pytest.raises(ValueError, match="step 0, which has no logarithm; start later"):
        fit_trends(from_0, regressor="log_step")
    fit_trends(from_0, regressor="log_step", start=0.3)


def test_a_regressor_without_its_coordinate_is_named(perplexity):
    with pytest.raises(ValueError, match="regressor flops needs the coordinate 'flops'"):
        fit_trends(perplexity.drop_vars("flops"), regressor="flops")


@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_a_regressor_that_does_not_increase_is_named(perplexity, value):
    perplexity["tokens_seen"][1, 6] = value
    with pytest.raises(ValueError, match=rf"tokens_seen of model model-1 must increase.*{value} at step 350"):
        fit_trends(perplexity, regressor="tokens_seen")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("regressor", "steps"), ("estimator", "lasso"), ("false_discovery", "bonferroni")],
)
def test_an_unknown_choice_lists_those_there_are(perplexity, setting, value):
    with pytest.raises(ValueError, match=f"there is no {setting} '{value}'; choose one of "):
        fit_trends(perplexity, **{setting: value})


@pytest.mark.parametrize("start", [[], [-0.1], [1.0], [0.1, 0.1], [np.nan]])
def test_starts_are_distinct_fractions(perplexity, start):
    with pytest.raises(ValueError, match="distinct fractions of training"):
        fit_trends(perplexity, start=start)


@pytest.mark.parametrize("setting", ["significance", "tolerance"])
@pytest.mark.parametrize("value", [0, 5, np.nan])
def test_levels_lie_between_0_and_1(perplexity, setting, value):
    with pytest.raises(ValueError, match=f"{setting} needs a number between 0 and 1"):
        fit_trends(perplexity, **{setting: value})
