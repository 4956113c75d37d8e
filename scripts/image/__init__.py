"""How the image is made small: what is cut from it and why, applied at build time; and its size, part by part."""
