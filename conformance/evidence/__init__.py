"""Evidence: what was sent and what came back, redacted before it is hashed, in a journal that survives a crash.

```
sighting ─► redact ─► record (one JSON line) ─► leaf hash ─► zstd frame on disk ─► root in the report
                 └──► sidecar: personal data, sealed with the run key, so that one field can later be opened
```
"""
