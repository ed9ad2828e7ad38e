/**
 * Throw a `TypeError` unless an argument fits, for callers whom no compiler told so. `path` leads to
 * the part of a value that is meant.
 */
export function check(fits: unknown, expected: string, got: unknown, path?: string): asserts fits {
  if (!fits) throw new TypeError(`${path ? `${path}: ` : ""}expected ${expected}, got ${got}`);
}

/** What an option has to be: of that type, or a number that is not below this (1: and a whole one). */
export type Rule = "boolean" | "function" | "object" | "string" | "string or function" | 0 | 1;

/** Throw a `TypeError` for an option that doesn't fit, or that there isn't. */
export function checkOptions(options: object, rules: Readonly<Record<string, Rule>>): void {
  check(typeof options === "object" && options !== null, "an object of options", options);
  for (const [name, value] of Object.entries(options)) {
    check(Object.hasOwn(rules, name), `one of ${Object.keys(rules).join(", ")}`, name);
    const rule = rules[name] as Rule;
    const isType = typeof rule === "string";
    const fits = isType
      ? rule.includes(typeof value)
      : Number.isFinite(value) && value >= rule && (value * rule) % 1 === 0;
    const expected = isType
      ? `a${rule === "object" ? "n" : ""} ${rule}`
      : `a ${rule ? "whole " : ""}number, ${rule} or more`;
    check(value === undefined || fits, expected, value, name);
  }
}
