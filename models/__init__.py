"""Make embedding models from pinned sources: `python -m models NAME --precision int8`.

Build time only; the service reads the folders that come out of it and imports nothing from here.
"""
