import { Refused } from "../client/errors";

/**
 * What becomes of a write, for whoever looks. Who closes a room, and never looked, knows why it
 * isn't told: then its rejection is no "unhandled" one, which ends a process of Node's.
 */
export function tolerateClose<T>(promise: Promise<T>): Promise<T> {
  const told: Promise<T> = new Promise((resolve, reject) => {
    promise.then(resolve, (error: unknown) => {
      if (error instanceof Refused && error.code === "closed") told.catch(() => {});
      reject(error);
    });
  });
  return told;
}
