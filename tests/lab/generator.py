"""Values made from JSON Schema, seeded: ones that fit, ones that nearly fit, and ones that do not."""

from __future__ import annotations

import json
import random
from typing import Any

# What has broken services before: numbers at the edges, text that is none, names that lead elsewhere.
NUMBERS: tuple[Any, ...] = (0, -1, 1, 0.5, -0.0, 2**31, 2**63, -(2**63), 10**400, 1e308, 5e-324, True)
TEXTS = ("", " ", "a" * 300, "\0", "\n", "é", "\u202e", "😀", "../../etc/passwd", "%00", "null", "' or 1=1 --", "{}")


class Generator:
    """Makes values for the schemas of one document."""

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self.random = random.Random(seed)
        self._components = document["components"]["schemas"]

    def fitting(self, schema: dict[str, Any]) -> Any:
        """A value that the schema allows."""
        if "$ref" in schema:
            return self.fitting(self._components[schema["$ref"].rsplit("/", 1)[1]])
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "anyOf" in schema:
            return self.fitting(self.random.choice(schema["anyOf"]))
        make = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda _: self.random.random() < 0.5,
            "null": lambda _: None,
        }
        return make[schema.get("type", "null")](schema)

    def near(self, schema: dict[str, Any]) -> Any:
        """A value that the schema allows but for one thing, somewhere inside."""
        return self._spoil(self.fitting(schema))

    def broken(self, schema: dict[str, Any]) -> bytes:
        """Bytes that are no JSON, or none that anybody expects."""
        text = json.dumps(self.fitting(schema)).encode()
        choice = self.random.randrange(7)
        if choice == 0:
            return text[: self.random.randrange(len(text))]
        if choice == 1:
            return self.random.randbytes(self.random.randrange(1, 200))
        if choice == 2:
            return b"[" * self.random.choice((10, 1_000, 60_000))
        if choice == 3:
            return text.replace(b":", b": NaN,", 1)
        if choice == 4:
            return b'{"a":' * 500 + b"1" + b"}" * 500
        if choice == 5:
            return b" " * self.random.choice((0, 65_536, 70_000))
        return json.dumps(self.anything()).encode("utf-16")

    def anything(self, depth: int = 0) -> Any:
        """Any JSON value."""
        choice = self.random.randrange(4 if depth > 2 else 6)
        if choice == 4:
            return [self.anything(depth + 1) for _ in range(self.random.randrange(4))]
        if choice == 5:
            return {self.text(): self.anything(depth + 1) for _ in range(self.random.randrange(4))}
        return (None, self.random.choice(NUMBERS), self.text(), "\ud800")[choice]

    def text(self) -> str:
        """Any text."""
        if self.random.random() < 0.5:
            return self.random.choice(TEXTS)
        return "".join(chr(self.random.randrange(1, 0x250)) for _ in range(self.random.randrange(20)))

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        required = schema.get("required", [])
        return {
            name: self.fitting(inner)
            for name, inner in schema.get("properties", {}).items()
            if name in required or self.random.random() < 0.3
        }

    def _array(self, schema: dict[str, Any]) -> list[Any]:
        low, high = schema.get("minItems", 0), schema.get("maxItems", 3)
        return [self.fitting(schema["items"]) for _ in range(self.random.randint(low, high))]

    def _string(self, schema: dict[str, Any]) -> str:
        if schema.get("pattern") == "^[0-9a-f]{64}$":
            return self.random.randbytes(32).hex()
        low, high = schema.get("minLength", 0), min(schema.get("maxLength", 20), 200)
        return "".join(self.random.choice("abcxyz-_ 09") for _ in range(self.random.randint(low, high)))

    def _integer(self, schema: dict[str, Any]) -> int:
        return self.random.randint(schema.get("minimum", -5), schema.get("maximum", 100))

    def _number(self, schema: dict[str, Any]) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", -5.0))
        high = schema.get("maximum", 100.0)
        return float(self.random.choice((low, high, self.random.uniform(low, high))))

    def _spoil(self, value: Any) -> Any:
        if isinstance(value, dict) and value and self.random.random() < 0.8:
            key = self.random.choice(list(value))
            choice = self.random.randrange(4)
            if choice == 0:
                return {name: inner for name, inner in value.items() if name != key}
            if choice == 1:
                return {**value, self.text(): self.anything()}
            return {**value, key: self._spoil(value[key])}
        if isinstance(value, list) and value and self.random.random() < 0.7:
            index = self.random.randrange(len(value))
            return [*value[:index], self._spoil(value[index]), *value[index + 1 :]]
        return self.anything()
