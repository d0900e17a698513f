"""The claim as a number: how far sizes behave alike at equal compute, or at equal perplexity."""
