"""The service: collections asked over HTTP, read and never written."""
