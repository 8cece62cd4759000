"""Which requests are answered?"""

import pytest

from ssr.errors import ConfigError
from ssr.viewer.guard import Guard, headers, is_loopback
from ssr.viewer.serving import address_of, check_basemap, listen


async def nothing(*_: object) -> None:
    raise AssertionError("not to be called")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.0.0.1:8790", "localhost:1", "[::1]:8790", "LOCALHOST:80", "localhost."]
)
def test_own_names_are_known(host: str) -> None:
    assert Guard(nothing, host="127.0.0.1").knows(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8790", "127.0.0.1.evil.example", "10.0.0.7", "", "localhost.evil", "0x7f.1"]
)
def test_other_names_are_not(host: str) -> None:
    assert not Guard(nothing, host="127.0.0.1").knows(host)


def test_a_viewer_open_to_others_is_reached_by_any_address_but_no_other_name() -> None:
    guard = Guard(nothing, host="0.0.0.0")
    assert guard.knows("192.168.1.7:8790")
    assert guard.knows("[fe80::1]:8790")
    assert not guard.knows("evil.example:8790")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.8.8.8", True),
        ("0.0.0.0", False),
        ("192.168.0.2", False),
        ("example.org", False),
    ],
)
def test_which_addresses_are_this_machines_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_pictures_may_come_from_the_basemap_and_from_nowhere_else() -> None:
    assert "img-src 'self' data: blob:;" in headers(None)["content-security-policy"]
    with_map = headers("https://tiles.example:8443/a/{z}/{x}/{y}.png?key=1")["content-security-policy"]
    assert "img-src 'self' data: blob: https://tiles.example:8443;" in with_map
    assert "script-src 'self';" in with_map


@pytest.mark.parametrize(
    "template",
    [
        "ftp://a/{z}/{x}/{y}",
        "https://a/{z}/{x}",
        "{z}/{x}/{y}",
        "https://a/{z}/{x}/{y}; script-src *",
        "https://u:p@a/{z}/{x}/{y}",
        "javascript:{z}{x}{y}",
        "https://a'/{z}/{x}/{y}",
    ],
)
def test_a_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match="--basemap"):
        check_basemap(template)


def test_a_taken_port_is_said_and_the_next_is_taken_where_none_is_asked_for() -> None:
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        taken = first.getsockname()[1]
        assert second.getsockname()[1] > taken
        assert address_of(first) == f"http://127.0.0.1:{taken}/"
        with pytest.raises(ConfigError, match=rf"--port {taken}: is in use; give another one"):
            listen("127.0.0.1", taken)


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(ConfigError, match=r"--host 192\.0\.2\.1 --port \d+: cannot be listened on"):
        listen("192.0.2.1", 8791)
