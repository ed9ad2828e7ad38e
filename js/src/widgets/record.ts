import { isObject, type Json } from "../protocol/messages";

/** An object of JSON. */
export type JsonRecord = { [name: string]: Json };

export function isRecord(value: Json | undefined): value is JsonRecord {
  return value !== undefined && isObject(value);
}

/** What an object has under a name; not what all objects inherit (`constructor`, say). */
export function field(value: JsonRecord, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
