"""Our readings of the words of the law that several rules share.

Each reading is three-valued: it holds, it does not hold, or it says what is lacking to know. Undeclared is never
compliant.
"""
