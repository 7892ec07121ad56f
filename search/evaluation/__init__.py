"""How well a collection answers: retrieval by captions, and labels without training."""
