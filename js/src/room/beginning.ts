/** A promise of the room's first answer. */
export class Beginning {
  readonly promise: Promise<void>;
  private resolve: () => void = () => {};
  private reject: (error: Error) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Who doesn't wait for it need not hear that it won't come.
    this.promise.catch(() => {});
  }

  /** The answer is there. */
  begin(): void {
    this.resolve();
  }

  /** There won't be one, if there was none. */
  end(error: Error): void {
    this.reject(error);
  }
}
