"""Credentials in a form in which another server of the same rooms can take them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from ...access.credential import Credential, Guest, Stranger
from ...access.identity import Identity
from ...access.owner import Owner
from ...access.room_access import RoomAccess
from ...access.share_link import LinkPerson, ShareLink
from ...access.tokens.claims import Claims
from ...access.tokens.keys import KeyId
from ...access.tokens.token import Token
from ...protocol.value import Value

__all__ = ["Carried", "TokenMaker"]

TokenMaker = Callable[[Claims, KeyId], Token | None]


class _Guest(Struct, tag="guest"):
    pass


class _Owner(Struct, tag="owner"):
    digest: str


class _Token(Struct, tag="token"):
    claims: Claims
    key_id: KeyId


class _Person(Struct, tag="link"):
    link: str
    person: str
    user: str | None


class _Written(Struct):
    room: str
    credential: _Guest | _Owner | _Token | _Person


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Written).decode


class Carried:
    """Writes credentials down for other servers, without any secret, and reads what they wrote.

    ``guest``: what somebody with nothing comes in with here, ``None`` where nobody does. ``token``:
    makes the credential of a token that another server has verified, ``None`` where none are taken
    here. Each server goes by its own settings and keys. ``access`` returns who may do what in a
    room.
    """

    def __init__(
        self,
        *,
        guest: Guest | None,
        token: TokenMaker | None,
        access: Callable[[str], Awaitable[RoomAccess | None]],
    ) -> None:
        self._guest = guest
        self._token = token
        self._access = access

    def write(self, credential: Credential, room: str) -> bytes | None:
        """Return what stands for a credential in a room; ``None`` where only this server knows it.

        As of somebody of whom Jupyter or a hub is asked again, with what the request had.
        """
        written: _Guest | _Owner | _Token | _Person
        if isinstance(credential, Owner):
            written = _Owner(credential.digest)
        elif type(credential) in (Guest, Stranger):
            written = _Guest()
        elif isinstance(credential, Token):
            written = _Token(credential.claims, credential.key_id)
        elif isinstance(credential, LinkPerson):
            user = credential.identity.user
            shown = None if user is None else user.as_json().decode()
            written = _Person(credential.link_id, credential.person, shown)
        else:
            return None
        return _encode(_Written(room, written))

    async def read(self, content: bytes, room: str) -> Credential | None:
        """Return the credential in a room that was written down; ``None`` for none that is good."""
        found = _decode(content)
        written = found.credential
        if found.room != room:
            return None
        if isinstance(written, _Token):
            return None if self._token is None else self._token(written.claims, written.key_id)
        if isinstance(written, _Person):
            access = await self._access(room)
            link = None if access is None else ShareLink.find(access, written.link)
            if link is None:  # it was taken back meanwhile
                return None
            user = None if written.user is None else Value.from_json(written.user.encode())
            identity = Identity("link", user=user, link=link.id)
            return LinkPerson(room, link, written.person, identity)
        if self._guest is None or isinstance(written, _Guest):
            return self._guest
        return Owner.with_digest(written.digest, self._guest)
