"""The browser: collections searched, heard, narrowed and taken away on a page of this machine."""
