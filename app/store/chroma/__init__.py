"""The store in a Chroma server or in Chroma Cloud, over HTTP. Imported only where DATABASE_URL chooses it."""
