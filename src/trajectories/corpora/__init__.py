"""From documents to tokens: sources, held-out text, near-duplicates, tokenizers and windows.

Import from its modules: what makes documents needs no other library than NumPy, and must not wait for one.
"""
