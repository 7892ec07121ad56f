"""LAION CLAP: checkpoints of transformers' `ClapModel`, read at fixed windows and always alike.

Its classes stay transformers' own (`ClapConfig`, `ClapFeatureExtractor`, `ClapProcessor`, `ClapModel`, ...).
"""
