/** Who is to be told of something. */
export class Listeners<A extends unknown[]> {
  private readonly known = new Set<(...told: A) => void>();

  /** Tell somebody from now on; returns what ends that. */
  add(listener: (...told: A) => void): () => void {
    const own = (...told: A) => listener(...told); // so that the same one may be added twice
    this.known.add(own);
    return () => {
      this.known.delete(own);
    };
  }

  /** Tell all; what one of them throws keeps nobody from hearing. */
  tell(...told: A): void {
    for (const listener of [...this.known]) {
      try {
        listener(...told);
      } catch (error) {
        console.error(error);
      }
    }
  }

  clear(): void {
    this.known.clear();
  }
}
