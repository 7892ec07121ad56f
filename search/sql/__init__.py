"""SQL over a collection, with search() as a table in it."""
