"""Formulas in LaTeX as MathML, which browsers draw by themselves: a page needs no script and no network for them.

What students write is untrusted. latex2mathml parses it and escapes nothing; here its tree is copied, with the elements
and attributes that a formula needs and no others, and each text is escaped.
"""

import html
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from markupsafe import Markup, escape

MOST = 300  # formulas of a text; later ones stay as they were written
LONGEST = 2000  # characters of a formula
PIECES = re.compile(
    rf"```math[ \t]*\n(?P<block>.{{1,{LONGEST}}}?)\n[ \t]{{0,20}}```"
    rf"|\$\$(?P<display>[^$]{{1,{LONGEST}}})\$\$"
    r"|```.{1,20000}?```|`[^`\n]{1,2000}`"  # code, in which a dollar is a dollar
    rf"|(?<![\\$\w])\$(?=[^\s$])(?P<inline>(?:[^$\n\\]|\\.|\n(?![ \t]{{0,20}}\n)){{1,{LONGEST}}})(?<!\s)\$(?![\w$])",
    re.DOTALL,
)
ELEMENTS = {
    *(
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "mstyle",
        "mpadded",
        "mphantom",
        "menclose",
        "mfrac",
        "msqrt",
    ),
    *("mroot", "msup", "msub", "msubsup", "mover", "munder", "munderover", "mtable", "mtr", "mtd"),
    *("mmultiscripts", "mprescripts", "none"),
}
WORD, SIZE = re.compile(r"[a-z\d -]{1,20}"), re.compile(r"-?\d?(?:\.\d{1,4})?(?:em|ex|px|pt)?")
WORDS = ("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form", "separator", "accent")
MORE_WORDS = ("accentunder", "largeop", "movablelimits", "columnalign", "notation")
SIZES = ("linethickness", "width", "lspace", "rspace", "rowspacing", "columnspacing")
ATTRIBUTES = dict.fromkeys((*WORDS, *MORE_WORDS), WORD) | dict.fromkeys(SIZES, SIZE)


def formulas(text: str) -> Markup:
    """Return a text as HTML, with its formulas as MathML; one that cannot be read stays as it was written.

    Formulas are those of GitHub and Jupyter: `$...$`, `$$...$$` and blocks of ```math.
    """
    return Markup("").join(_pieces(text))


def drawn(latex: str, inline: bool) -> Markup | None:
    """Return a formula as MathML, in a span of its own unless it is inline; None if it cannot be read."""
    try:
        from latex2mathml.converter import convert_to_element

        found = _copied(convert_to_element(latex, display="inline" if inline else "block"))
    except Exception:  # its parser has many ways to give up on what is no formula, RecursionError among them
        return None
    return found if inline else Markup('<span class="formula">{}</span>').format(found)


def _pieces(text: str) -> Iterator[Markup]:
    end = made = 0
    for found in PIECES.finditer(text):
        kind = found.lastgroup
        if kind is None or made >= MOST:
            continue
        made += 1
        if formula := drawn(found[kind].strip(), kind == "inline"):
            yield escape(text[end : found.start()])
            yield formula
            end = found.end()
    yield escape(text[end:])


def _copied(element: Element) -> Markup:
    inside = _text(element.text) + Markup("").join(_copied(child) + _text(child.tail) for child in element)
    if element.tag not in ELEMENTS:
        return inside
    kept = ((name, value) for name, value in element.attrib.items() if name in ATTRIBUTES)
    attributes = "".join(f' {name}="{value}"' for name, value in kept if ATTRIBUTES[name].fullmatch(value))
    return Markup(f"<{element.tag}{attributes}>{inside}</{element.tag}>")


def _text(text: str | None) -> Markup:
    return escape(html.unescape(text or ""))
