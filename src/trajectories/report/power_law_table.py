"""Tables of power laws of validation loss: constants of the joint fits, exponents of each size."""

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from trajectories.figures.ticks import hundredths
from trajectories.report.tabular import (
    ABSENT,
    csv_text,
    each,
    markdown_escaped,
    markdown_table,
    number,
    power,
)

FORM_NAMES = {
    "hoffmann": "Hoffmann et al. (2022): L = E + A / N^alpha + B / D^beta",
    "kaplan": "Kaplan et al. (2020): L = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D",
}
OF_SIZE = ("exponent", "exponent_low", "exponent_high", "scale", "irreducible_loss", "r_squared")
OF_JOINT = ("estimate", "low", "high")
NOTHING = 1e-9  # below every constant that means something
PLAIN_FROM, PLAIN_TO = 1e-2, 1e3  # beyond, numbers are written as powers of ten
LEGEND = """\
Validation loss L, the logarithm of perplexity in nats, of N parameters and D training tokens, fitted to
checkpoints from {start} % of training on; in brackets {confidence:.0f} % intervals over blocks of
neighbouring checkpoints. Checkpoints within a training have not seen the end of its learning-rate schedule,
so these are laws of trajectories, not of finished runs.
"""


def power_laws_csv(fits: Mapping[str, xr.Dataset]) -> str:
    """Every number of `fit_power_laws`, a row per suite, form and constant, joint ones first."""
    rows = [row for suite, fit in fits.items() for row in [*_joint_rows(suite, fit), *_size_rows(suite, fit)]]
    return csv_text(["suite", "form", "model", "constant", "estimate", "low", "high", "reason"], rows)


def power_laws_markdown(fits: Mapping[str, xr.Dataset]) -> str:
    """For reading: the joint constants of each form, then the exponents of compute of each size."""
    first = next(iter(fits.values()))
    legend = LEGEND.format(start=hundredths(first.attrs["start"]), confidence=100 * first.attrs["confidence"])
    parts = ["# Power laws of validation loss\n", legend]
    for suite, fit in fits.items():
        parts.append(f"## {markdown_escaped(suite)}\n\n{_joint_table(fit)}")
        parts.append(_size_table(fit))
    return "\n".join(parts)


def _joint_rows(suite: str, fit: xr.Dataset) -> Iterator[list[str]]:
    for form in each(fit, "form"):
        for constant in each(form, "parameter"):
            values = [float(constant[name]) for name in OF_JOINT]
            reason = str(form["joint_reason"].item())
            if np.isfinite(values[0]) or reason:
                labels = [suite, str(form["form"].item()), "", str(constant["parameter"].item())]
                yield [*labels, *map(number, values), reason]


def _size_rows(suite: str, fit: xr.Dataset) -> Iterator[list[str]]:
    for form in each(fit, "form"):
        for model in each(form, "model"):
            labels = [suite, str(form["form"].item()), str(model["model"].item())]
            reason = str(model["reason"].item())
            ends = [number(float(model[name])) for name in OF_SIZE[:3]]
            yield [*labels, "exponent", *ends, reason]
            for name in OF_SIZE[3:]:
                yield [*labels, name, number(float(model[name])), "", "", reason]


def _joint_table(fit: xr.Dataset) -> str:
    rows = []
    for form in each(fit, "form"):
        reason = str(form["joint_reason"].item())
        known = [constant for constant in each(form, "parameter") if np.isfinite(float(constant["estimate"]))]
        cells = [
            f"{constant['parameter'].item()} = {_shown(float(constant['estimate']))} "
            f"({_shown(float(constant['low']))} to {_shown(float(constant['high']))})"
            for constant in known
        ]
        explained = _shown(float(form["joint_r_squared"]))
        name = FORM_NAMES[str(form["form"].item())]
        rows.append(
            [markdown_escaped(name), markdown_escaped("; ".join(cells) or reason or ABSENT), explained]
        )
    return markdown_table(["joint fit", "constants", "R² of log L"], rows, right=[2])


def _size_table(fit: xr.Dataset) -> str:
    header = ["model", "checkpoints", "alpha\\_C (Kaplan)", "R²", "beta (Hoffmann)", "E [nats]", "R²"]
    return markdown_table(
        header, [_size_row(model) for model in each(fit, "model")], right=range(1, len(header))
    )


def _size_row(model: xr.Dataset) -> list[str]:
    kaplan, hoffmann = (model.sel(form=form) for form in ("kaplan", "hoffmann"))
    cells = [markdown_escaped(str(model["label"].item())), str(int(model["checkpoints"]))]
    for form, names in ((kaplan, ("r_squared",)), (hoffmann, ("irreducible_loss", "r_squared"))):
        reason = str(form["reason"].item())
        ends = [_shown(float(form[name])) for name in OF_SIZE[:3]]
        cells.append(markdown_escaped(reason) if reason else f"{ends[0]} ({ends[1]} to {ends[2]})")
        cells += [_shown(float(form[name])) for name in names]
    return cells


def _shown(value: float) -> str:
    """Three digits that count."""
    if np.isnan(value):
        return ABSENT
    if abs(value) < NOTHING:
        return "0"
    if not PLAIN_FROM <= abs(value) < PLAIN_TO:
        return power(value)
    return f"{value:.3g}"
