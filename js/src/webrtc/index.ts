/** Direct connections between those who are in a room. */
export type { Peer } from "./peer";
export { Peers, type PeersOptions } from "./peers";
