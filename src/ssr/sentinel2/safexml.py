"""How is XML from outside read without expanding or fetching anything?"""

from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ssr.errors import InputError

DEEPEST = 100
"""ESA's files are about ten levels deep."""


def parse_xml(content: bytes, name: str) -> Element:
    """The root element, names without their namespaces.

    Raises:
        InputError: not XML, cut off, nested absurdly, or with a document type or entities, as XML bombs have them.
    """
    builder, depth = TreeBuilder(), 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InputError(f"{name}: its XML is nested more than {DEEPEST} levels deep; it is refused")
        builder.start(_local(tag), {_local(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(tag))

    def refuse(*_: Any) -> NoReturn:
        raise InputError(
            f"{name}: its XML declares a document type or entities, which ESA's products do not have; it is refused"
        )

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InputError(f"{name}: is not whole XML ({error}); download the product again") from error
    return builder.close()


def _local(name: str) -> str:
    return name.rpartition("}")[2]
