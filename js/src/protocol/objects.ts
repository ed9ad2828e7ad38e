/** What the values of an object's stream look like (docs/protocol.md, part 2). */
import type { Json } from "./messages";

/** A state's value; `i` is the mark by which npm's client knows its own. */
export type StateForm = { v: Json; i: string };

/** A reducer's or dictionary's action; `i` is the mark by which its author knows it again. */
export type ActionForm = { apply: Json; i: string };

/** What stands for all actions up to now; `initial`: it is only where they begin. */
export type SnapshotForm = { reset: Json; initial?: string };

/** What names the parts of a long snapshot, and one of them. */
export type PartsForm = { parts: number; of: string };
export type PartForm = { part: number; of: string; text: string };

/** A dictionary's action. */
export type StepForm = { set?: Json; remove?: Json };

/** What `$meta/KEY` says of a key. */
export type DescriptionForm = { kind: Json };
