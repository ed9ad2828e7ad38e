"""A room with all that can be shared in it: what people begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from .base_room import BaseRoom, find
from .objects.made import class_of

if TYPE_CHECKING:
    from .objects.binding import Bindings
    from .objects.control import Kind
    from .objects.dictionary import SharedDict
    from .objects.presence import Presence
    from .objects.pubsub import PubSub
    from .objects.reducer import SharedReducer
    from .objects.state import SharedState
    from .objects.stream.stream import Stream

__all__ = ["Room", "room"]

Encode = Callable[[Any], Any]


class Room(BaseRoom):
    """A room, and this process's one connection to it; made by :func:`room`.

    The connection closes by itself (after all is written) when nobody holds the room any more;
    each shared object holds its own.

    Its methods make the shared objects in it, and take what the classes take. In a notebook they
    take what a cell shows, too, such as ``label=`` of a stream or ``layout=`` of a state.
    """

    def state(
        self,
        key: str,
        initial: Any = None,
        *,
        control: Kind | None = None,
        options: Iterable[Any] | Mapping[str, Any] | None = None,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        label: str | None = None,
        description: str | None = None,
        disabled: bool = False,
        read_only: bool = False,
        limit_bytes: int = 512 * 1024,
        throttle_seconds: float = 0.0,
        stamps: bool = False,
        encode: Encode | None = None,
        decode: Encode | None = None,
        timeout_seconds: float = 10.0,
        **shown: Any,
    ) -> SharedState:
        """Return a value that all share: :class:`~driftdb_jupyter.SharedState`."""
        made = class_of("SharedState")(
            key,
            initial,
            room=self,
            control=control,
            options=options,
            min=min,
            max=max,
            step=step,
            label=label,
            description=description,
            disabled=disabled,
            read_only=read_only,
            limit_bytes=limit_bytes,
            throttle_seconds=throttle_seconds,
            stamps=stamps,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
            **shown,
        )
        return cast("SharedState", made)

    def dict(
        self,
        key: str,
        initial: Mapping[str, Any] | None = None,
        *,
        encode: Encode | None = None,
        decode: Encode | None = None,
        timeout_seconds: float = 10.0,
        **shown: Any,
    ) -> SharedDict:
        """Return named values that all share: :class:`~driftdb_jupyter.SharedDict`."""
        made = class_of("SharedDict")(
            key,
            initial,
            room=self,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
            **shown,
        )
        return cast("SharedDict", made)

    def pubsub(
        self,
        key: str,
        *,
        history: int = 100,
        stamps: bool = False,
        encode: Encode | None = None,
        decode: Encode | None = None,
        timeout_seconds: float = 10.0,
        label: str | None = None,
    ) -> PubSub:
        """Return a channel, whose values are kept nowhere: :class:`~driftdb_jupyter.PubSub`."""
        made = class_of("PubSub")(
            key,
            room=self,
            history=history,
            stamps=stamps,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
            label=label,
        )
        return cast("PubSub", made)

    def stream(
        self,
        key: str,
        *,
        max_length: int | None = None,
        stamps: bool = False,
        encode: Encode | None = None,
        decode: Encode | None = None,
        timeout_seconds: float = 10.0,
        label: str | None = None,
    ) -> Stream:
        """Return a list to append to: :class:`~driftdb_jupyter.Stream`."""
        made = class_of("Stream")(
            key,
            room=self,
            max_length=max_length,
            stamps=stamps,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
            label=label,
        )
        return cast("Stream", made)

    def reducer(
        self,
        key: str,
        fn: Callable[[Any, Any], Any],
        initial: Any = None,
        *,
        encode: Encode | None = None,
        decode: Encode | None = None,
        timeout_seconds: float = 10.0,
        **shown: Any,
    ) -> SharedReducer:
        """Return a value that actions change: :class:`~driftdb_jupyter.SharedReducer`."""
        made = class_of("SharedReducer")(
            key,
            fn,
            initial,
            room=self,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
            **shown,
        )
        return cast("SharedReducer", made)

    def presence(
        self,
        key: str = "presence",
        value: Any = None,
        *,
        encode: Encode | None = None,
        decode: Encode | None = None,
        timeout_seconds: float = 10.0,
        label: str | None = None,
    ) -> Presence:
        """Return who is here, each with a value: :class:`~driftdb_jupyter.Presence`."""
        made = class_of("Presence")(
            key,
            value,
            room=self,
            encode=encode,
            decode=decode,
            timeout_seconds=timeout_seconds,
            label=label,
        )
        return cast("Presence", made)

    def bind(
        self, widgets: Mapping[str, Any], *, trait: str = "value", trusted: bool = False
    ) -> Bindings:
        """Share a trait of each widget under the key that it has here.

        See :func:`~driftdb_jupyter.client.objects.binding.bind`, also for a widget with its trait,
        ``(widget, "trait")``, and for what ``trusted`` lets in.
        """
        from .objects.binding import bind_all

        return bind_all(widgets, trait=trait, room=self, trusted=trusted)


def room(
    name_or_url: str | None = None,
    *,
    url: str | None = None,
    token: str | Callable[[], str] | None = None,
    guest_name: str | None = None,
    timeout_seconds: float = 10.0,
) -> Room:
    """Return a room: the one of that name or URL, or else the notebook's own.

    Outside of a notebook ``DRIFTDB_ROOM`` is the name or URL where none is given.

    ``url`` is another server's URL (with a name: that room there, without: a new one, the same
    for the whole process) or a room's. The room connects in the background;
    ``timeout_seconds`` bounds the wait for a name alone, where the server has to say it: of the
    notebook's own room the first time, and of a new one.

    ``token`` is what the server is shown: a signed token, an owner's secret, or a Jupyter server's
    token. A function that returns it is called, on a thread of its own, before the room connects,
    and again when the token is about to end and where the server doesn't take it any more.

    A share link's URL (docs/links.md) opens its room with what the link gives. ``guest_name`` is
    the name that others see then, with "(guest)" behind it; ``DRIFTDB_GUEST_NAME`` is that where
    none is given.

    ``with room("x") as here:`` flushes at its end, and closes the connection unless others in the
    process use the room, too; in async code ``async with`` does.

    Raises :class:`~driftdb_jupyter.protocol.errors.NoServer` where there is nothing to go by,
    :class:`ValueError` for a name or URL that is none, and where the server is asked
    :class:`~driftdb_jupyter.protocol.errors.Unreachable`,
    :class:`~driftdb_jupyter.protocol.errors.Forbidden` and
    :class:`~driftdb_jupyter.protocol.errors.RoomNotFound`.
    """
    found = find(
        name_or_url,
        url=url,
        token=token,
        guest_name=guest_name,
        timeout_seconds=timeout_seconds,
    )
    return cast("Room", found).given()
