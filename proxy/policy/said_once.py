"""Whether a body says a thing only once, and may be sent on as it came.

Of a name given twice we take the last value, as nearly everybody does; a server that takes the
first would be asked another thing than was checked here. A body encoded anew says it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# `"mod\u0065l"` is another spelling of `"model"`. Letters and the underscore only: other escapes
# are what clients write for text that is not ASCII.
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")


def says_once(body: bytes, names: Iterable[str]) -> bool:
    """Whether no name can be in a JSON object twice.

    Cheap, and on the careful side: the name may also stand inside another object or be a text.
    """
    if b"\\u00" in body and _ESCAPED_LETTER.search(body):
        return False
    return all(body.count(b'"%b"' % name.encode()) <= 1 for name in names)
