"""Times least-squares trends against a statsmodels (the paper's way) and a SciPy fit of each single token.

Run from the repository root: `PYTHONPATH=src python benchmarks/trends.py [--sample 300] [--full]`. The loops
fit a random sample of the tokens from every start and are extrapolated to all tokens, unless --full; the
agreement is checked on the tokens that were looped over.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import statsmodels.api as sm
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from trajectories.trends import fit_trends

TOKENS, CHECKPOINTS = 102_350, 36  # 50 texts of 2048 tokens, the checkpoints of OPT-125M
STARTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
AGREEMENT, SECONDS, MEBIBYTES, RATIO = 1e-6, 0.5, 1024, 600
Fit = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[float, float]]


def random_walks() -> xr.DataArray:
    """Perplexities (checkpoint, token) that drift and wander in their logarithm."""
    rng = np.random.default_rng(0)
    steps = rng.normal(rng.normal(-0.01, 0.03, TOKENS), 0.1, (CHECKPOINTS, TOKENS))
    perplexity = np.exp(rng.uniform(0, 8, TOKENS) + steps.cumsum(axis=0))
    fraction = np.arange(1, CHECKPOINTS + 1) / CHECKPOINTS
    coordinates = {
        "checkpoint": np.arange(1, CHECKPOINTS + 1),
        "training_fraction": ("checkpoint", fraction),
    }
    return xr.DataArray(perplexity, dims=("checkpoint", "token"), coords=coordinates)


def with_statsmodels(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and p-value of one series."""
    fitted = sm.OLS(y, sm.add_constant(x)).fit()
    return fitted.params[1], fitted.pvalues[1]


def with_scipy(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and p-value of one series."""
    fitted = stats.linregress(x, y)
    return fitted.slope, fitted.pvalue


def loop(perplexity: xr.DataArray, tokens: NDArray[np.intp], fit: Fit) -> tuple[float, NDArray[np.float64]]:
    """Seconds, and [start, token, 2] slopes and p-values, of a fit a token and start."""
    fraction = perplexity["training_fraction"].values
    firsts = [int(np.abs(fraction - start).round(12).argmin()) for start in STARTS]
    series = perplexity.values.T[tokens]
    begin = time.perf_counter()
    found = [
        [fit(np.arange(CHECKPOINTS - first, dtype=float), one[first:] / one[first]) for one in series]
        for first in firsts
    ]
    return time.perf_counter() - begin, np.array(found)


def measure(perplexity: xr.DataArray) -> tuple[float, float, xr.Dataset]:
    """Seconds (the best of five), peak MiB beyond the input, and the trends."""
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        trends = fit_trends(perplexity, start=STARTS)
        seconds.append(time.perf_counter() - begin)
    del trends
    tracemalloc.start()
    trends = fit_trends(perplexity, start=STARTS)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return min(seconds), peak, trends


def main() -> None:
    """Measure, compare, and fail when an aim is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=300, help="tokens that the loops fit")
    parser.add_argument("--full", action="store_true", help="let the loops fit all tokens: many minutes")
    arguments = parser.parse_args()
    perplexity = random_walks()
    seconds, peak, trends = measure(perplexity)
    print(f"{TOKENS:,} tokens x {CHECKPOINTS} checkpoints x {len(STARTS)} starts, least squares")
    print(f"trajectories   {seconds:9.2f} s (aim: {SECONDS})   peak {peak:,.0f} MiB (aim: {MEBIBYTES:,})")
    missed = [name for name, miss in (("seconds", seconds > SECONDS), ("memory", peak > MEBIBYTES)) if miss]
    sample = TOKENS if arguments.full else arguments.sample
    tokens = np.random.default_rng(1).choice(TOKENS, sample, replace=False)
    ours = np.stack([trends["slope"].values, trends["p_value"].values], axis=2)[:, tokens]
    for name, fit in (("statsmodels", with_statsmodels), ("linregress", with_scipy)):
        looped, found = loop(perplexity, tokens, fit)
        whole = looped * TOKENS / sample
        apart = float(np.abs(ours - found).max())
        how = "measured" if arguments.full else f"extrapolated from {sample} tokens, {looped:.1f} s"
        print(f"{name:14s} {whole:9.0f} s ({how})   {whole / seconds:,.0f} x   apart by {apart:.0e} at most")
        missed += [f"agreement with {name}"] if not apart <= AGREEMENT else []
        missed += ["ratio"] if name == "statsmodels" and whole / seconds < RATIO else []
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
