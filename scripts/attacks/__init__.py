"""The attacks of scripts/attack.py: bench.py runs them, every other file holds those of one kind."""
