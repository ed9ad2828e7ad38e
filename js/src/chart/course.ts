/** Blocks of so many points, of so many of these, and so on have their least and greatest known. */
const BITS = 4;
const LEVELS = 5;
/** Of more points than that, the oldest detail is given up, and no peak. */
const MOST_POINTS = 1 << 20;
const FIRST_CAPACITY = 1024;

/** The places of the least and the greatest of some points. */
export interface Extremes {
  readonly least: number;
  readonly greatest: number;
}

/**
 * Points in the order of their x, in typed arrays. To add one, or to find the extremes of a range,
 * costs the same however many there are.
 */
export class Course {
  x = new Float64Array(FIRST_CAPACITY);
  y = new Float64Array(FIRST_CAPACITY);
  length = 0;
  /** Counts the changes other than that points were added at the end. */
  revision = 0;
  /** Points that belong before others, until the next `settle`. */
  private late: [x: number, y: number][] = [];
  /** By level: the places of the least and the greatest point of each block. */
  private least = Array.from({ length: LEVELS }, () => new Uint32Array(1));
  private greatest = Array.from({ length: LEVELS }, () => new Uint32Array(1));

  constructor(private readonly most = MOST_POINTS) {}

  /** Add a point of two finite numbers; one that belongs before others is there after `settle`. */
  push(x: number, y: number): void {
    const { length } = this;
    if (length > 0 && x < (this.x[length - 1] as number)) {
      this.late.push([x, y]);
      return;
    }
    if (length === this.x.length) this.grow(2 * length);
    this.x[length] = x;
    this.y[length] = y;
    this.length += 1;
    this.index(length);
    if (this.length > this.most) this.thin();
  }

  clear(): void {
    this.length = 0;
    this.late = [];
    this.revision += 1;
  }

  /** Put late points where they belong: behind those of the same x that were there before. */
  settle(): void {
    const { late } = this;
    if (late.length === 0) return;
    this.late = [];
    late.sort(([one], [other]) => one - other);
    const whole = this.length + late.length;
    let capacity = this.x.length;
    while (capacity < whole) capacity *= 2;
    this.grow(capacity);
    const { x, y } = this;
    let from = this.length - 1;
    let to = whole - 1;
    for (let next = late.length - 1; next >= 0; to -= 1) {
      const [lateX, lateY] = late[next] as [number, number];
      const moves = from >= 0 && (x[from] as number) > lateX;
      x[to] = moves ? (x[from] as number) : lateX;
      y[to] = moves ? (y[from] as number) : lateY;
      if (moves) from -= 1;
      else next -= 1;
    }
    this.length = whole;
    this.indexFrom(to + 1);
    while (this.length > this.most) this.thin();
  }

  /** The place of the first point whose x is `x` or more, at `from` or after it. */
  placeOf(x: number, from = 0): number {
    let [low, high] = [from, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.x[middle] as number) < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of the first point whose x is more than `x`. */
  placeAfter(x: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.x[middle] as number) <= x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The extremes of the points from one place to before another; there has to be one. */
  extremes(from: number, to: number): Extremes {
    const { y } = this;
    let [least, greatest] = [from, from];
    let lowest = y[from] as number;
    let highest = lowest;
    // Goes on by the largest block that begins where it is, and ends before the end.
    for (let [place, bits] = [from, 0]; place < to; place += 1 << bits) {
      while (bits < BITS * LEVELS && fits(place, bits + BITS, to)) bits += BITS;
      while (bits > 0 && place + (1 << bits) > to) bits -= BITS;
      const level = bits / BITS - 1;
      const low =
        bits === 0 ? place : ((this.least[level] as Uint32Array)[place >>> bits] as number);
      const high =
        bits === 0 ? place : ((this.greatest[level] as Uint32Array)[place >>> bits] as number);
      if ((y[low] as number) < lowest) {
        least = low;
        lowest = y[low] as number;
      }
      if ((y[high] as number) > highest) {
        greatest = high;
        highest = y[high] as number;
      }
    }
    return { least, greatest };
  }

  /** Give up half of the points: of each four the least and the greatest stay. */
  private thin(): void {
    const { x, y, length } = this;
    let kept = 0;
    for (let from = 0; from < length; from += 4) {
      const { least, greatest } = this.extremes(from, Math.min(length, from + 4));
      for (const place of placesOf(least, greatest)) {
        x[kept] = x[place] as number;
        y[kept] = y[place] as number;
        kept += 1;
      }
    }
    this.length = kept;
    this.indexFrom(0);
  }

  /** Look at all blocks anew that hold points from a place on. */
  private indexFrom(first: number): void {
    this.revision += 1;
    const { y, length } = this;
    for (let place = first - (first % (1 << BITS)); place < length; place += 1)
      this.index(place, 1);
    for (let level = 1; level < LEVELS; level += 1) {
      const bits = BITS * (level + 1);
      for (let block = first >>> bits; block << bits < length; block += 1) {
        const [least, greatest] = this.blocks(level, block);
        const [low, high] = this.blocks(level - 1, 0);
        const begin = block << BITS;
        const end = Math.min(begin + (1 << BITS), ((length - 1) >>> (bits - BITS)) + 1);
        least[block] = low[begin] as number;
        greatest[block] = high[begin] as number;
        for (let part = begin + 1; part < end; part += 1) {
          const [lower, higher] = [low[part] as number, high[part] as number];
          if ((y[lower] as number) < (y[least[block] as number] as number)) least[block] = lower;
          if ((y[higher] as number) > (y[greatest[block] as number] as number))
            greatest[block] = higher;
        }
      }
    }
  }

  /** A point was put at the end: it belongs to a block of each level. */
  private index(place: number, levels = LEVELS): void {
    const y = this.y[place] as number;
    for (let level = 0; level < levels; level += 1) {
      const bits = BITS * (level + 1);
      const block = place >>> bits;
      const [least, greatest] = this.blocks(level, block);
      const begins = block << bits === place;
      if (begins || y < (this.y[least[block] as number] as number)) least[block] = place;
      if (begins || y > (this.y[greatest[block] as number] as number)) greatest[block] = place;
    }
  }

  private blocks(level: number, block: number): [least: Uint32Array, greatest: Uint32Array] {
    let least = this.least[level] as Uint32Array<ArrayBuffer>;
    let greatest = this.greatest[level] as Uint32Array<ArrayBuffer>;
    if (block >= least.length) {
      let size = 2 * least.length;
      while (size <= block) size *= 2;
      least = this.least[level] = copyOf(least, size);
      greatest = this.greatest[level] = copyOf(greatest, size);
    }
    return [least, greatest];
  }

  private grow(capacity: number): void {
    if (capacity === this.x.length) return;
    const [x, y] = [new Float64Array(capacity), new Float64Array(capacity)];
    x.set(this.x.subarray(0, this.length));
    y.set(this.y.subarray(0, this.length));
    this.x = x;
    this.y = y;
  }
}

function copyOf(array: Uint32Array, size: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(size);
  copy.set(array);
  return copy;
}

/** Two places in their order, once where they are the same. */
function placesOf(one: number, other: number): number[] {
  return one === other ? [one] : [Math.min(one, other), Math.max(one, other)];
}

/** Whether a block of `1 << bits` points begins at a place, and ends before another. */
function fits(place: number, bits: number, to: number): boolean {
  return (place & ((1 << bits) - 1)) === 0 && place + (1 << bits) <= to;
}
