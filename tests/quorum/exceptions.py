"""Restarts that came otherwise than was foreseen or promised, each by its case and its name there, with the reason. What is not listed here fails its
case."""

# {case: {"number: group": reason}}
EXCEPTIONS = {}
