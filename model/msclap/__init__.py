"""MSCLAP 2023 in the shape of the transformers library: configuration, front end, towers, conversion."""
