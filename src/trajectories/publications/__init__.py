"""Results that others published, in their formats: a paper's figures and its authors' archive."""

from trajectories.publications.collection import PUBLISHED, published
from trajectories.publications.facts import Model, paper
from trajectories.publications.table import read_table

__all__ = ["PUBLISHED", "Model", "paper", "published", "read_table"]
