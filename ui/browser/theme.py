"""Theme: the colours and letters of the page, light and dark."""

from __future__ import annotations

_LIGHT = {
    "primaryColor": "#0b7285",
    "backgroundColor": "#fcfcfb",
    "secondaryBackgroundColor": "#f1f3f2",
    "textColor": "#1c2326",
    "borderColor": "#d9dedd",
    "linkColor": "#0b7285",
}
_DARK = {
    "primaryColor": "#4cc3d4",
    "backgroundColor": "#14181a",
    "secondaryBackgroundColor": "#1d2326",
    "textColor": "#e4e9ea",
    "borderColor": "#323a3e",
    "linkColor": "#4cc3d4",
}
_BOTH = {
    "baseFontSize": 15,
    "baseRadius": "6px",
    "buttonRadius": "6px",
    "headingFontSizes": ["1.5rem", "1.25rem", "1.1rem", "1rem", "0.9rem", "0.85rem"],
    "headingFontWeights": [600, 600, 600, 600, 600, 600],
    "showWidgetBorder": True,
}

THEME: dict[str, object] = (
    {f"theme.{name}": value for name, value in _BOTH.items()}
    | {f"theme.light.{name}": value for name, value in _LIGHT.items()}
    | {f"theme.dark.{name}": value for name, value in _DARK.items()}
)
"""Streamlit's options."""
