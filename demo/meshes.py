"""The meshes by name. A cluster has one of them at a time."""

from collections.abc import Mapping

from demo import blueprint, kiosk, shop

SHOP = "shop"
MESHES: Mapping[str, blueprint.Blueprint] = {SHOP: shop.SHOP, "kiosk": kiosk.KIOSK}
