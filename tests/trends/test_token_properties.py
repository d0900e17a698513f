import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trajectories.trends import CATEGORIES, fit_trends, property_table, token_perplexity
from trajectories.trends.contrasts import contrast_shares, contrast_values
from trajectories.trends.properties import TEXT_PROPERTIES


@pytest.fixture
def trends(make_scores):
    perplexity = token_perplexity(make_scores(documents=40))
    perplexity[0, 2:, :9] = np.nan
    return fit_trends(perplexity, start=(0.1, 0.3))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" the", {"word-initial", "lower case"}),
        ("ing", {"continuation", "lower case"}),
        (" Hello", {"word-initial", "title case"}),
        ("A", {"continuation", "title case"}),
        (" API", {"word-initial", "upper case"}),
        (" 12", {"digits"}),
        ("x2", {"continuation", "digits", "lower case"}),
        (").", {"punctuation"}),
        (" ==", {"punctuation"}),
        ("    ", {"white space"}),
        ("\n", {"white space", "line break"}),
        ("\ufffd", {"part of a character"}),
        ("", set()),
    ],
)
def test_properties_of_a_text(text, expected):
    assert {name for name, has in TEXT_PROPERTIES.items() if has(text)} == expected


def test_shares_agree_with_a_contingency_table():
    rng = np.random.default_rng(0)
    groups, properties = rng.random((3, 200)) < 0.3, rng.random((4, 200)) < 0.2
    inside, outside, effect, odds, p_value = contrast_shares(groups, properties)
    for g, group in enumerate(groups):
        for p, has in enumerate(properties):
            table = np.array(
                [[(has & group).sum(), (~has & group).sum()], [(has & ~group).sum(), (~has & ~group).sum()]]
            )
            np.testing.assert_allclose([inside[g, p], outside[g, p]], [has[group].mean(), has[~group].mean()])
            np.testing.assert_allclose(p_value[g, p], stats.chi2_contingency(table, correction=False).pvalue)
            np.testing.assert_allclose(
                odds[g, p], stats.contingency.odds_ratio(table, kind="sample").statistic, rtol=0.1
            )
            assert np.sign(effect[g, p]) == np.sign(inside[g, p] - outside[g, p])


@given(st.integers(0, 10_000))
def test_the_effect_changes_sign_when_inside_and_outside_are_swapped(seed):
    rng = np.random.default_rng(seed)
    group, has, value = (
        rng.random((1, 30)) < 0.5,
        rng.random((2, 30)) < 0.4,
        rng.integers(0, 5, 30).astype(float),
    )
    one, other = contrast_shares(group, has), contrast_shares(~group, has)
    np.testing.assert_allclose(other[2], -one[2], atol=1e-12)
    np.testing.assert_allclose(other[3], 1 / one[3])
    np.testing.assert_allclose(other[4], one[4], atol=1e-9)
    one, other = contrast_values(group, value), contrast_values(~group, value)
    np.testing.assert_allclose(other[2], -one[2], atol=1e-12)
    np.testing.assert_allclose(other[4], one[4], atol=1e-12)


def test_values_agree_with_the_mann_whitney_test():
    rng = np.random.default_rng(1)
    groups, values = rng.random((4, 150)) < 0.3, rng.integers(0, 12, 150).astype(float)
    values[:5] = np.nan
    inside, outside, effect, _, p_value = contrast_values(groups, values)
    known = np.isfinite(values)
    for g, group in enumerate(groups):
        a, b = values[known & group], values[known & ~group]
        expected = stats.mannwhitneyu(a, b, method="asymptotic")
        np.testing.assert_allclose(p_value[g], expected.pvalue, rtol=1e-9)
        np.testing.assert_allclose(effect[g], 2 * expected.statistic / (len(a) * len(b)) - 1)
        np.testing.assert_allclose([inside[g], outside[g]], [np.median(a), np.median(b)])


def test_a_group_without_a_counterpart_has_no_contrast():
    groups = np.array([[False] * 6, [True] * 6])
    assert np.isnan(contrast_shares(groups, np.arange(12).reshape(2, 6) % 2 == 0)).all()
    assert np.isnan(contrast_values(groups, np.arange(6.0))).all()


def test_the_table_compares_each_category_with_all_other_tokens_that_have_a_trend(trends):
    table = property_table(trends, start=0.3)
    assert table["p_value"].dims == ("model", "trend", "property")
    codes = trends["trend"].sel(start=0.3, model="model-0").values
    upward, rest = codes == 1, np.isfinite(codes) & (codes != 1)
    row = table.sel(model="model-0", trend="upward")
    opens_word = np.isin(trends["token_text"].values, [" the", " Hello"])
    found = row.sel(property="word-initial")
    np.testing.assert_allclose(found["inside"], opens_word[upward].mean())
    np.testing.assert_allclose(found["outside"], opens_word[rest].mean())
    in_algebra = row.sel(property="domain: algebra")
    np.testing.assert_allclose(in_algebra["inside"], (trends["domain"].values == "algebra")[upward].mean())
    position = row.sel(property="position in the window")
    assert position["kind"] == "value"
    np.testing.assert_allclose(position["inside"], np.median(trends["position"].values[upward]))


def test_p_values_are_corrected_over_the_whole_table(trends):
    table = property_table(trends)
    known = np.isfinite(table["p_value"].values)
    expected = stats.false_discovery_control(table["p_value"].values[known])
    np.testing.assert_allclose(table["p_corrected"].values[known], expected)
    assert table["trend"].values.tolist() == list(CATEGORIES)


def test_the_table_does_not_depend_on_the_order_of_dimensions(trends):
    xr.testing.assert_identical(
        property_table(trends.transpose("token", "model", "start")), property_table(trends)
    )


def test_a_missing_coordinate_is_named(trends):
    with pytest.raises(ValueError, match="missing: token_text, domain"):
        property_table(trends.drop_vars(["token_text", "domain"]))
