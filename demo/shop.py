"""The mesh as data: a shop and its database.

Every situation that a traffic API has to get right is here once: an ingress gateway, a split between two
versions, retries and timeouts, mutual TLS, a service without endpoints, an idle workload, a job, a
node-local cache, a machine outside Kubernetes, another namespace.
"""

from demo import blueprint

_SHOP, _DATA = "shop", "data"


def _shop(name: str) -> blueprint.Name:
    return blueprint.Name(_SHOP, name)


GATEWAY, FRONTEND, CART, CHECKOUT, PAYMENTS = map(
    _shop, ("gateway", "frontend", "cart", "checkout", "payments")
)
CATALOG, CATALOG_V1, CATALOG_V2 = map(_shop, ("catalog", "catalog-v1", "catalog-v2"))
CACHE, WISHLIST, GHOST, BILLING = map(_shop, ("session-cache", "wishlist", "ghost", "billing"))
BILLING_VM = _shop("billing-vm")
DB = blueprint.Name(_DATA, "db")
REPORT = blueprint.Name(_DATA, "report")

_SESSION = blueprint.Call(CACHE, "/session", required=False)
_ITEMS = blueprint.Call(CATALOG, "/items")

_WORKLOADS = (
    blueprint.Workload(
        GATEWAY,
        "Deployment",
        replicas=2,
        public=True,
        labels={"app": "gateway", "tier": "edge"},
        answers={"": (blueprint.Call(FRONTEND, "/"),)},
    ),
    blueprint.Workload(
        FRONTEND,
        "Deployment",
        replicas=2,
        labels={"app": "frontend", "version": "v3"},
        latency=blueprint.Latency(0.005),
        answers={
            "": (_SESSION, _ITEMS, blueprint.Call(GHOST, "/recommendations", chance=0.2, required=False)),
            "product": (_ITEMS, blueprint.Call(GHOST, "/recommendations", chance=0.1, required=False)),
            "cart": (_SESSION, blueprint.Call(CART, "/cart")),
            "checkout": (_SESSION, blueprint.Call(CHECKOUT, "/orders")),
        },
    ),
    blueprint.Workload(
        CATALOG_V1,
        "Deployment",
        labels={"app": "catalog", "version": "v1"},
        latency=blueprint.Latency(0.009),
    ),
    blueprint.Workload(
        CATALOG_V2,
        "Deployment",
        labels={"app": "catalog", "version": "v2"},
        latency=blueprint.Latency(0.006),
    ),
    blueprint.Workload(
        CART,
        "Deployment",
        replicas=2,
        labels={"app": "cart", "version": "v1"},
        latency=blueprint.Latency(0.004),
        answers={"cart": (blueprint.Call(DB, "/query"),)},
    ),
    blueprint.Workload(
        CHECKOUT,
        "Deployment",
        labels={"app": "checkout", "version": "v1"},
        latency=blueprint.Latency(0.012),
        answers={"orders": (blueprint.Call(CART, "/cart"), blueprint.Call(PAYMENTS, "/charge"))},
    ),
    blueprint.Workload(
        PAYMENTS,
        "Deployment",
        labels={"app": "payments", "version": "v1"},
        latency=blueprint.Latency(0.022, sigma=0.5),
        failing=0.05,
        strict_tls=True,
        answers={"charge": (blueprint.Call(BILLING, "/invoices", chance=0.6, required=False),)},
    ),
    blueprint.Workload(
        CACHE,
        "DaemonSet",
        replicas=3,
        labels={"app": "session-cache"},
        latency=blueprint.Latency(0.001, sigma=0.3),
    ),
    blueprint.Workload(
        WISHLIST,
        "Deployment",
        labels={"app": "wishlist", "version": "v1"},
        answers={"wishes": (blueprint.Call(CART, "/cart"),)},
    ),
    blueprint.Workload(
        DB,
        "StatefulSet",
        replicas=2,
        labels={"app": "db"},
        latency=blueprint.Latency(0.008, sigma=0.5, tail_share=0.03, tail_factor=10.0),
        failing=0.02,
        slower={1: 2.5},
        strict_tls=True,
    ),
    blueprint.Workload(
        REPORT,
        "Job",
        labels={"app": "report"},
        beat=2.5,
        answers={"": (blueprint.Call(DB, "/query"), _ITEMS)},
    ),
    blueprint.Workload(
        BILLING_VM,
        "ExternalWorkload",
        labels={"app": "billing"},
        latency=blueprint.Latency(0.035),
        answers={"invoices": (blueprint.Call(DB, "/query", chance=0.5),)},
    ),
)

_SERVICES = (
    *(
        blueprint.Service(name, {"app": name.name})
        for name in (GATEWAY, FRONTEND, CART, CHECKOUT, PAYMENTS, CACHE, WISHLIST, BILLING, DB)
    ),
    blueprint.Service(CATALOG, {"app": "catalog"}, split={CATALOG_V1: 90, CATALOG_V2: 10}),
    blueprint.Service(CATALOG_V1, {"app": "catalog", "version": "v1"}),
    blueprint.Service(CATALOG_V2, {"app": "catalog", "version": "v2"}),
    blueprint.Service(GHOST, {"app": "ghost"}),
)

SHOP = blueprint.Blueprint(
    nodes=("node-a", "node-b", "node-c"),
    workloads=_WORKLOADS,
    services=_SERVICES,
    policies=(blueprint.Policy(CART, DB, timeout=0.25, retries=1),),
    entry_paths={"/": 40, "/product/{id}": 30, "/cart": 20, "/checkout": 10},
)
