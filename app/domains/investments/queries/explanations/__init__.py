"""How each computed amount came about: its formula, its inputs and their source, its rounding, and
the ledger entries behind it; computed once more from those inputs.

Each is read within the viewer's scope: who may not see the amount is told nothing of it.
"""
