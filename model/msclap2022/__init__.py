"""MSCLAP of 2022 (arXiv 2206.04769): CNN14 for sounds, BERT for texts."""
