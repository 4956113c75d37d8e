"""The documents that the browser's tests are about: small enough to know what each search finds."""

from typing import Any

_texts: list[tuple[str, str, str]] = [
    ("cats", "animals", "A cat sleeps on the sofa, and the kitten on the carpet beside it."),
    ("dogs", "animals", "The dog barks at the postman every morning."),
    ("horses", "animals", "Horses graze on the hill behind the farm."),
    ("owls", "animals", "An owl hunts mice at night, without a sound."),
    ("bread", "food", "Bake the bread in a very hot oven for forty minutes."),
    ("soup", "food", "A soup of lentils, carrots and a little lemon."),
    ("cheese", "food", "This cheese ripens in caves for a year."),
    ("coffee", "food", "Grind the coffee just before you brew it."),
    ("rocket", "space", "The rocket left the launch pad and reached orbit in nine minutes."),
    ("moon", "space", "Astronauts walked on the moon and brought back rocks."),
    ("comet", "space", "The comet comes back every seventy-six years."),
    ("telescope", "space", "The telescope sees galaxies that are billions of years old."),
]
NEWS: list[dict[str, Any]] = [
    {"id": name, "text": text, "metadata": {"topic": topic, "length": len(text)}} for name, topic, text in _texts
]
