"""What a client's observer is told."""

from dataclasses import dataclass, field


@dataclass
class Seen:
    """calls: endpoint and outcome of each; tokens: (prompt, completion) of each that told them."""

    calls: list[str] = field(default_factory=list)
    tokens: list[tuple[int, int]] = field(default_factory=list)

    def called(self, endpoint: str, outcome: str, took_s: float) -> None:
        assert took_s >= 0
        self.calls.append(f"{endpoint} {outcome}")

    def used(self, endpoint: str, prompt_tokens: int, completion_tokens: int) -> None:
        self.tokens.append((prompt_tokens, completion_tokens))
