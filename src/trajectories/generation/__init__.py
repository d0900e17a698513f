"""Texts that one model or several jointly generate, and what measures them."""
