"""Attestation: canonical bytes, envelope, keys, trust policy, and the verifier that an auditor can read.

```
statement ─► canonical bytes ─► envelope with signatures ─► verify under a trust policy, evidence beside it
```

Nothing here knows suites, the engine or the network. Read :mod:`conformance.attest.verify` first.
"""
