"""Several authenticators as one: the first that knows the user decides.

One that refuses ends the matter, so a wrong credential is never taken for none. Who presents nothing is the
anonymous user where that is enabled, and then it is for the authorizer to say what anybody may see.
"""

import dataclasses
from collections.abc import Sequence

from apiservice.authn import authenticator

ANONYMOUS = authenticator.User(name="system:anonymous", groups=(authenticator.UNAUTHENTICATED,))

_TOLD = frozenset({authenticator.AUTHENTICATED, authenticator.UNAUTHENTICATED})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """The authenticators, asked in their order."""

    authenticators: Sequence[authenticator.Authenticator]
    anonymous: bool

    async def authenticate(self, credentials: authenticator.Credentials) -> authenticator.User | None:
        for one in self.authenticators:
            user = await one.authenticate(credentials)
            if user is not None:
                return _authenticated(user)
        return ANONYMOUS if self.anonymous else None


def _authenticated(user: authenticator.User) -> authenticator.User:
    """The user in the group of all who are known, unless the credential says of itself which they are."""
    if user.name == ANONYMOUS.name or not _TOLD.isdisjoint(user.groups):
        return user
    return dataclasses.replace(user, groups=(*user.groups, authenticator.AUTHENTICATED))
