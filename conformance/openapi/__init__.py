"""Reading a product's OpenAPI document, and proposing how the product is bound."""
