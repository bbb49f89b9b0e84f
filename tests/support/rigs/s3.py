"""An S3 server of a test's own: moto behind a line that can fail. What is kept is gone when the server ends.

    with S3() as s3:
        s3.client.put_object(Bucket=s3.bucket, Key="a", Body=b"1")
        subprocess.run([...], env={**os.environ, **s3.environment})     # s3fs, boto3 and Ray's workers find it so
        s3.line.cut()           # connections are refused
        s3.line.stall()         # connections are taken, and nothing comes back
        s3.line.answer(503)     # every request is refused with that status, as S3 does when it is asked too often
        s3.line.mend()

For this process: `with s3.in_environment():`, or `monkeypatch.setenv` of every item of `s3.environment`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

from tests.support.rigs.line import Line
from tests.support.rigs.server import Server
from tests.support.rigs.waiting import answers, free_port

KEYS = {"AWS_ACCESS_KEY_ID": "rig", "AWS_SECRET_ACCESS_KEY": "rig-secret", "AWS_DEFAULT_REGION": "us-east-1"}
# These make boto3 look elsewhere first: at a file of the user's, or at a machine's own service.
ALONE = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}


class S3(Server):
    """A server with a bucket.

    Attributes:
        bucket: its bucket's name.
        url: `s3://BUCKET`.
        line: between users and server.
        environment: variables by which s3fs and boto3 find it.
    """

    kind = "S3"

    def __init__(self, host: str = "127.0.0.1", bucket: str = "rig") -> None:
        """Say where: `host` is an address of this machine, loopback or a namespace's."""
        self.bucket, self.url = bucket, f"s3://{bucket}"
        self._port = free_port()
        self.line = Line(self._port, host)
        self.environment = {**KEYS, **ALONE, "AWS_ENDPOINT_URL": f"http://{host}:{self.line.port}"}

    def start(self) -> None:
        """Start it with an empty bucket, and wait until it answers; what it had before is gone."""
        self._launch([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)])
        self.client.create_bucket(Bucket=self.bucket)

    def stop(self) -> None:
        """Kill it, and cut its line."""
        self.line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def client(self) -> Any:
        """A boto3 client of the server."""
        return self._client(self.environment["AWS_ENDPOINT_URL"])

    @property
    def direct(self) -> Any:
        """A client past the line, for whoever looks on while it fails."""
        return self._client(f"http://127.0.0.1:{self._port}")

    def keys(self, prefix: str = "") -> list[str]:
        """The names of all that is kept below a prefix, in order."""
        return sorted(self.marks(prefix))

    def marks(self, prefix: str = "") -> dict[str, str]:
        """The names of all that is kept below a prefix, with hashes of the contents; past the line."""
        pages = self.direct.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", ())}

    @contextlib.contextmanager
    def in_environment(self) -> Iterator[None]:
        """Let this process find it, until the block ends; s3fs keeps connections to the server that it found first."""
        import s3fs

        with mock.patch.dict(os.environ, self.environment):
            s3fs.S3FileSystem.clear_instance_cache()
            yield
        s3fs.S3FileSystem.clear_instance_cache()

    @staticmethod
    def _client(url: str) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_DEFAULT_REGION"],
        )

    def _answers(self) -> bool:
        return answers("127.0.0.1", self._port)
