/**
 * Throw a `TypeError` unless an argument fits, for callers whom no compiler told so. `path` leads to
 * the part of a value that is meant.
 */
export function check(fits: unknown, expected: string, got: unknown, path?: string): asserts fits {
  if (!fits) throw new TypeError(`${path ? `${path}: ` : ""}expected ${expected}, got ${got}`);
}
