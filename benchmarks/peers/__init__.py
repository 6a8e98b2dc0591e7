"""Peers: other engines, given policies for the rules that the declared values of a manifest decide alone.

They give verdicts and nothing else, while ours also tells every fact, place and remedy in two languages.
"""

from __future__ import annotations

LABELS = ("12.4", "12.5", "12.9", "13.1", "13.2", "13.4", "13.5", "14.1", "14.2", "14.3", "14.5")
"""The rules that need neither the registry nor the lexicon: what a policy without data beside it can decide."""
