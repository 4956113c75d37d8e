"""The same work in the image and on glibc: `inference` and `chroma` are the work, `compare` runs it in turns."""
