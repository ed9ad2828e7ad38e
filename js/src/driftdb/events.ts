import { notify } from "../client/listeners";

/** The listeners of one kind of event. */
export class EventListener<T> {
  /** All of them, in their order. */
  listeners: ((event: T) => void)[] = [];

  /** Call a function with each event from now on. */
  addListener(listener: (event: T) => void): void {
    this.listeners.push(listener);
  }

  /** Call it no more. */
  removeListener(listener: (event: T) => void): void {
    this.listeners = this.listeners.filter((each) => each !== listener);
  }

  /** Call all listeners with an event. */
  dispatch(event: T): void {
    notify(this.listeners, event);
  }
}
