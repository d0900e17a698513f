"""Generated texts as figures order and name them: by configuration, by method and by length."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from trajectories.generation.perplexity import generated_texts

METHODS = {"greedy": "Greedy search", "nucleus": "Nucleus sampling", "sample": "Sampling"}
FORMULA_SIZE = 9  # points; subscripts are smaller


def of_family(scores: xr.Dataset) -> xr.Dataset:
    """The models of the analysed family, whose two models generated the texts."""
    return scores.isel(model=np.flatnonzero(scores["family"].values == scores.attrs["family"]))


def in_order(values: xr.DataArray) -> xr.DataArray:
    """The configurations from p_s - p_l over p_s, p_s + p_l and p_l to p_l - p_s.

    That is by the angle of their weights, which gives every other pair of weights its place between these.
    """
    angle = np.arctan2(values["large_weight"].values, values["small_weight"].values)
    return values.isel(configuration=np.argsort(angle, kind="stable"))


def of_length(values: xr.DataArray, new_tokens: int) -> xr.DataArray:
    """The values of the texts of one length; ValueError, naming the lengths that there are, where none is."""
    lengths = values["new_tokens"].values.tolist()
    if new_tokens not in lengths:
        came = ", ".join(map(str, lengths))
        raise ValueError(f"there are no texts of {new_tokens} new tokens; choose one of the lengths {came}")
    return values.sel(new_tokens=new_tokens)


def texts_of_length(scores: xr.Dataset, new_tokens: int) -> str:
    """How long the generated texts are and how many there are in a set: '50 new tokens, 48 texts'.

    The number is a range where sets differ, or the models that judge one.
    """
    texts = generated_texts(scores)
    texts = texts.isel(sequence=np.flatnonzero(texts["new_tokens"] == new_tokens))
    judged = texts["tokens"].notnull().transpose("model", "sequence").values
    sets = np.array([texts["configuration"].values, texts["method"].values]).T
    _, codes = np.unique(sets, axis=0, return_inverse=True)
    return f"{new_tokens} new tokens, {number_of_texts(judged @ np.eye(codes.max(initial=0) + 1)[codes])}"


def number_of_texts(counts: np.ndarray) -> str:
    """Counts of sets in words, without those that are empty: '48 texts', '47 to 48 texts'."""
    known = counts[counts > 0].astype(int)
    low, high = known.min(initial=known.max(initial=0)), known.max(initial=0)
    return f"{high} {'text' if high == 1 else 'texts'}" if low == high else f"{low} to {high} texts"


def by_configuration(values: xr.DataArray, method: str) -> list[xr.DataArray]:
    """The values of one method, one array for each configuration."""
    of_method = values.sel({"method": method})  # as a keyword it would be the method of sel
    return [of_method.isel(configuration=index) for index in range(values.sizes["configuration"])]


def set_titles(panels: Sequence[Axes], values: xr.DataArray) -> None:
    """The configuration above each panel."""
    for panel, label in zip(panels, values["configuration"].values, strict=True):
        panel.set_title(configuration_name(str(label)), fontsize=FORMULA_SIZE)


def configuration_name(label: str) -> str:
    """A configuration's label with its formula typeset: 'p_s - p_l' gives '$p_s - p_l$'."""
    return f"${label}$" if "p_s" in label or "p_l" in label else label


def method_name(method: str) -> str:
    """How a way of decoding is called: 'greedy' gives 'Greedy search'."""
    return METHODS.get(method, method)


def decoding_models(dataset: xr.Dataset) -> tuple[str, str]:
    """The models that generated the texts, the small and the large one."""
    return str(dataset.attrs["small"]), str(dataset.attrs["large"])


def decoding_labels(dataset: xr.Dataset) -> str:
    """Which sizes generated the texts: '$p_s$: 0.2M, $p_l$: 4.3M'."""
    return ", ".join(f"$p_{size[0]}$: {dataset.attrs[f'{size}_label']}" for size in ("small", "large"))
