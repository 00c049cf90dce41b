"""What a plot shows, as text."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path


def words_of(svg: Path) -> str:
    """All the words in an SVG, line by line, with a space between lines; fails if it is none."""
    root = ElementTree.parse(svg).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return " ".join("".join(each.itertext()) for each in root.iter() if each.tag.endswith("}text"))
