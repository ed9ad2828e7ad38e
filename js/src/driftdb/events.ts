import { notify } from "../client/listeners";

/** Who hears of events of one kind. */
export class EventListener<T> {
  listeners: ((event: T) => void)[] = [];

  addListener(listener: (event: T) => void): void {
    this.listeners.push(listener);
  }

  removeListener(listener: (event: T) => void): void {
    this.listeners = this.listeners.filter((each) => each !== listener);
  }

  dispatch(event: T): void {
    notify(this.listeners, event);
  }
}
