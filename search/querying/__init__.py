"""From a question to hits: terms, filters, ranking, and what is shown of it."""
