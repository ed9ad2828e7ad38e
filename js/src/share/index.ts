/** Share links: to come in by one, and to make, list and take back those of an own room. */

export { Refused } from "../client/errors";
export type { Room } from "../room/room";
export { NotLetIn } from "./door";
export { type JoinOptions, join } from "./join";
export {
  type LinkGrant,
  type LinkOptions,
  type NewLink,
  type OwnerOptions,
  type ShareLink,
  ShareLinks,
} from "./links";
