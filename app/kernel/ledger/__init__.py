"""The ledger: double entry, append-only, for money and for units.

`values` are what goes in and comes out, `operations` post, `queries` read, `invariants` are what
must always hold. A *book* keeps one product's, fund's or register's accounts apart from all
others; an *account* has one asset; an *entry* is a set of postings that sums to zero for each
asset, debits positive. What the database itself enforces stands in migrations/ledger.
"""
