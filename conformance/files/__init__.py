"""Files at the border: load, validate, say what is wrong and where."""
