import { type LogListener, LogReplica } from "../client/log";
import type { Session } from "../client/session";

/** A replica of one listener's own, who knows nothing of the key's kind. */
class Ear extends LogReplica {}

/** Hear all that comes under a key, whatever it is. */
export function listen(session: Session, key: string, listener: LogListener): LogReplica {
  const replica = new Ear(key, session.queue, false);
  replica.listeners.add(listener);
  session.add(replica);
  return replica;
}
