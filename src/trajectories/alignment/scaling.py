"""Power laws of validation loss (Figure 1): against compute per size, and against size and tokens jointly."""

import xarray as xr

from trajectories.alignment.scaling_data import measure, of_first_family
from trajectories.alignment.scaling_fits import OF_SIZE, Redrawing, fit_jointly, fit_sizes
from trajectories.generation.resampling import require_settings

LONG_NAMES = {
    "checkpoints": ("checkpoints that are fitted", "1"),
    "flops_per_token": ("training compute of a token", "FLOP"),
    "joint_r_squared": ("share of the variance of log loss that the joint fit explains", "1"),
    "joint_checkpoints": ("checkpoints that are fitted jointly", "1"),
    "joint_blocks": ("blocks of neighbouring checkpoints that are drawn", "1"),
}


def fit_power_laws(
    scores: xr.Dataset, *, start: float = 0.1, resamples: int = 200, seed: int = 0, confidence: float = 0.95
) -> xr.Dataset:
    """Power laws of validation loss, the logarithm of perplexity, in the forms of two papers.

    Per size, against compute C: L = (C_c / C)^alpha_C (form "kaplan"; Kaplan et al., 2020, Eq. 1.3, of one
    size) and L = E + B / C^beta (form "hoffmann"; Hoffmann et al., 2022, Eq. 2 at one size), by least squares
    of log loss. Jointly, against parameters N and tokens D: L = [(N_c / N)^(alpha_N / alpha_D) +
    D_c / D]^alpha_D (Kaplan et al., Eq. 1.5) and L = E + A / N^alpha + B / D^beta (Hoffmann et al., Eq. 2),
    by the Huber loss of log loss with delta 1e-3 (Hoffmann et al., section 3.3). Jointly all models count the
    same however many checkpoints they have, since neighbouring checkpoints say about the same: else the
    hundreds of a small model decide. No irreducible loss is negative.

    The papers fit finished runs. Early checkpoints are in the learning rate's warm-up, which is why those
    before `start` are left out, and all but the last have not seen its decay: each is worse than a run that
    was planned to end there. So these exponents are those of trajectories, not of finished runs.

    Intervals are those of `resampling.interval` over blocks of neighbouring checkpoints, drawn with
    replacement within every model. They tell how far a number depends on the checkpoints at hand, not what
    other sizes, seeds or schedules would give.

    Args:
        scores: with the coordinates `validation_perplexity`, `tokens_seen`, `flops` and `training_fraction`
            over (model, checkpoint), `parameters` over model and, where there are several, `family`: models
            of the first model's family take part. Missing values are left out.
        start: fraction of training from which checkpoints count.
        resamples: number of bootstrap samples.
        seed: of the samples.
        confidence: of the intervals.

    Returns:
        Models by rising parameters. Over (form, model): `exponent` with `_low` and `_high`, `scale` (C_c, or
        B), `irreducible_loss` (nats), `r_squared` of log loss, and `reason`. Over model: `checkpoints`, and
        `flops_per_token`. Over (form, parameter), with the coordinate `unit`, NaN for constants that a form
        has not: `estimate`, `low`, `high`, and `resampled` (resample, form, parameter) of every sample. Over
        form: `joint_r_squared` and `joint_reason`. Without dimensions: `joint_checkpoints`, `joint_blocks`.
        With fewer than four checkpoints or three sizes, and where compute or tokens are unknown, numbers are
        NaN and the reason says why; it is empty elsewhere.

    Raises:
        ValueError: a dimension or coordinate is absent, a perplexity is not above 1, or the settings give no
            fit or interval.
    """
    require_settings(resamples=resamples, confidence=confidence)
    if not 0 <= start < 1:
        raise ValueError(f"start needs a fraction of training, from 0 to below 1, got {start:g}")
    own = of_first_family(scores)
    measured = measure(own, start=start)
    redrawing = Redrawing(resamples=resamples, seed=seed, confidence=confidence)
    fits = fit_sizes(measured, redrawing).merge(fit_jointly(measured, redrawing))
    for name, (long_name, unit) in {**OF_SIZE, **LONG_NAMES}.items():
        fits[name].attrs = {"long_name": long_name, "units": unit}
    of_models = {name: of.variable for name, of in own.coords.items() if of.dims == ("model",)}
    return fits.assign_coords(of_models).assign_attrs(
        start=start, resamples=resamples, seed=seed, confidence=confidence
    )
