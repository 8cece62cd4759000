"""An S3 server (moto's) in a process of its own that counts what it sends: `python s3_server.py` prints its address."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTER = "/-/asked"


@dataclass(frozen=True)
class S3Server:
    """A running server. environment: what GDAL must know of it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_S3_ENDPOINT": self.url.removeprefix("http://").removesuffix("/"),
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "hush",
        }

    def upload(self, bucket: str, files: Mapping[str, Path], *, access: str = "private") -> None:
        """Files by their keys in a bucket that is made; access may be `public-read`."""
        self._put(bucket, b"", access)
        for key, path in files.items():
            self._put(f"{bucket}/{key}", path.read_bytes(), access)

    def asked(self) -> list[dict[str, Any]]:
        """Every request: method, path, whether it was signed, and bytes of the answer."""
        with urllib.request.urlopen(self.url.removesuffix("/") + COUNTER, timeout=10) as answer:
            return json.load(answer)

    def _put(self, path: str, content: bytes, access: str) -> None:
        headers = {"Content-Type": "application/octet-stream", "x-amz-acl": access}
        request = urllib.request.Request(self.url + path, content, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            pass


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Serve while the block runs."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield S3Server(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    store = DomainDispatcherApplication(create_backend_app)
    asked: list[dict[str, Any]] = []

    def counting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == COUNTER:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(asked).encode()]
        body = b"".join(store(environ, start_response))
        signed = "HTTP_AUTHORIZATION" in environ
        asked.append(
            {"method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"], "signed": signed, "n_bytes": len(body)}
        )
        return [body]

    server = make_server("127.0.0.1", 0, counting, threaded=True)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}/\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
