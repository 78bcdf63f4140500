"""What a program writes arrives: in every encoding, at every width, and where nobody reads it."""

import codecs
import errno
import io
import os
import shutil
import sys
import textwrap

# What stands for a character in encodings that lack it; for others its number does, as \u4e2d.
ASCII = {
    **dict(zip("✓✗·☐≥→•━╸╺\u2013\u2014\u2018\u2019\u201c\u201d\xa0\xd7", "+x.->>*-----''\"\" x", strict=True)),
    "±": "+-",
    "…": "...",
    **{chr(dots): "*" for dots in range(0x2800, 0x2900)},  # what turns while one waits
}
HANDLER = "homework.ascii"
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def for_any_terminal() -> None:
    """Let stdout and stderr take all that is written, whatever they are; a second call changes nothing."""
    codecs.register_error(HANDLER, _in_ascii)  # type: ignore[arg-type]
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:  # no other: notebooks and tests have streams of their own
            stream.flush()
            setattr(sys, name, Output(stream))


class Output(io.TextIOWrapper):
    """A stream in the place of another that takes all that is written.

    A character that its encoding lacks is written in ASCII. In a terminal, long lines break between words. What is
    written when nobody reads any more, as after `| head -1`, is lost, and the program goes on. A full disk is an error.

    Args:
        stream: the other. It is kept, for its end would close the file.
    """

    def __init__(self, stream: io.TextIOWrapper):
        super().__init__(
            stream.buffer,
            stream.encoding,
            HANDLER,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; returns its length."""
        try:
            super().write(_broken(text, _columns(self)))
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what is still to be written."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Let the rest go nowhere: Python tries again when it ends, and would then change the exit status.

        Raises:
            OSError: the disk is full, once: somebody wants what is lost.
        """
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if error.errno in FULL:
            raise error


def _in_ascii(error: UnicodeEncodeError) -> tuple[str, int]:
    lacking = error.object[error.start : error.end]
    return "".join(ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking), error.end


def _columns(stream: io.TextIOWrapper) -> int:
    """The width of a terminal; 0 where the stream is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else 0


def _broken(text: str, columns: int) -> str:
    """Break lines that are longer than a terminal is wide, between words; what moves the cursor is left alone."""
    if not columns or len(text) <= columns or "\x1b" in text or "\r" in text:
        return text
    return "".join(
        textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False, replace_whitespace=False) + end
        if len(line) > columns
        else line + end
        for line, end in ((whole.rstrip("\n"), "\n" * whole.endswith("\n")) for whole in text.splitlines(keepends=True))
    )
