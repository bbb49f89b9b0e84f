"""What our pages may do in a browser: show themselves, run the scripts that we put there, and nothing else.

Pages contain names of models, layers and pictures. The template escapes them; if one slipped through, the browser
would still run no script of it and fetch nothing for it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def policy(scripts: Sequence[str] = ()) -> str:
    """The element for the beginning of a page's head, for scripts with line ends as `plain_lines` leaves them."""
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
    """Give a script the line ends that a browser uses when it computes the script's hash."""
    return script.replace("\r\n", "\n").replace("\r", "\n")
