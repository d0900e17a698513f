"""Section 3: the trend of every token's perplexity, its categories, and what the tokens of a category do."""

from trajectories.trends.categories import CATEGORIES, shares
from trajectories.trends.double_descent import find_double_descent
from trajectories.trends.fit import fit_trends
from trajectories.trends.perplexity import subset_perplexity, token_perplexity
from trajectories.trends.properties import property_table
from trajectories.trends.selected import Selection, selected_perplexity
from trajectories.trends.subsets import select
from trajectories.trends.summary import summary

__all__ = [
    "CATEGORIES",
    "Selection",
    "find_double_descent",
    "fit_trends",
    "property_table",
    "select",
    "selected_perplexity",
    "shares",
    "subset_perplexity",
    "summary",
    "token_perplexity",
]
