import { DetouredConnection } from "./detour";
import { foreignService, serviceSocket } from "./service_socket";
import { Session } from "./session";

const connections = new Map<string, { connection: DetouredConnection; users: number }>();

/**
 * Join the room at an http(s) address; one connection serves all of a page who do. `session`: that
 * of the first one.
 */
export function join(url: string, session = new Session()): DetouredConnection {
  let room = connections.get(url);
  if (room === undefined) {
    const service = foreignService(url);
    const options = service === null ? {} : { WebSocket: serviceSocket(service) };
    room = { connection: new DetouredConnection(url, options, session), users: 0 };
    connections.set(url, room);
  }
  room.users += 1;
  return room.connection;
}

/** End what `join` began; the last one who leaves closes the connection. */
export function leave(connection: DetouredConnection): void {
  const room = connections.get(connection.url);
  if (room?.connection !== connection) return;
  room.users -= 1;
  if (room.users > 0) return;
  connections.delete(connection.url);
  connection.close();
}
