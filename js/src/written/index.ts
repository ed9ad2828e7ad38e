/** Who wrote the value of a state, and when. */

export type { Message } from "../room/message";
export { Written } from "./written";
