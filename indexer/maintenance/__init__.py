"""Looking after a collection: verify, repair, compact, metadata and labels."""
