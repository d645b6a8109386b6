"""The parts of make_structures_golden.py: the pairs, one file a scorer, and the definitions that the check repeats."""
