"""What the product's own OpenAPI document promises, and how it is put to the test."""
