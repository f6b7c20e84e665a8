"""The neutral contract as data: operations, their neutral HTTP form, and the OpenAPI document."""
