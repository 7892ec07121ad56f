"""What the page and the service share: open collections, an executor, limits, refusals, sounds over HTTP."""
