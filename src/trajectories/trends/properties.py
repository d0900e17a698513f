"""Which tokens are in which category: trends by token properties, with effect sizes (appendix B.3)."""

import unicodedata
from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.trends.categories import CATEGORIES
from trajectories.trends.contrasts import contrast_shares, contrast_values
from trajectories.trends.series import corrected
from trajectories.trends.subsets import start_position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MEASURES = ("inside", "outside", "effect", "odds_ratio", "p_value")
UNDECODED = "\ufffd"  # stands for bytes that are only a part of a character
NEEDED = ("position", "token_text", "domain", "training_frequency")


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalpha())


def _is_punctuation(text: str) -> bool:
    """Only punctuation and symbols (Unicode categories P and S), besides white space."""
    marks = text.strip()
    return (
        bool(marks)
        and UNDECODED not in marks
        and all(unicodedata.category(mark)[0] in "PS" for mark in marks)
    )


TEXT_PROPERTIES: dict[str, Callable[[str], bool]] = {
    "word-initial": lambda text: text[:1].isspace() and text.strip()[:1].isalpha(),
    "continuation": lambda text: text[:1].isalpha(),
    "punctuation": _is_punctuation,
    "digits": lambda text: any(character.isdigit() for character in text),
    "white space": str.isspace,
    "line break": lambda text: "\n" in text,
    "part of a character": lambda text: UNDECODED in text,
    "lower case": lambda text: _letters(text).islower(),
    "title case": lambda text: _letters(text)[:1].isupper() and not _letters(text)[1:].isupper(),
    "upper case": lambda text: len(_letters(text)) > 1 and _letters(text).isupper(),
}  # what the token's text alone tells: a word that opens a line counts as a continuation


def token_properties(tokens: xr.Dataset) -> tuple[dict[str, Flags], dict[str, Floats]]:
    """Properties of every token [token] by name: those it has or has not, and those with a value.

    Raises:
        ValueError: a coordinate over token is absent.
    """
    absent = [name for name in NEEDED if name not in tokens.coords]
    if absent:
        raise ValueError(
            f"token properties need {', '.join(NEEDED)} over token; missing: {', '.join(absent)}; "
            f"fit the trends of a dataset that has them"
        )
    texts, token = np.unique(tokens["token_text"].values.astype(str), return_inverse=True)
    flags = {
        name: np.array([has(str(text)) for text in texts], dtype=bool)[token]
        for name, has in TEXT_PROPERTIES.items()
    }
    domains = tokens["domain"].values.astype(str)
    flags |= {f"domain: {domain}": domains == domain for domain in np.unique(domains)}
    frequency = tokens["training_frequency"].values.astype(np.float64)
    values = {
        "position in the window": tokens["position"].values.astype(np.float64),
        "log10 (1 + training frequency)": np.log10(1 + frequency),
    }
    return flags, values


def property_table(trends: xr.Dataset, *, start: float = 0.1) -> xr.Dataset:
    """How the tokens of each category differ from all others of the model that have a trend.

    A property a token has or has not: `inside` and `outside` are its shares among the category's tokens and
    among the rest, `odds_ratio` compares them (half a token added to each of the four counts), `effect` is
    Cohen's h, `p_value` Pearson's chi-squared test. A property with a value: `inside` and `outside` are
    medians, `effect` is the rank-biserial correlation, `p_value` the Mann-Whitney test; tokens where it is
    NaN are left out. `p_corrected` is corrected over the whole table (Benjamini-Hochberg). NaN where a
    category is empty or holds every token, or where no token or every token has the property.

    The tests take tokens for independent, which those of one document are not: with many tokens, look at the
    effects before the p-values.

    Args:
        trends: what `fit_trends` returns, with the coordinates position, token_text, domain and
            training_frequency over token.
        start: one of its starts.

    Returns:
        Dataset over (model, trend, property) with the coordinate `kind` (share or value) over property.

    Raises:
        ValueError: a coordinate or the start is absent.
    """
    flags, values = token_properties(trends)
    codes = trends["trend"].isel(start=start_position(trends, start), drop=True).drop_attrs(deep=False)
    codes = codes if "model" in codes.dims else codes.expand_dims("model")
    found = xr.concat(
        [_of_model(model, flags, values) for model in codes.transpose("model", "token")], dim="model"
    )
    found = found.assign_coords(kind=("property", ["share"] * len(flags) + ["value"] * len(values)))
    found = found.assign_coords({name: of for name, of in codes.coords.items() if of.dims == ("model",)})
    p_values = found["p_value"]
    together = corrected(p_values.values.ravel(), "bh").reshape(p_values.shape)
    return found.assign(p_corrected=(p_values.dims, together)).assign_attrs(start=start)


def _of_model(codes: xr.DataArray, flags: dict[str, Flags], values: dict[str, Floats]) -> xr.Dataset:
    known = codes.notnull().values
    groups = codes.values[known] == np.arange(len(CATEGORIES))[:, None]  # [category, token]
    shared = contrast_shares(groups, np.stack([has[known] for has in flags.values()]))
    valued = np.stack([contrast_values(groups, value[known]) for value in values.values()], axis=2)
    table = np.concatenate([shared, valued], axis=2)  # [measure, category, property]
    return xr.Dataset(
        {name: (("trend", "property"), measure) for name, measure in zip(MEASURES, table, strict=True)},
        coords={"trend": list(CATEGORIES), "property": [*flags, *values]},
    )
