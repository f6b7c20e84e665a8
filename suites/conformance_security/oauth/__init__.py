"""An OAuth client that is sound until a check changes exactly one thing (FAPI 2.0, RFC 6749, 7636, 8705, 9126, 9449).

Own code throughout: what an honest library refuses to produce is what these checks must send.
"""
