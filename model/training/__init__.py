"""The recipe of `mini`: from the corpus to the checkpoint that ships with the package."""
