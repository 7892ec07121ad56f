"""Everyday sounds made from noise, oscillators and filters: `render` any of `KINDS` in endless variations."""

from . import (
    animals,
    birds,
    drums,
    household,
    insects,
    instruments,
    machines,
    signalling,
    vehicles,
    voices,
    water,
    weapons,
    weather,
)
from .kinds import KINDS, Kind, render

__all__ = ["KINDS", "Kind", "render"]
_FAMILIES = (
    animals,
    birds,
    drums,
    household,
    insects,
    instruments,
    machines,
    signalling,
    vehicles,
    voices,
    water,
    weapons,
    weather,
)
