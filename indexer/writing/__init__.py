"""What changes a collection: batches, commits, and the record of what failed."""
