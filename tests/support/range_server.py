"""A web server in a process of its own that answers `Range`: `python range_server.py FOLDER` prints its address.

In its own process because GDAL may hold Python's lock while it waits for an answer.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def range_server(folder: Path) -> Iterator[str]:
    """Serve a folder while the block runs; gives its address."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        first, last = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(content[first : last + 1])


def main() -> None:
    folder = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Handler(*args, directory=folder))
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
