"""HTTP, and nothing but HTTP: routes, schemas, and how an error becomes a response."""
