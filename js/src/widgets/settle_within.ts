/** What `promise` becomes; an error with this message if it becomes nothing in so long a time. */
export function settleWithin<Value>(
  milliseconds: number,
  promise: Promise<Value>,
  otherwise: string,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(otherwise)), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
