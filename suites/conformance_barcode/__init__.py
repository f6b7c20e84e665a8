"""The barcode suite."""
