"""The script that Streamlit runs for a page: it is run as a file, so the page itself is imported."""

from soundgrep.ui.browser.page import show

show()
