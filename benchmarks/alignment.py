"""Times `align` against a loop over models, checkpoints and samples with statsmodels' local regression.

Run from the repository root: `PYTHONPATH=src python benchmarks/alignment.py [--resamples 1000]`. Both hold
out every size of the published OPT accuracies in turn, on two axes. R² must agree. The loop is measured on
one pass over the data and multiplied by the number of samples, which each repeat it; its local lines take no
weights, so of samples the time alone is compared.
"""

import argparse
import time

import numpy as np
import xarray as xr
from statsmodels.nonparametric.smoothers_lowess import lowess

import trajectories as tj

AXES = ("flops", "validation_perplexity")
SPAN = 0.25
TOLERANCE = 1e-5  # statsmodels takes the nearest thousandth of a neighbourhood for its centre
ROUNDS = 3  # the fastest counts


def looped(measure: xr.DataArray, axis: str) -> tuple[float, int]:
    """R² and its points by the definition: at every checkpoint a local regression of its own."""
    across = np.log(measure[axis].where(measure.notnull())).transpose("model", "checkpoint").values
    values = measure.transpose("model", "checkpoint").values
    actual, guessed = [], []
    for model in range(len(values)):
        others = np.delete(across, model, axis=0)
        known = np.isfinite(others)
        x, y = others[known], np.delete(values, model, axis=0)[known]
        for at, value in zip(across[model], values[model], strict=True):
            if np.isfinite(at) and any(np.nanmin(row) <= at <= np.nanmax(row) for row in others):
                guessed.append(lowess(y, x, frac=SPAN, it=0, xvals=np.array([at]))[0])
                actual.append(value)
    off = np.square(np.subtract(actual, guessed)).sum()
    return float(1 - off / np.square(actual - np.mean(actual)).sum()), len(actual)


def main() -> None:
    """Compare results and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--resamples", type=int, default=1000)
    given = parser.parse_args()
    accuracy = tj.published("opt")["accuracy"].sel(task="all")
    seconds, found = [], None
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        found = tj.align(accuracy, AXES, span=SPAN, resamples=given.resamples)
        seconds.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    expected = {axis: looped(accuracy, axis) for axis in AXES}
    once = time.perf_counter() - begin
    for axis, (r_squared, points) in expected.items():
        ours = found.sel(axis=axis)
        if abs(float(ours["r_squared"]) - r_squared) > TOLERANCE or int(ours["points"]) != points:
            raise SystemExit(f"{axis}: ours {float(ours['r_squared'])}, the loop {r_squared}")
        low, high = float(ours["low"]), float(ours["high"])
        print(f"R² at equal {axis:21} {r_squared:.4f} ({low:.2f} to {high:.2f}), {points} points, both alike")
    loop = once * (1 + given.resamples)
    print(
        f"{given.resamples} samples: ours {min(seconds):.2f} s, the loop {loop:.0f} s ({once:.2f} s each): "
        f"{loop / min(seconds):.0f} times"
    )


if __name__ == "__main__":
    main()
