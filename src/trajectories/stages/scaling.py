"""Stage scaling: power laws of validation loss, in this suite and in OPT."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.alignment.scaling import fit_power_laws
from trajectories.config.alignment import AlignmentSettings
from trajectories.stages.run import run

SUITES = {  # what is fitted, and where the fits go
    Path("data/scores/tokens.nc"): Path("data/scaling.nc"),
    Path("data/published/opt.nc"): Path("data/published/scaling.nc"),
}


def main() -> None:
    """Fit the validation perplexities of both suites; write data/scaling.nc and data/published."""
    settings = config.read(AlignmentSettings, "alignment")
    for scores, fits in SUITES.items():
        found = fit_power_laws(
            arrays.read(scores),
            start=settings.law_start,
            confidence=settings.confidence,
            seed=settings.seed,
        )
        stamp = provenance.stamp(inputs=[scores], parameters={"alignment": config.values("alignment")})
        arrays.write(provenance.annotate(found, stamp), fits)


if __name__ == "__main__":
    run(main)
