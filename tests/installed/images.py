"""Our own images, as archives: built again if their sources have changed."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tests.cluster import commands

_PROJECT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    name: str
    dockerfile: str


PRODUCT = Image("trafficmetrics:0.1.0", "Dockerfile")
DEMO = Image("trafficmetrics-demo:0.1.0", "demo/Dockerfile")
OURS = (PRODUCT, DEMO)


async def archive(image: Image, *, report: Callable[[str], None]) -> Path:
    """The archive of an image, in the format of `docker save`."""
    path = _PROJECT / ".run" / "image" / f"{image.name.partition(':')[0]}.tar"
    report(f"making the image {image.name}")
    await commands.output("sh", "deploy/image/make", image.dockerfile, image.name, str(path), folder=_PROJECT)
    return path
