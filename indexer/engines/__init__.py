"""What computes embeddings: a pool of processes on this machine, or Ray."""
