"""Stage corrupt: beginnings of held-out documents, as they are and corrupted in several ways."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.config.corruption import CorruptionSettings
from trajectories.corpora.corruption import Corruption, corrupted_texts
from trajectories.corpora.tokenizer import load_tokenizer
from trajectories.stages.run import run

CORRUPTED = Path("data/corrupted.nc")


def main() -> None:
    """Read the windows of the analysed family; write data/corrupted.nc."""
    tokens = Path("data/tokens", config.values("suite.choice"), config.values("suite.family"))
    settings = config.read(CorruptionSettings, "corruption")
    kinds = {
        name: Corruption(kind.operation.value, tuple(kind.rates), pool=kind.pool.value, span=kind.span)
        for name, kind in settings.kinds.items()
    }
    texts = corrupted_texts(
        arrays.read(tokens / "windows.nc"),
        kinds,
        texts=settings.texts,
        limit=settings.tokens,
        seed=settings.seed,
        special=load_tokenizer(str(tokens / "tokenizer"), vocabulary=None).all_special_ids,
    )
    inputs = [tokens / "tokenizer", tokens / "windows.nc"]
    stamp = provenance.stamp(inputs=inputs, parameters={"corruption": config.values("corruption")})
    arrays.write(provenance.annotate(texts, stamp), CORRUPTED)


if __name__ == "__main__":
    run(main)
