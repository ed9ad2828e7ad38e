/** Gives each series a colour that it keeps as long as it is there, whatever others come and go. */
export class Palette {
  private colours = new Map<string, number>();

  /** The colour of each of these, by their ids; others are forgotten, and theirs are free again. */
  colour(ids: readonly string[]): number[] {
    const kept = new Map<string, number>();
    for (const id of ids) {
      const before = this.colours.get(id);
      if (before !== undefined) kept.set(id, before);
    }
    const used = new Set(kept.values());
    let free = 0;
    for (const id of ids) {
      if (kept.has(id)) continue;
      while (used.has(free)) free += 1;
      used.add(free);
      kept.set(id, free);
    }
    this.colours = kept;
    return ids.map((id) => kept.get(id) as number);
  }
}
