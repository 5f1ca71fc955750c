"""One module for each mesh, or for several that differ in names. It reports calls as the mesh's documentation
says and uses none of our profiles.
"""

from __future__ import annotations

import importlib
import pkgutil

from tests.dialects import writers

_MODULES = [
    importlib.import_module(f"{__name__}.{module.name}")
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
]
DIALECTS: tuple[writers.Dialect, ...] = tuple(
    dialect for module in _MODULES for dialect in getattr(module, "DIALECTS", None) or (module.DIALECT,)
)
