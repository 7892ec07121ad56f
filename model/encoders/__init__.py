"""Encoders: the contract that every family keeps, the registry of them, and what computes their towers."""
