const { compare } = new Intl.Collator(undefined, { numeric: true });

/** As people sort keys; the protocol's own come last. */
export function byName(one: string, other: string): number {
  return Number(one.startsWith("$")) - Number(other.startsWith("$")) || compare(one, other);
}
