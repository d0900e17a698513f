import numpy as np
import pytest
import torch
from decoders import UNEQUAL, joint_distribution, make_pair, make_tokenizer, misfit
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tiny_models import opt
from trajectories.checkpoints import Checkpoint
from trajectories.generation.decoding import joint_decode
from trajectories.generation.interpolation import Interpolation, rounding_of
from trajectories.generation.sampling import NONE, drawn, most_probable, tempered, uniform_numbers

GRID = 4000  # uniform numbers that stand for all


def nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """One by one from the most probable, until the sum is reached; renormalised."""
    order = sorted(range(len(probabilities)), key=lambda token: (-probabilities[token], token))
    kept, total = np.zeros(len(probabilities)), 0.0
    for token in order:
        if total >= top_p * probabilities.sum() or probabilities[token] == 0:
            break
        kept[token] = probabilities[token]
        total += probabilities[token]
    return kept / kept.sum()


def frequencies(mass: np.ndarray, top_p: float) -> np.ndarray:
    """How often each token is drawn over numbers that lie evenly between 0 and 1."""
    uniform = torch.from_numpy((np.arange(GRID) + 0.5) / GRID)
    tokens = drawn(torch.from_numpy(mass).expand(GRID, -1).contiguous(), uniform, top_p=top_p)
    return np.bincount(tokens.numpy(), minlength=len(mass)) / GRID


# Few different values, so that many are equal, which is where orders differ.
masses = hnp.arrays(
    np.float32, st.integers(1, 30), elements=st.sampled_from([0, 0.125, 0.25, 0.5, 3.0])
).filter(np.any)


@given(masses, st.sampled_from([0.05, 0.3, 0.5, 0.9, 1.0]))
def test_tokens_are_drawn_as_often_as_their_probability_in_the_nucleus(
    mass: np.ndarray, top_p: float
) -> None:
    expected = nucleus(mass.astype(float), top_p)
    np.testing.assert_allclose(frequencies(mass, top_p), expected, atol=1.01 / GRID)


@given(masses, st.floats(0, 1, exclude_max=True))
def test_more_probable_tokens_are_drawn_by_smaller_numbers(mass: np.ndarray, number: float) -> None:
    order = sorted(range(len(mass)), key=lambda token: (-mass[token], token))
    up_to = np.cumsum(mass[order].astype(float))
    expected = order[int(np.flatnonzero(up_to > number * up_to[-1])[0])]
    found = drawn(torch.from_numpy(mass)[None], torch.tensor([number], dtype=torch.float64), top_p=1)
    assert found.item() == expected


def test_a_large_vocabulary_is_cut_where_the_sum_reaches_top_p() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.full(5000, 0.05)).astype(np.float32)
    expected = nucleus(probabilities.astype(float), 0.8)
    found = frequencies(probabilities, 0.8)
    assert found[expected == 0].sum() == 0
    np.testing.assert_allclose(found, expected, atol=2 / GRID)


def test_the_lowest_id_wins_among_equals() -> None:
    assert most_probable(torch.tensor([[0.0, 2.0, 1.0, 2.0]])).item() == 1


def test_where_nothing_is_positive_no_token_is_chosen() -> None:
    mass = torch.tensor([[0.0, -1.0], [float("nan")] * 2, [0.0, 1.0]])
    uniform = torch.full((3,), 0.5, dtype=torch.float64)
    assert most_probable(mass).tolist() == [NONE, NONE, 1]
    assert drawn(tempered(mass, 1), uniform, top_p=0.9).tolist() == [NONE, NONE, 1]


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1, 2])
def test_temperature_is_a_power_of_the_probabilities(temperature: float) -> None:
    mass = torch.tensor([[0.5, -0.25, 0.125, 0.0]])
    found = tempered(mass, temperature)[0].double()
    expected = mass[0].double().clamp_min(0) ** (1 / temperature)
    torch.testing.assert_close(found / found.sum(), expected / expected.sum(), rtol=1e-5, atol=1e-12)


def difference(one: torch.Tensor, other: torch.Tensor, number_format: torch.dtype) -> torch.Tensor:
    """p_s - p_l of a row of logits each, as the models' rule gives it."""
    rule = Interpolation([(1, -1)], len(one), rounding_of(number_format))
    row = torch.zeros(1, dtype=torch.long)
    return rule.mass([one[None], other[None]], [row, row], row)[0]


@pytest.mark.parametrize("scale", [0.1, 10, 300])
@pytest.mark.parametrize(
    ("number_format", "noise"), [(torch.float32, 1e-5), (torch.float16, 2**-6), (torch.bfloat16, 2**-3)]
)
def test_what_is_positive_by_rounding_alone_counts_as_nothing(
    number_format: torch.dtype, noise: float, scale: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(500, generator=generator)
    noisy = logits + noise * (torch.rand(500, generator=generator) - 0.5)
    assert not difference(logits, noisy, number_format).any()


@pytest.mark.parametrize("number_format", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("apart", [0.5, 8])
def test_where_models_differ_the_sum_is_left_as_it_is(number_format: torch.dtype, apart: float) -> None:
    generator = torch.Generator().manual_seed(1)
    one = torch.randn(500, generator=generator)
    other = one.clone()
    other[-1] -= apart  # one token alone; the others differ by what it leaves to them
    expected = one.softmax(-1) - other.softmax(-1)
    torch.testing.assert_close(difference(one, other, number_format), expected, rtol=0, atol=0)


def test_a_low_temperature_draws_what_greedy_takes() -> None:
    pair = make_pair()
    cold = joint_decode(*pair, UNEQUAL, method="sample", temperature=1e-3, max_new_tokens=6)
    assert cold == joint_decode(*pair, UNEQUAL, max_new_tokens=6)


def test_a_small_nucleus_draws_what_greedy_takes() -> None:
    pair = make_pair()
    narrow = joint_decode(*pair, UNEQUAL, method="nucleus", top_p=1e-6, max_new_tokens=6)
    assert narrow == joint_decode(*pair, UNEQUAL, max_new_tokens=6)


def test_a_nucleus_of_everything_is_sampling() -> None:
    pair = make_pair()
    whole = joint_decode(*pair, UNEQUAL, method="nucleus", top_p=1, max_new_tokens=6)
    assert whole == joint_decode(*pair, UNEQUAL, method="sample", max_new_tokens=6)


@pytest.mark.parametrize(("method", "temperature"), [("sample", 1.0), ("sample", 0.6), ("nucleus", 1.0)])
def test_over_seeds_texts_follow_equations_2_and_3(method: str, temperature: float) -> None:
    torch.manual_seed(3)
    tokenizer = make_tokenizer(9, end=None)
    pair = [Checkpoint(opt(vocab_size=9).eval(), tokenizer, "") for _ in range(2)]
    prompt, weights = [4, 5], (-0.5, 1)
    texts = [
        joint_decode(
            *pair,
            [prompt],
            weights=[weights],
            method=method,
            top_p=0.7,
            temperature=temperature,
            max_new_tokens=2,
            seed=seed,
        )[weights][0]
        for seed in range(150)
    ]

    def distribution(ids: list[int]) -> np.ndarray:
        powered = joint_distribution(pair, ids, weights).numpy() ** (1 / temperature)
        return nucleus(powered, 0.7 if method == "nucleus" else 1.0)

    first = distribution(prompt)
    both = np.stack([first[token] * distribution([*prompt, token]) for token in range(9)])
    counts = np.zeros((9, 9))
    for one, two in texts:
        counts[one, two] += 1
    assert not counts[both == 0].any()
    assert misfit(counts, both) < 0.99


def test_random_numbers_depend_on_the_seed_the_prompt_and_the_place_alone() -> None:
    prompts = [[1, 2], [12], [1, 2, 3]]
    numbers = uniform_numbers(prompts, 50, seed=4)
    assert ((numbers >= 0) & (numbers < 1)).all()
    np.testing.assert_array_equal(uniform_numbers(prompts[::-1], 20, seed=4), numbers[::-1, :20])
    assert len(np.unique([numbers, uniform_numbers(prompts, 50, seed=5)])) == 300


def test_random_numbers_are_uniform_and_independent_from_prompt_to_prompt() -> None:
    numbers = uniform_numbers([[number] for number in range(500)], 8, seed=0)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.05


def test_another_seed_gives_other_texts_and_the_same_seed_the_same() -> None:
    pair = make_pair()
    texts = [
        joint_decode(*pair, UNEQUAL, method="sample", max_new_tokens=6, seed=seed)[1, -1]
        for seed in (0, 0, 1)
    ]
    assert texts[0] == texts[1] != texts[2]
