"""The report as one HTML file that opens offline: no script, no address in it is ever loaded.

`page` puts it together from `templates/`; `shown` makes text harmless, the other modules prepare what templates draw.
"""

from .page import render

__all__ = ["render"]
