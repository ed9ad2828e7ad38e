import type { Json } from "../protocol/messages";
import { Reduction } from "./reduction";
import { copy, decode } from "./values";

/**
 * A reduction whose function may change the value that it is given, as DriftDB's client lets it:
 * there are two values, that of the room's order and the shown one. They are copied where others'
 * actions come between own ones.
 */
export class CopiedReduction<S, A> extends Reduction<S, A> {
  override apply(action: Json, mark = ""): boolean {
    const { own, shown } = this;
    const [oldest] = own.keys();
    const isOwn = own.delete(mark);
    this.confirmed = this.applied(this.confirmed, action);
    if (shown !== null && mark === oldest) return false;
    const goesOn = shown !== null && !isOwn && own.size === 0;
    this.shown = goesOn ? { value: this.applied(shown.value, action) } : null;
    return true;
  }

  override propose(mark: string, action: Json): void {
    try {
      super.propose(mark, action);
    } catch (error) {
      this.shown = null; // it may have been changed in part
      throw error;
    }
  }

  protected override get basis(): S {
    return copy(this.confirmed);
  }

  protected override read(json: Json): unknown {
    return decode(json, this.bigint);
  }

  protected override made(next: S): S {
    return next;
  }

  protected override changes(): boolean {
    return false;
  }
}
