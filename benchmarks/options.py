"""Times the scoring of options against lm-evaluation-harness, on BIG-bench tasks with two shots.

Run from the repository root, with the peer installed (`make benchmark` does both):
`PYTHONPATH=src python benchmarks/options.py [--tasks FOLDER] [--examples 50] [--threads 2]`. FOLDER holds
tasks in BIG-bench's JSON format; without it those are scored that the pipeline makes, from docstrings. Both
contestants score the same options after the same prompts, in one process, under the same random model in
float32, tokenisation included. The peer runs at the batch size that is fastest on a part of the task. The
log-likelihood of each option is compared, and which of an example's options is the likeliest; left out is
where the peer splits prompt and option elsewhere, since it tokenises the prompt also without the option.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoTokenizer, OPTConfig, OPTForCausalLM, PreTrainedTokenizerFast

from trajectories.corpora.docstrings import read_docstrings
from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.tokenizer import train_tokenizer
from trajectories.downstream.catalogue import task_names
from trajectories.downstream.collection import write_tasks
from trajectories.downstream.embedded import NAMES, make_embedded
from trajectories.downstream.prompts import Prompt, make_prompts
from trajectories.downstream.seams import find_seams
from trajectories.downstream.tasks import Task, load_task
from trajectories.scoring.continuations import score_continuations

WIDTH, LAYERS, HEADS, VOCABULARY, CONTEXT = 256, 6, 4, 4096, 2048
SPREAD = 0.08  # of random weights: far enough from zero for likelihoods to differ
SHOTS = 2
AGREEMENT_NATS = 1e-4
REQUIRED = {"date_understanding": 8.0, "logical_deduction_five_objects": 5.0}  # times the peer's speed
REQUIRED_TOGETHER = 3.3
BATCHES = (1, 4, 16, 64)  # requests at a time that the peer tries
TRIED_OF, TRIED_AT_LEAST = 10, 16  # it does on one of so many of a task's prompts, on so many if there are
PACKAGES = {"library": ["json", "logging", "email"], "arrays": ["numpy"], "tables": ["pandas"]}
EMBEDDED_EXAMPLES = 80  # of each task, as in the default suite

Strings = tuple[str, list[str]]  # a prompt, and its options
Scores = list[np.ndarray]  # of each example float [option], nats


def read_text() -> list[Document]:
    """English at hand everywhere."""
    return read_docstrings(PACKAGES, Drawing(seed=0, minimum=200, characters=400_000))


def embedded_tasks() -> list[Task]:
    """The tasks that the pipeline makes, here from docstrings."""
    made = make_embedded(read_text(), names=NAMES, examples=EMBEDDED_EXAMPLES, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        write_tasks(made, Path(folder))
        return read_tasks(Path(folder))


def read_tasks(folder: Path) -> list[Task]:
    """Of a folder, in alphabetical order."""
    paths = [folder / name for name in task_names(folder)]
    return [load_task(path if path.is_dir() else path.with_suffix(".json")) for path in paths]


def make_tokenizer(tasks: Sequence[Task]) -> PreTrainedTokenizerFast:
    """A byte-level BPE of the tasks' own text, and of other text, lest it be too little."""
    questions = [
        Document(f"{task.name} {number}", "tasks", " ".join((prompt.question, *prompt.example.options)))
        for task in tasks
        for number, prompt in enumerate(ask(task, limit=None))
    ]
    return train_tokenizer([*questions, *read_text()], vocabulary=VOCABULARY, context=CONTEXT)


def make_checkpoint(tokenizer: PreTrainedTokenizerFast) -> SimpleNamespace:
    """A model with random weights."""
    torch.manual_seed(0)
    configuration = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        word_embed_proj_dim=WIDTH,
        ffn_dim=4 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        init_std=SPREAD,
    )
    return SimpleNamespace(model=OPTForCausalLM(configuration).eval(), tokenizer=tokenizer)


def moved(prompt: Prompt) -> Strings:
    """A prompt and its options as the peer reads them: white space that ends a prompt goes to the options."""
    context = prompt.text.rstrip()
    space = prompt.text[len(context) :]
    return context, [space + option for option in prompt.example.options]


def ours(checkpoint: SimpleNamespace, strings: Sequence[Strings]) -> Scores:
    """Tokenisation as in a suite, then scoring."""
    seams = find_seams(strings, checkpoint.tokenizer)
    return score_continuations(checkpoint, [seam.shared for seam in seams], [seam.options for seam in seams])


def split_alike(peer: HFLM, strings: Sequence[Strings]) -> list[Strings]:
    """Without those where a token spans the end of the prompt: the peer counts it as the prompt's."""
    seams = find_seams(strings, peer.tokenizer)
    return [
        (context, options)
        for (context, options), seam in zip(strings, seams, strict=True)
        if [peer._encode_pair(context, option) for option in options]
        == [(seam.shared, ids) for ids in seam.options]
    ]


def lm_eval(peer: HFLM, strings: Sequence[Strings], *, batch: int) -> Scores:
    """`HFLM.loglikelihood`."""
    peer.batch_size_per_gpu = batch
    requests = [
        Instance("loglikelihood", {}, (context, option), number)
        for number, (context, options) in enumerate(strings)
        for option in options
    ]
    scores = [score for score, _ in peer.loglikelihood(requests, disable_tqdm=True)]
    return np.split(np.array(scores), np.cumsum([len(options) for _, options in strings])[:-1])


def timed(run: Callable[[], Scores]) -> tuple[float, Scores]:
    """Seconds and result."""
    begin = time.perf_counter()
    scores = run()
    return time.perf_counter() - begin, scores


def compare(checkpoint: SimpleNamespace, task: Task, *, limit: int | None, rounds: int) -> list[float]:
    """Print one task; the seconds of the fastest round of the peer, and of ours."""
    peer = HFLM(checkpoint.model, tokenizer=checkpoint.tokenizer, max_length=CONTEXT)
    asked = [moved(prompt) for prompt in ask(task, limit=limit)]
    strings = split_alike(peer, asked)
    if not strings:
        print(f"{task.name:38} lm-eval splits every prompt and its options elsewhere")
        return [0.0, 0.0]
    some = strings[:: max(1, min(len(strings) // TRIED_AT_LEAST, TRIED_OF))]
    ours(checkpoint, some)  # the first run of a process takes longer, as the peer's does
    best = min(BATCHES, key=lambda batch: timed(lambda: lm_eval(peer, some, batch=batch))[0])
    theirs, mine = [], []
    for _ in range(rounds):
        mine.append(timed(lambda: ours(checkpoint, strings)))
        theirs.append(timed(lambda: lm_eval(peer, strings, batch=best)))
    pairs = list(zip(mine[0][1], theirs[0][1], strict=True))
    apart = max(np.abs(one - other).max() for one, other in pairs)
    differing = sum(one.argmax() != other.argmax() for one, other in pairs)
    seconds = [min(each for each, _ in rounds_of) for rounds_of in (theirs, mine)]
    options = sum(len(one) for one, _ in pairs)
    print(
        f"{task.name:38} {len(strings):4} prompts {options:5} options   lm-eval {seconds[0]:6.1f} s "
        f"(batch {best:2})   ours {seconds[1]:5.1f} s, {seconds[0] / seconds[1]:4.1f} x   "
        f"{apart:.0e} nats apart" + f", {len(asked) - len(strings)} left out" * (strings != asked),
        flush=True,
    )
    if apart > AGREEMENT_NATS or differing:
        raise SystemExit(f"{task.name}: scores differ by {apart:.1e} nats, and {differing} choices differ")
    return seconds


def ask(task: Task, *, limit: int | None) -> list[Prompt]:
    """All prompts of a task."""
    return [prompt for part in task.subtasks for prompt in make_prompts(part, shots=SHOTS, limit=limit)]


def main() -> None:
    """Compare on all tasks, each by itself and together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=Path, help="folder of JSON files or of tasks' folders")
    parser.add_argument("--only", nargs="+", help="names of tasks")
    parser.add_argument("--tokenizer", type=Path, help="folder of a tokenizer, in place of one made here")
    parser.add_argument("--examples", type=int, help="of each task at most")
    parser.add_argument("--rounds", type=int, default=1, help="the fastest counts")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    tasks = read_tasks(given.tasks) if given.tasks else embedded_tasks()
    tokenizer = AutoTokenizer.from_pretrained(given.tokenizer) if given.tokenizer else make_tokenizer(tasks)
    checkpoint = make_checkpoint(tokenizer)
    print(f"{WIDTH} wide x {LAYERS} layers, vocabulary {len(tokenizer)}, {given.threads} threads")
    seconds = {
        task.name: compare(checkpoint, task, limit=given.examples, rounds=given.rounds)
        for task in tasks
        if not given.only or task.name in given.only
    }
    ratios = {name: theirs / mine for name, (theirs, mine) in seconds.items() if mine}
    theirs, mine = np.sum(list(seconds.values()), axis=0)
    for name in sorted(ratios.keys() & REQUIRED.keys()):
        verdict(name, ratios[name], REQUIRED[name])
    verdict("all together", theirs / mine, REQUIRED_TOGETHER if REQUIRED.keys() <= ratios.keys() else None)


def verdict(name: str, value: float, bound: float | None) -> None:
    """Print a claim and, where there is a bound, whether it holds."""
    reached = "" if bound is None else f": {bound} {'reached' if value >= bound else 'NOT reached'}"
    print(f"{value:.1f} times the speed of lm-eval on {name}{reached}")


if __name__ == "__main__":
    main()
