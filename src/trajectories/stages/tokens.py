"""Stage `tokens`: a family's tokenizer, the training tokens and the windows of held-out tokens."""

from pathlib import Path

import numpy as np

from trajectories import arrays, config, files
from trajectories.config.suite import FamilySettings, WindowSettings
from trajectories.corpora.documents import read_documents
from trajectories.corpora.tokenizer import load_tokenizer, train_tokenizer
from trajectories.corpora.windows import prepare_tokens
from trajectories.provenance import annotate, stamp
from trajectories.provenance.hashes import md5
from trajectories.stages.run import run

TRAINING = Path("data/corpus/train.jsonl")
HELD_OUT = Path("data/corpus/held_out.jsonl")


def main(key: str) -> None:
    """Write data/tokens/<suite>/<family>: tokenizer/, train.npy and windows.nc."""
    family = config.read(FamilySettings, f"suite.families.{key}")
    cut = config.read(WindowSettings, "suite.windows")
    context = config.values("suite.context")
    training = read_documents(TRAINING)
    if family.tokenizer is not None:
        tokenizer = load_tokenizer(family.tokenizer, vocabulary=family.vocabulary, revision=family.revision)
    elif family.vocabulary is not None:
        tokenizer = train_tokenizer(training, vocabulary=family.vocabulary, context=context)
    else:
        raise ValueError(f"family {key} has neither a tokenizer nor a vocabulary to train one of; give one")
    stream, windows = prepare_tokens(
        training,
        read_documents(HELD_OUT),
        tokenizer,
        vocabulary=len(tokenizer),
        first_token=family.first_token.value,
        context=context,
        analysis=cut.analysis,
        validation_per_domain=cut.validation_per_domain,
    )
    parameters = {
        "suite.context": context,
        "suite.windows": config.values("suite.windows"),
        f"suite.families.{key}": config.values(f"suite.families.{key}"),
    }
    with files.replacing_folder(Path("data/tokens") / config.values("suite.choice") / key) as folder:
        tokenizer.save_pretrained(folder / "tokenizer")
        # A suite may bring its tokenizer from a folder that nothing else keeps track of.
        windows.attrs["tokenizer_md5"] = md5(folder / "tokenizer")
        np.save(folder / "train.npy", stream)
        stamped = annotate(windows, stamp(inputs=[TRAINING, HELD_OUT], parameters=parameters))
        arrays.write(stamped, folder / "windows.nc")


if __name__ == "__main__":
    run(main)
