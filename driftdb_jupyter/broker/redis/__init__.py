"""The broker of any number of servers that share their rooms through Redis.

A room's **log** is its order: a Redis Stream whose entries are numbered from 1 without gaps. An
entry (:mod:`.record`) is what one server has gathered for the room in one tick of its loop, or a
change of who may do what, or a fact that pushes are decided by: the epoch, the bounds, the clients
whose pushes are forgotten. A script (``push.lua``) gives it its number and its time, by Redis's
clock, adds it and publishes it on the room's channel, in one step.

Every server that hosts the room applies the same entries in the same order (:mod:`.replica`) to its
own copy, so that all copies are equal, and what becomes of a push is decided alike everywhere. None
of that depends on a server's clock, memory or settings. The server that a push came to answers its
pusher when it applies its own entry.

- One pipeline is on its way at a time (:mod:`.courier`), with at most one entry of each room; what
  comes meanwhile is gathered for the next. Where its replies are lost it is sent again over another
  connection, and the script takes no entry of a server twice.
- The channel alone may lose messages. A gap in the numbers is filled by reading the log; so is what
  was published while the connection was away. Each server asks once a second which rooms have
  changed, so that a lost message with none behind it is missed for no longer.
- An entry names the time of the one before, which is never given twice: so a server that has
  applied what Redis has lost notices, whatever was written since.
- A **snapshot** (:mod:`.snapshot`) is the room after an entry of the log, with its recovery window,
  in pieces. It takes the place of an older one alone, and the log before the older one goes.
- The **generation** says that Redis may have lost what servers had applied: the first that finds
  itself at another process, at another history, or at an empty one, gives a new one; no entry of
  an older generation is taken any more. Then every room has a new epoch, and is read anew.
"""
