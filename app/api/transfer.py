"""Imports and exports of a collection, streamed."""

from fastapi import APIRouter

router = APIRouter()
