"""Certification and conformance test harness for fintech products."""

__version__ = "0.1.0"
