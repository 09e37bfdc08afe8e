"""What pyproject.toml cannot say: in a wheel the core is compiled by Cython, with the types of the .pxd files.

Without a C compiler the wheel is still built, with a core in plain Python: the same decisions, slower. An editable
installation is never compiled: it would run code that has changed since.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

ONLY_TYPED = "LINGER_COMPILE_ONLY_TYPED"
"""Environment variable with which the tests compile only modules that have types: half of the C."""


def extensions() -> list[Extension]:
    """Return the modules of the core, each compiled if possible."""
    from Cython.Build import cythonize

    sources = [path for path in sorted(Path("workers/core").rglob("*.py")) if path.name != "__init__.py"]
    if ONLY_TYPED in os.environ:
        sources = [path for path in sources if path.with_suffix(".pxd").exists()]
    # A module that exists twice is compiled from its .pyx.
    sources = [path.with_suffix(".pyx") if path.with_suffix(".pyx").exists() else path for path in sources]
    sources.append(Path("schemas/actions.py"))  # the ids of actions, and moments
    modules = [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            extra_compile_args=["-O2", "-g0"],
            optional=True,
        )
        for path in sources
    ]
    # The compiler takes types from the .pxd beside a module, never from annotations. A number that 64 bits cannot
    # hold is refused, never cut.
    directives = {
        "language_level": 3,
        "annotation_typing": False,
        "infer_types": True,
        "overflowcheck": True,
        # Nothing of the core is pickled, and no function of it is asked for its signature: half of the C.
        "auto_pickle": False,
        "binding": False,
    }
    made: list[Extension] = cythonize(
        modules,
        compiler_directives=directives,
        build_dir="build/cython",
        quiet=True,
        # Elsewhere a process that is started would run this file again.
        nthreads=os.cpu_count() or 0 if sys.platform == "linux" else 0,
    )
    return made


setup(
    ext_modules=extensions() if "bdist_wheel" in sys.argv else [],
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
