"""The rights of the roles in our manifests, for real users in one namespace, over real traffic."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo import faults, runner, wait
from tests.cluster import cluster
from tests.fakes import unreliable
from tests.installed import ground, reading
from tests.installed import site as sites

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.mesh,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]
_HERE, _ELSEWHERE = "shop", "data"
_WITHIN = 90.0
_EVERYTHING, _EDGES, _NOTHING = "everything in their namespace", "its edges", "nothing"
_USERS = {
    "viewer": ("view", _EVERYTHING),
    "editor": ("edit", _EVERYTHING),
    "owner": ("admin", _EVERYTHING),
    "onlooker": ("trafficmetrics-edges-view", _EDGES),
    "stranger": ("system:node-proxier", _NOTHING),
}
"""The role of each user, and what the user may read."""
_OWN = f"/namespaces/{_HERE}"
_PATHS = {
    f"{_OWN}/trafficmetrics": {_EVERYTHING},
    f"{_OWN}/trafficmetrics/deployment.gateway": {_EVERYTHING},
    f"{_OWN}/deployments/gateway": {_EVERYTHING},
    _OWN: {_EVERYTHING},
    f"{_OWN}/trafficsplits": {_EVERYTHING},
    f"{_OWN}/trafficedges": {_EVERYTHING, _EDGES},
    f"{_OWN}/edges": {_EVERYTHING, _EDGES},
    f"{_OWN}/deployments/gateway/edges": {_EVERYTHING, _EDGES},
    f"/namespaces/{_ELSEWHERE}/trafficmetrics": set(),
    f"/namespaces/{_ELSEWHERE}/edges": set(),
    "/trafficmetrics": set(),
    "/trafficedges": set(),
    "/nodes": set(),
    "/namespaces": set(),
}
"""Paths below the group, and the users who may read each."""


@dataclasses.dataclass(frozen=True, slots=True)
class Users:
    """The administrator impersonates them: a kube-apiserver then treats them as any user."""

    site: sites.Site

    async def may_read(self, path: str, *, user: str) -> bool:
        """Raises a `DemoError` if the answer is neither figures nor a refusal."""
        try:
            await self.site.kubectl("get", "--raw", reading.GROUP + path, f"--as={user}")
        except faults.DemoError as error:
            if "(Forbidden)" in str(error):
                return False
            raise
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def users(site: sites.Site, mesh: runner.Mesh) -> AsyncIterator[Users]:
    """Each user is bound to a role in one of the two namespaces of the mesh."""
    if not isinstance(site.ground, cluster.Cluster | ground.Running):
        pytest.skip("from pods of a cluster of somebody else the mesh on this machine is not reached")
    found = Users(site)
    async with (
        unreliable.standing(mesh.prometheus_url, host=site.ground.place.host) as source,
        site.installed(prometheus=source.url),
    ):
        try:
            for namespace in (_HERE, _ELSEWHERE):
                await site.kubectl("create", "namespace", namespace)
            for user, (role, _) in _USERS.items():
                binding = (user, f"--clusterrole={role}", f"--user={user}", f"--namespace={_HERE}")
                await site.kubectl("create", "rolebinding", *binding)

            async def sees_traffic() -> bool:
                try:
                    return await found.may_read(f"{_OWN}/trafficmetrics/deployment.gateway", user="viewer")
                except faults.DemoError:
                    return False

            await wait.until(sees_traffic, what="the traffic of the mesh", within=_WITHIN, pause=1)
            yield found
        finally:
            await site.kubectl("delete", "namespace", _HERE, _ELSEWHERE, "--ignore-not-found", "--wait")


@pytest.mark.parametrize("user", list(_USERS))
async def test_a_role_in_a_namespace_opens_what_it_says_and_nothing_else(users: Users, user: str) -> None:
    _, opened = _USERS[user]

    found = {path: await users.may_read(path, user=user) for path in _PATHS}

    assert found == {path: opened in to for path, to in _PATHS.items()}
