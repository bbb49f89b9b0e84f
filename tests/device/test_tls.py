from __future__ import annotations

import ssl

import httpx
import pytest

from mqn.device import tls
from mqn.errors import DeviceRefusedError


def test_a_certificate_that_is_not_trusted_counts_also_where_it_is_hidden_from_tracebacks() -> None:
    hidden = ssl.SSLCertVerificationError(1, "certificate verify failed")
    hidden.verify_message, hidden.verify_code = "certificate has expired.", 10
    try:
        try:
            raise hidden
        except ssl.SSLError:
            raise httpx.ConnectError("failed") from None
    except httpx.ConnectError as error:
        with pytest.raises(DeviceRefusedError, match=r"certificate has expired; make another with: mqn agent init"):
            tls.check(error, httpx.URL("https://board:8765"), answered=False)


def test_a_connection_that_broke_off_is_tried_again() -> None:
    tls.check(httpx.ConnectError("refused"), httpx.URL("https://board:8765"), answered=False)
