"""What a collection's clips can be narrowed by, and how many clips each choice leaves."""
