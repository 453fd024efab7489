"""What the fields of session files are made of: names, counts and digests within bounds, nothing coerced."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=4096)]
Text = Annotated[str, Field(max_length=1_000_000)]
Few = Annotated[int, Field(ge=1, le=1000)]  # layers and heads are drawn one by one
Count = Annotated[int, Field(ge=0, lt=2**31)]
Tokens = Annotated[int, Field(ge=0, lt=2**40)]


class Strict(BaseModel):
    """Part of a session file. What a newer version added is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def sound(text: str) -> str:
    """The text with half characters, which a paste can bring and JSON cannot carry, made visible."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
