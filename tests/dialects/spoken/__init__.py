"""One module for each mesh, which reports calls as the mesh's documentation says and uses none of our
profiles.
"""

from __future__ import annotations

import importlib
import pkgutil

from tests.dialects import writers

DIALECTS: tuple[writers.Dialect, ...] = tuple(
    importlib.import_module(f"{__name__}.{module.name}").DIALECT
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
)
