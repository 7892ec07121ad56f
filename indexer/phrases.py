"""Phrases: what people might type, to measure an index with the kind of query it will be asked."""

from importlib.resources import files

PHRASES: list[str] = (files(__package__) / "phrases.txt").read_text("utf-8").splitlines()
"""3,000 descriptions of sounds, in English, written for this; any first part of them is as mixed as the whole."""
