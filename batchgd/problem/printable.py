"""Text that did not come from this program, such that a terminal shows it and does not obey it."""


def printable(text: str) -> str:
    r"""Return the text with every character that cannot be printed written as its escape.

    Control characters, which can move the cursor, clear the screen or set the title, characters that reverse the
    direction of writing, and halves of surrogate pairs become ``\x1b``, ``\u202e`` and the like.

    >>> print(printable("so\x1b[2Jit is, señor\n"))
    so\x1b[2Jit is, señor\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
