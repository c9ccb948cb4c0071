"""What the API takes and gives, one noun a file, as api documents show it: amounts are strings, money
names its currency, instants are RFC 3339 in UTC.
"""
