import fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry, Json } from "../../src/protocol/messages";
import { Fold, snapshot } from "../../src/room/fold";

const fold = () =>
  new Fold<Json[], Json>(
    (value, action) => {
      if (action === "bad") throw new Error("bad");
      return [...value, action];
    },
    () => [],
    (action) => action,
    (value) => value as Json[],
  );

const entry = (value: Json, seq: number): Entry => ({ value, seq });

test("own actions show at once, and come behind what the room ordered before them", () => {
  const one = fold();
  const mark = one.propose("mine");
  expect(one.value).toEqual(["mine"]);
  one.hear(entry({ apply: "theirs", i: "x" }, 1));
  expect(one.value).toEqual(["theirs", "mine"]);
  one.hear(entry({ apply: "mine", i: mark }, 2));
  expect(one.confirmed).toEqual(["theirs", "mine"]);
  expect(one.value).toEqual(["theirs", "mine"]);
  expect(one.pending).toBe(0);
});

test("an action for which the function throws goes nowhere, and counts for nothing", () => {
  const one = fold();
  expect(() => one.propose("bad")).toThrow("bad");
  one.hear(entry({ apply: "bad", i: "x" }, 1));
  one.hear(entry("neither", 2));
  expect(one.value).toEqual([]);
});

test("a snapshot stands for all before it", () => {
  const one = fold();
  one.startOver([entry(snapshot(["a"]), 5), entry({ apply: "b", i: "x" }, 6)], true);
  expect(one.value).toEqual(["a", "b"]);
  expect([one.actions, one.seq, one.missing]).toEqual([2, 6, false]);
});

test("what a room forgot is offered to it, unless somebody was faster", () => {
  const one = fold();
  one.hear(entry({ apply: "a", i: "x" }, 1));
  one.startOver([], false);
  expect([one.missing, one.confirmed]).toEqual([true, ["a"]]);
  one.hear(entry({ apply: "b", i: "y" }, 1));
  expect(one.value).toEqual(["b"]);
});

test("in any order of arrival all end equal", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.boolean())), (steps) => {
      const folds = [fold(), fold(), fold()];
      const heard = [0, 0, 0];
      const stream: Entry[] = [];
      const hearOne = (who: number) => {
        const next = stream[heard[who] as number];
        if (next === undefined) return;
        (folds[who] as Fold<Json[], Json>).hear(next);
        heard[who] = (heard[who] as number) + 1;
      };
      for (const [who, writes] of steps) {
        if (writes) {
          const action = `${who}-${stream.length}`;
          const mark = (folds[who] as Fold<Json[], Json>).propose(action);
          stream.push(entry({ apply: action, i: mark }, stream.length + 1));
        } else hearOne(who);
      }
      for (const who of [0, 1, 2]) while ((heard[who] as number) < stream.length) hearOne(who);
      const [first, ...others] = folds.map(({ value }) => value);
      for (const other of others) expect(other).toEqual(first);
      expect(first).toHaveLength(stream.length);
    }),
  );
});
