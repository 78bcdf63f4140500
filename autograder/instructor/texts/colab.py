"""The badge that opens a homework's notebook in Colab, where the handout is published on GitHub."""

from autograder.grading import catalog

ADDRESS = "https://colab.research.google.com/github"
PICTURE = "colab.svg"  # beside the notebook: nothing is fetched to show it
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="112" height="20" role="img" aria-label="Open in Colab">
<rect width="112" height="20" rx="3" fill="#4a4a4a"/>
<g fill="none" stroke-width="2.5"><circle cx="11" cy="10" r="4" stroke="#f9ab00"/>\
<circle cx="19" cy="10" r="4" stroke="#e8710a"/></g>
<text x="29" y="14" fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" textLength="77">\
Open in Colab</text>
</svg>
"""


def badge(homework: str, folder: str = "") -> str:
    """Return the badge as Markdown; empty where the handout is not published.

    Args:
        homework: as "hw2".
        folder: where the picture lies as the page sees it, as "hw2/"; beside the page if left out.
    """
    repository, branch = catalog.homework(homework).published
    if not repository:
        return ""
    return f"[![Open in Colab]({folder}{PICTURE})]({ADDRESS}/{repository}/blob/{branch}/{homework}/{homework}.ipynb)"


def picture() -> str:
    """Return the picture of the badge."""
    return SVG
