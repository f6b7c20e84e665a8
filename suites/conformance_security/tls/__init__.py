"""TLS and TLCP below any library: hellos we write ourselves, and the plaintext flights that servers answer with.

Written out because no current library can offer the old versions and suites. A probe says nothing by itself: a
malformed hello draws an alert from every server, so a refusal counts only beside a hello that the same server took.
"""
