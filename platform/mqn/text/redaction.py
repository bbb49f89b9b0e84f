"""Removes passwords, tokens and keys from text before it is printed, logged or stored.

Text is searched for URLs with credentials, for fields that hold secrets (`password=`, `"token": ...`,
`Authorization:`), and for every secret that is known: those in environment variables, and those that `hide` was told
of.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"

_NAMES = (
    r"password|passwd|passphrase|pwd|secret|token|(?:api|access|account|private|secret)[_-]?key(?:[_-]?id)?|signature"
)
# A variable with such a name holds a secret; `..._FILE`, `..._ENV` and the like name where one is.
_SECRET_VARIABLE = re.compile(rf"(?:{_NAMES}|(?:^|_)pass)$", re.IGNORECASE)
_WHERE = ("PWD", "OLDPWD")
"""Where a shell stands: no passwords, though `..._PWD` is one."""
# Whatever follows up to the next space or quotation mark may be a URL: passwords hold '/', ':' and '@' too.
_URL = re.compile(r"(?<![\w+.-])([a-z][\w+.-]{0,40}://)([^\s'\"<>`]+)", re.IGNORECASE)
# Alone, it may hold those as well.
_WHOLE_URL = re.compile(r"[a-z][\w+.-]{0,40}://.+", re.IGNORECASE | re.DOTALL)
_QUOTED_FIELD = re.compile(
    # The quotation marks may be escaped, in JSON within JSON; those inside the value are, by one stroke more.
    rf"""((?:{_NAMES})\\?["']?\s*[:=]\s*(?:b(?=\\?["']))?)(\\?["'])((?:(?!\2)(?:\\.|[^\\\n]))+)\2""",
    re.IGNORECASE,
)
_FIELD = re.compile(
    rf"""((?:{_NAMES}|x-amz-credential|[?&](?:sig|key|auth|code))=["']?(?!b["']))([^\s&;,'"<>()\[\]{{}}\\]+)""",
    re.IGNORECASE,
)
_SUSPECT = re.compile(
    rf"{_NAMES}|x-amz-|[?&](?:sig|key|auth|code)=|authorization|api-key|cookie|bearer|AKIA|ASIA",
    re.IGNORECASE,
)
"""Stands in every text that one of the expressions around it finds anything in, but for URLs. Few texts have it."""
_ENDS = re.compile(r"[@/:?#\[\]]")
_HEADER = re.compile(
    r"""((?:authorization|x-api-key|x-amz-security-token|cookie)\\?["']?\s*[:=]\s*(?:b(?=["']))?\\?["']?)([^\n"'\\]+)""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(bearer\s+)(?=[\w.~+/-]*\d)[\w.~+/-]{8,}=*", re.IGNORECASE)
_AWS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")

# Shorter ones, and short plain words, stand in ordinary text; they are still taken out of URLs and fields.
_SHORTEST, _SHORTEST_WORD = 6, 10

_hidden: set[str] = set()


def hide(*secrets: str | None) -> None:
    """Remember passwords and tokens, as they were given: they are removed from every text from now on."""
    _hidden.update(secret for secret in secrets if secret)


def hide_url(url: str) -> str:
    """Remember the credentials of a URL: they are removed from every text from now on."""
    hide(*_secrets_of(url))
    return url


def hide_urls_in(value: Any) -> None:
    """Apply `hide_url` to every URL among the plain values of a document that a user wrote."""
    if isinstance(value, str) and "://" in value:
        hide_url(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            hide_urls_in(key)
            hide_urls_in(item)
    elif isinstance(value, list):
        for item in value:
            hide_urls_in(item)


def redact_url(url: str) -> str:
    """A URL without its credentials, the same whatever else is known to be secret."""
    whole = re.fullmatch(_WHOLE_URL, url)
    return _FIELD.sub(rf"\1{MASK}", _redacted_url(whole) if whole else _URL.sub(_redacted_url, url))


def without_credentials(url: str) -> str:
    """A URL without user and password, as others may use it."""
    scheme, mark, _ = url.partition("://")
    parts = _credentials(url)
    return url if parts is None else f"{scheme}{mark}{parts[2].removeprefix('@')}"


def redact(text: str) -> str:
    """A text with `***` in place of every password, token and key. Redacted once more it stays the same."""
    return _redacted(text, _known_forms())


def redact_values(texts: Mapping[str, str]) -> dict[str, str]:
    """`redact` for many texts at once: the environment is looked through once for all."""
    forms = tuple(_known_forms())
    return {key: _redacted(text, forms) for key, text in texts.items()}


def _redacted(text: str, forms: Iterable[re.Pattern[str]]) -> str:
    for form in forms:
        text = form.sub(MASK, text)
    if "://" in text:
        text = _URL.sub(_redacted_url, text)
    if _SUSPECT.search(text) is None:
        return text
    text = _HEADER.sub(rf"\1{MASK}", text)
    text = _QUOTED_FIELD.sub(rf"\1\2{MASK}\2", text)
    text = _FIELD.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    return _AWS_KEY_ID.sub(MASK, text)


def shortened(text: str, most: int) -> str:
    """The beginning of a text, without its secrets. Secrets are removed before the text is cut."""
    text = redact(text)
    return text if len(text) <= most else f"{text[:most]}..."


def quiet_logger(name: str) -> logging.Logger:
    """A logger whose records are redacted, whoever handles them."""
    logger = logging.getLogger(name)
    if not any(isinstance(known, _Redaction) for known in logger.filters):
        logger.addFilter(_Redaction())
    return logger


class _Redaction(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info:
            # A handler prints the text that it finds here in place of formatting the exception itself.
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


def _credentials(url: str) -> tuple[str, str, str] | None:
    """Split `scheme://user:password@host...` into the text before the password, the password, and the rest.

    A password may hold '@', '/' and ':' (SQLAlchemy's URLs let the last two pass): it ends at the last '@'.
    """
    scheme, mark, rest = url.partition("://")
    user, at, after = rest.rpartition("@")
    if not at:
        return None
    name, colon, password = user.partition(":")
    if colon and not re.search(r"[/?#\s]", name):
        return f"{scheme}{mark}{name}:", password, f"@{after}"
    if not colon and scheme.lower() in ("http", "https") and not re.search(r"[/?#\s]", user):
        return f"{scheme}{mark}", user, f"@{after}"  # https://TOKEN@host
    return None


def _secrets_of(url: str) -> set[str]:
    parts = _credentials(url)
    found: set[str] = set()
    if parts is not None:
        # Who parses a password that is not quoted ends it at one of these signs, and takes the rest for a host's name.
        found = {part for piece in (parts[1], *_ENDS.split(parts[1])) for part in (piece, unquote(piece))}
    return found.union(*({match[2], unquote_plus(match[2])} for match in _FIELD.finditer(url)))


def _redacted_url(match: re.Match[str]) -> str:
    parts = _credentials(match[0])
    if parts is None or not parts[1]:
        return match[0]
    return f"{parts[0]}{MASK}{parts[2]}"


def _is_secret(variable: str) -> bool:
    return variable not in _WHERE and _SECRET_VARIABLE.search(variable) is not None


def _known_forms() -> Iterable[re.Pattern[str]]:
    return _patterns(frozenset(_environment_secrets() | _hidden))


_environment: tuple[dict[Any, Any], frozenset[str]] = ({}, frozenset())
"""The environment as it was looked through last, and its secrets."""


def _environment_secrets() -> frozenset[str]:
    global _environment
    # `os.environ` itself decodes every name and value anew, which costs more than all the rest of `redact`.
    now: Any = getattr(os.environ, "_data", os.environ)
    seen, found = _environment
    if now != seen:
        seen = dict(now)
        values = {value for name, value in os.environ.items() if _is_secret(name)}
        found = frozenset(values.union(*(_secrets_of(value) for value in os.environ.values() if "://" in value)))
        _environment = seen, found
    return found


# The set hardly ever changes, and texts are many.
_compiled: dict[frozenset[str], tuple[re.Pattern[str], ...]] = {}


def _patterns(secrets: frozenset[str]) -> tuple[re.Pattern[str], ...]:
    if secrets not in _compiled:
        _compiled.clear()
        forms = {form for secret in secrets if _is_telling(secret) for form in _forms(secret)}
        _compiled[secrets] = tuple(_pattern(form) for form in sorted(forms, key=len, reverse=True))
    return _compiled[secrets]


def _is_telling(secret: str) -> bool:
    return len(secret) >= (_SHORTEST_WORD if secret.isalpha() and secret.islower() else _SHORTEST) and secret != MASK


def _forms(secret: str) -> set[str]:
    """A secret as URLs, JSON, Python's repr and headers spell it."""
    encoded = {quote(secret, safe=safe) for safe in ("", "/", "!$&'()*+,;=:@/")} | {quote_plus(secret)}
    escaped = {json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False)} | {repr(secret)[1:-1]}
    return {secret, *encoded, *escaped, base64.b64encode(secret.encode()).decode()}


def _pattern(form: str) -> re.Pattern[str]:
    # A short one may be part of a longer word that is no secret.
    edges = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])") if len(form) < _SHORTEST_WORD else ("", "")
    # Percent-encoding is spelled with small and with capital letters.
    return re.compile(edges[0] + re.escape(form) + edges[1], re.IGNORECASE if "%" in form else 0)
