"""Pairs of ECGs and X-rays of the same patient, found in time."""

from crossbeat.data.pairing.pairs import Pairing, Rule, no_stays, pair

__all__ = ["Pairing", "Rule", "no_stays", "pair"]
