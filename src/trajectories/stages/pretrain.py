"""Trains one model of the suite from scratch and keeps its checkpoints."""

from pathlib import Path

from trajectories import config
from trajectories.config.suite import FamilySettings, ModelSettings, TrainingSettings
from trajectories.pretraining import Recipe, Size, checkpoint_steps, pretrain
from trajectories.stages.run import run


def main(key: str) -> None:
    """Read a family's tokens, train the model with this key, write its folder of checkpoints."""
    suite, context = config.values("suite.choice"), config.values("suite.context")
    model = config.read(ModelSettings, f"suite.models.{key}")
    family = config.read(FamilySettings, f"suite.families.{model.family}")
    training = config.read(TrainingSettings, "suite.training")
    if family.architecture is None or family.vocabulary is None:
        raise ValueError(
            f"{key} is trained here, so family {model.family} needs an architecture and a vocabulary; "
            f"give both in suite.families.{model.family}"
        )
    kept = checkpoint_steps(
        training.steps,
        every=training.checkpoint_every,
        early=training.early_checkpoints,
        kept=model.checkpoints.value,
    )
    pretrain(
        Path("data/tokens", suite, model.family),
        Path("data/checkpoints", suite, key),
        label=model.label,
        family=model.family,
        size=Size(
            architecture=family.architecture.value,
            vocabulary=family.vocabulary,
            width=model.width,
            layers=model.layers,
            heads=model.heads,
            context=context,
        ),
        recipe=Recipe(
            steps=training.steps,
            batch=training.batch,
            learning_rate=model.learning_rate,
            embedding_learning_rate=training.embedding_learning_rate,
            warmup=training.warmup,
            weight_decay=training.weight_decay,
            gradient_norm=training.gradient_norm,
            checkpoints=kept,
            precision=training.precision.value,
            seed=training.seed,
        ),
    )


if __name__ == "__main__":
    run(main)
