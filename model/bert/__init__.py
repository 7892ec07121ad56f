"""BERT and RoBERTa for texts, read at their first token: sizes, weights and network, without torch."""
