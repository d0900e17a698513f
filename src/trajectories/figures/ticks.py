"""Ticks of logarithmic axes that stay few and readable from a few percent to many decades."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import Locator, MaxNLocator

MAXIMUM_TICKS = 6
MINIMUM_TICKS = 3
CROWDING = 4.0  # above this factor evenly spaced ticks crowd at the upper end: two others are better
# From sparse to dense: what ticks may be in each decade.
MANTISSAS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))


class LogTicks(Locator):
    """Decades where there are several, else 1-3 or 1-2-5, within a small factor round numbers."""

    def __init__(self, maximum: int = MAXIMUM_TICKS) -> None:
        self.maximum = maximum

    def __call__(self) -> Sequence[float]:
        """Ticks of the axis as it is now."""
        low, high = sorted(self.axis.get_view_interval())  # type: ignore[union-attr]
        return self.tick_values(float(low), float(high))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Positions within the interval of two positive numbers; at least two, at most about `maximum`."""
        low, high = sorted((vmin, vmax))
        if not (low > 0 and np.isfinite(high)):
            return []
        found = [ticks for ticks in (_decades(low, high, m) for m in MANTISSAS) if len(ticks) <= self.maximum]
        enough = 2 if high / low > CROWDING else MINIMUM_TICKS
        if found and len(found[-1]) >= enough:
            return found[-1]
        if found:
            even = MaxNLocator(nbins=self.maximum - 1, steps=[1, 2, 5, 10], min_n_ticks=MINIMUM_TICKS)
            return [float(tick) for tick in even.tick_values(low, high) if low <= tick <= high]
        decades = _decades(low, high, (1,))
        return decades[:: int(np.ceil(len(decades) / self.maximum))]


def plain(value: float, _position: int | None = None) -> str:
    """A number as one says it: 0.5, 1.25, 50, 2000."""
    return f"{value:.6g}" if value < 1e6 else power_of_ten(value)


def power_of_ten(value: float, _position: int | None = None) -> str:
    """10^12 in mathtext, with a factor before it where there is one."""
    exponent = int(np.floor(np.log10(value) + 1e-9))
    factor = value / 10.0**exponent
    power = rf"$10^{{{exponent}}}$"
    return power if abs(factor - 1) < 1e-6 else rf"{factor:.4g}·{power}"


def hundredths(fraction: float, _position: int | None = None) -> str:
    """A fraction on an axis in percent: 0.125 gives 12.5."""
    return plain(100 * fraction)


def percent(fraction: float) -> str:
    """A fraction as a percentage with two digits that count, without its sign: 0.0734 gives 7.3."""
    value = 100 * fraction
    if value == 0 or value >= 10 or not np.isfinite(value):
        return f"{value:.0f}"
    decimals = max(1, 1 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{decimals}f}"


def round_numbers(low: float, high: float) -> list[float]:
    """The numbers in an interval that may be ticks: 1, 1.5, 2, 3, 5 and 7 times 10^n."""
    return _decades(low, high, MANTISSAS[-1])


def _decades(low: float, high: float, mantissas: Sequence[float]) -> list[float]:
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [mantissa * 10.0**exponent for exponent in exponents for mantissa in mantissas]
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
