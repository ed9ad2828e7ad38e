import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { LongInteger } from "../../src/protocol/integers";
import type { Entry, Json } from "../../src/protocol/messages";
import { CopiedReduction } from "../../src/room/copied_reduction";
import { Fold, type Model } from "../../src/room/fold";
import { ItemsModel } from "../../src/room/items";
import { Reduction } from "../../src/room/reduction";
import { inParts } from "../../src/room/snapshot";
import { load } from "../vectors";

type Words = readonly Json[];

const copying = (value: Words, action: Json): Words => {
  if (action === "bad") throw new Error("bad");
  return [...value, action];
};
const mutating = (value: Words, action: Json): Words => {
  if (action === "bad") throw new Error("bad");
  (value as Json[]).push(action);
  return value;
};

function fold(fn = copying, kind: typeof Reduction = Reduction) {
  const model = new kind<Words, Json>("k", fn, []);
  return { model, fold: new Fold(model) };
}

const entry = (value: Json, seq: number): Entry => ({ value, seq });

test("own actions show at once, and come behind what the room ordered before them", () => {
  const one = fold();
  const mark = one.fold.propose("mine");
  expect(one.model.value).toEqual(["mine"]);
  one.fold.receive(entry({ apply: "theirs", i: "x" }, 1));
  expect(one.model.value).toEqual(["theirs", "mine"]);
  one.fold.receive(entry({ apply: "mine", i: mark }, 2));
  expect(one.model.value).toEqual(["theirs", "mine"]);
  expect([one.model.snapshot(), one.model.pending]).toEqual([["theirs", "mine"], 0]);
});

test("an action for which the function throws goes nowhere, counts for nothing, and is told once", () => {
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  const one = fold();
  expect(() => one.fold.propose("bad")).toThrow("bad");
  for (const seq of [1, 2]) one.fold.receive(entry({ apply: "bad", i: "x" }, seq));
  one.fold.receive(entry("neither", 3));
  expect(one.model.value).toEqual([]);
  expect(told).toHaveBeenCalledOnce();
  told.mockRestore();
});

test("a snapshot stands for all before it", () => {
  const one = fold();
  one.fold.startOver([entry({ reset: ["a"] }, 5), entry({ apply: "b", i: "x" }, 6)], true);
  expect(one.model.value).toEqual(["a", "b"]);
  expect([one.fold.length, one.fold.seq, one.fold.isEmpty]).toEqual([2, 6, false]);
});

test("what a room forgot is kept behind its actions, until somebody has offered a value", () => {
  const lost = vi.fn();
  const model = new Reduction<Words, Json>("k", copying, []);
  const one = new Fold(model, lost);
  one.receive(entry({ apply: "a", i: "x" }, 1));
  one.startOver([], false);
  expect([one.isLeftOver, one.isEmpty, model.value]).toEqual([true, true, ["a"]]);
  one.receive(entry({ reset: ["initial"], initial: "A" }, 1));
  one.receive(entry({ apply: "b", i: "y" }, 2));
  expect([one.isLeftOver, model.value]).toEqual([true, ["a", "b"]]);
  one.receive(entry({ reset: ["a", "b"] }, 3));
  expect([one.isLeftOver, model.value]).toEqual([false, ["a", "b"]]);
  expect(lost).not.toHaveBeenCalled();
  one.startOver([entry({ reset: ["other"] }, 1)], false);
  expect(model.value).toEqual(["other"]);
  expect(lost).toHaveBeenCalledOnce();
  one.startOver([], false);
  one.receive(entry({ parts: 1, of: "S" }, 1));
  one.receive(entry({ apply: "c", i: "y" }, 2));
  one.receive(entry({ part: 0, of: "S", text: '["other"]' }, 3));
  expect(model.value).toEqual(["other", "c"]);
  expect(lost).toHaveBeenCalledOnce();
});

test("a stream that is read again while what it forgot is kept goes on at its number", () => {
  const one = fold();
  one.fold.receive(entry({ apply: "a", i: "x" }, 1));
  const held = [entry({ reset: [], initial: "A" }, 1), entry({ apply: "b", i: "y" }, 2)];
  one.fold.startOver(held, false);
  one.fold.startOver(held, true);
  expect([one.fold.seq, one.fold.isLeftOver, one.model.value]).toEqual([2, true, ["a", "b"]]);
});

interface Cut {
  readonly text: string;
  readonly most: number;
  readonly of: string;
}

type Step = Readonly<Record<string, unknown>>;

test.each(load<{ rule: string; steps: readonly Step[] }[]>("snapshots"))("$rule", ({ steps }) => {
  const one = fold();
  for (const { begin, forget, hear, shows, cut, into } of steps) {
    if (begin !== undefined) one.fold.startOver(begin as Entry[], true);
    if (forget !== undefined) one.fold.startOver(forget as Entry[], false);
    if (hear !== undefined) one.fold.receive(hear as Entry);
    if (shows !== undefined) expect(one.model.value).toEqual(shows);
    if (cut !== undefined) {
      const { text, most, of } = cut as Cut;
      const { head, parts } = inParts(text, most, of);
      expect(parts).toEqual(into);
      expect(head).toEqual({ parts: parts.length, of });
    }
  }
});

const MODELS: [string, () => Model<unknown>][] = [
  ["a function that makes new values", () => fold().model],
  ["a function that changes what it is given", () => fold(mutating, CopiedReduction).model],
  ["a dictionary", () => new ItemsModel({})],
];
const actions = fc.oneof(
  fc.record({ set: fc.dictionary(fc.constantFrom("a", "b", "__proto__", "$x"), fc.nat(3)) }),
  fc.record({ remove: fc.array(fc.constantFrom("a", "b", "__proto__", "$x"), { maxLength: 2 }) }),
);
const happenings = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 2 }),
    fc.constantFrom(
      ...["writes", "hears", "hears", "reads", "is refused"],
      "is held",
      "begins anew",
    ),
    actions,
  ),
  { maxLength: 60, size: "max" },
);

test.each(MODELS)("of %s all end equal, in any order of arrival", (_, make) => {
  fc.assert(
    fc.property(happenings, (steps) => {
      const models = [make(), make(), make()];
      const folds = models.map((model) => new Fold(model));
      const heard = [0, 0, 0];
      const stream: Entry[] = [];
      /** What the room had no time for comes behind later ones. */
      const late: Json[] = [];
      const put = (form: Json) => stream.push(entry(form, stream.length + 1));
      const hearOne = (who: number) => {
        const next = stream[heard[who] as number];
        if (next === undefined) return;
        folds[who]?.receive(next);
        heard[who] = (heard[who] as number) + 1;
      };
      for (const [who, what, action] of steps) {
        const one = folds[who] as Fold<unknown>;
        if (what === "hears") hearOne(who);
        else if (what === "reads") {
          JSON.stringify(one.model.value);
          for (const form of late.splice(0)) put(form);
        } else if (what === "begins anew") {
          one.startOver(stream, true);
          heard[who] = stream.length;
        } else {
          const mark = one.propose(action as Json);
          if (what === "is refused") one.model.withdraw(mark);
          else if (what === "is held") late.unshift({ apply: action as Json, i: mark });
          else put({ apply: action as Json, i: mark });
        }
      }
      for (const form of late) put(form);
      const order = make();
      const all = new Fold(order);
      for (const each of stream) all.receive(each);
      for (const who of [0, 1, 2]) while ((heard[who] as number) < stream.length) hearOne(who);
      for (const model of models) {
        // What began anew in the middle has own actions that it was never told of again.
        expect(JSON.stringify(model.snapshot())).toBe(JSON.stringify(order.snapshot()));
        if (model.pending === 0) expect(model.value).toEqual(order.value);
      }
    }),
    { numRuns: 300 },
  );
});

test("a dictionary shows at each moment what its steps make, one after the other", () => {
  fc.assert(
    fc.property(happenings, (steps) => {
      const model = new ItemsModel<Json>({});
      const one = new Fold(model);
      const room: Json[] = [];
      const own = new Map<string, Json>();
      let seq = 0;
      for (const [, what, action] of steps) {
        if (what === "writes") own.set(one.propose(action as Json), action as Json);
        else if (what === "hears") {
          const [oldest] = own;
          const [mark, mine] = oldest ?? ["x", action as Json];
          own.delete(mark);
          room.push(mine);
          one.receive(entry({ apply: mine, i: mark }, ++seq));
        } else if (what === "reads") {
          room.push(action as Json);
          one.receive(entry({ apply: action as Json, i: "stranger" }, ++seq));
        } else {
          const marks = [...own.keys()];
          const mark = marks[what === "is refused" ? marks.length - 1 : 0] ?? "none";
          own.delete(mark);
          one.model.withdraw(mark);
        }
        const items = new Map<string, Json>();
        for (const step of [...room, ...own.values()]) {
          const { set = {}, remove = [] } = step as { set?: object; remove?: string[] };
          for (const name of remove) items.delete(name);
          for (const [name, value] of Object.entries(set)) items.set(name, value as Json);
        }
        expect(model.value).toEqual(Object.fromEntries(items));
        for (const name of ["a", "b", "__proto__"]) expect(model.get(name)).toBe(items.get(name));
      }
    }),
  );
});

test("a function that changes what it is given throws, and nothing is changed", () => {
  const one = fold(mutating);
  expect(() => one.fold.propose("a")).toThrow(TypeError);
  const deep = new Reduction<{ at: Record<string, number> }, string>(
    "k",
    (value, name) => {
      const at = value.at ?? {};
      at[name] = 1;
      return { ...value, at };
    },
    {},
  );
  deep.propose("1", "a"); // which made what it changed
  expect(() => deep.propose("2", "b")).toThrow(TypeError);
  expect(deep.value).toEqual({ at: { a: 1 } });
});

test.each([
  ["adds an item", (value: Json[], action: Json) => [...value, value.push(action)]],
  ["sorts", (value: Json[]) => value.sort()],
  [
    "changes the action",
    (value: Json[], action: Json) => [...value, (action as Json[]).pop() ?? 0],
  ],
] as const)("a function that %s in place is told what to do instead, once", (_, fn) => {
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  const made = new Reduction<Json[], Json>("votes", fn, ["b", "a"]);
  const message = /^votes: a reducer returns a new value; it must not change the one it gets/;
  for (const mark of ["1", "2"]) expect(() => made.propose(mark, ["c"])).toThrow(message);
  made.apply(["c"]);
  expect(made.value).toEqual(["b", "a"]);
  expect(told).toHaveBeenCalledOnce();
  expect(String(told.mock.calls[0]?.[1])).toMatch(
    /TypeError: votes: a reducer returns a new value/,
  );
  told.mockRestore();
});

test("an error of another kind is told as it is", () => {
  const fn = (_: Json, action: Json) => (action as { deep: { text: string } }).deep.text;
  const made = new Reduction<Json, Json>("k", fn, null);
  expect(() => made.propose("1", {})).toThrow(/undefined/);
});

test("each own action is applied twice at most where nobody's comes between", () => {
  for (const [fn, kind] of [
    [copying, Reduction],
    [mutating, CopiedReduction],
  ] as const) {
    const counted = vi.fn(fn);
    const one = fold(counted, kind);
    const marks = Array.from({ length: 500 }, (_, n) => one.fold.propose(n));
    marks.forEach((mark, n) => {
      one.fold.receive(entry({ apply: n, i: mark }, n + 1));
      expect(one.model.value).toHaveLength(500);
    });
    expect(counted.mock.calls.length).toBeLessThanOrEqual(1000);
  }
});

test("a value is copied once for all of others' actions that come between own ones", () => {
  const copy = vi.spyOn(globalThis, "structuredClone");
  const one = fold(mutating, CopiedReduction);
  for (let seq = 1; seq <= 50; seq += 1) {
    one.fold.receive(entry({ apply: seq, i: "x" }, seq));
    expect(one.model.value).toHaveLength(seq);
  }
  const before = copy.mock.calls.length;
  expect(before).toBeLessThanOrEqual(1);
  one.fold.propose("mine");
  for (let seq = 51; seq <= 100; seq += 1) one.fold.receive(entry({ apply: seq, i: "x" }, seq));
  expect(one.model.value).toHaveLength(101);
  expect(copy.mock.calls.length).toBe(before + 1);
  copy.mockRestore();
});

test("a snapshot has the digits of long integers that the function was given as numbers", () => {
  const long = new LongInteger("12345678901234567890");
  const one = fold();
  one.fold.receive(entry({ apply: [long] as Json, i: "x" }, 1));
  expect(one.model.snapshot()).toEqual([[long]]);
  const dict = new ItemsModel<number>({});
  dict.apply({ set: { a: long } });
  expect([dict.get("a"), dict.snapshot()]).toEqual([Number(long.digits), { a: long }]);
});

const longOf = (n: number) => new LongInteger(String(9n * 10n ** 18n + BigInt(n) * 100_000n));

test("of long integers only those are remembered that are in the value", () => {
  const newest = (_: Words, action: Json): Words => [action];
  const one = fold(newest);
  for (let n = 0; n < 3_000; n += 1) one.fold.receive(entry({ apply: longOf(n), i: "x" }, n + 1));
  expect((one.model as unknown as { long: ReadonlyMap<string, unknown> }).long.size).toBeLessThan(
    1_100,
  );
  expect(one.model.snapshot()).toEqual([longOf(2_999)]);
});
