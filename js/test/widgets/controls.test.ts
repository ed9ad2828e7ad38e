// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import { LongInteger } from "../../src/protocol/integers";
import type { Json } from "../../src/protocol/messages";
import { buttonControl } from "../../src/widgets/button";
import { dropdownControl, multiselectControl, radioControl } from "../../src/widgets/choice";
import { colourControl } from "../../src/widgets/colour";
import type { ControlOptions, MakeControl, Source } from "../../src/widgets/control";
import { fileControl } from "../../src/widgets/file";
import { dateControl, datetimeControl, timeControl } from "../../src/widgets/moment";
import { fieldControl, numberControl } from "../../src/widgets/number";
import { rangeControl } from "../../src/widgets/range";
import { readTable, tableControl } from "../../src/widgets/table";
import { lineControl } from "../../src/widgets/text";

/** A control in the page, and the state behind it. */
function stand(make: MakeControl, value: Json | undefined, options: Partial<ControlOptions> = {}) {
  const source: Source & { value: Json | undefined } = {
    value,
    write: (written) => {
      source.value = written;
    },
    update: (step) => {
      source.value = step(source.value);
    },
  };
  const all = { label: "Speed", min: null, max: null, step: null, options: [], limitBytes: 10 };
  const control = make(source, { ...all, ...options });
  document.body.replaceChildren(control.element);
  const find = <E extends HTMLElement = HTMLInputElement>(selector: string) =>
    document.querySelector(selector) as E;
  const change = (field: HTMLInputElement | HTMLSelectElement, to: string, event = "change") => {
    field.value = to;
    field.dispatchEvent(new Event(event));
  };
  return { source, control, find, change };
}

const CHOICES = [
  ["Tea", "tea"],
  ["Number", 2],
  ["List", [1]],
] as const satisfies ControlOptions["options"];

test("a dropdown shows the choice, and writes its value", () => {
  const { source, control, find, change } = stand(dropdownControl, 2, { options: CHOICES });
  const list = find<HTMLSelectElement>("select");
  expect(list.selectedOptions[0]?.text).toBe("Number");
  expect(list.getAttribute("aria-label")).toBe("Speed");
  change(list, "2");
  expect(source.value).toEqual([1]);
  control.show("something <b>else</b>");
  expect(list.selectedOptions[0]?.text).toBe('"something <b>else</b>"');
});

test.each([fieldControl, numberControl])("a number is written when it is whole, %o", (make) => {
  const { source, control, find, change } = stand(make, 42);
  const field = find(".driftdb-field");
  const written = vi.spyOn(source, "write");
  for (const typed of ["5", "50"]) change(field, typed, "input");
  control.show(7); // somebody else was faster; what is being typed stays
  expect(field.value).toBe("50");
  expect(written).not.toHaveBeenCalled();
  field.dispatchEvent(new Event("change"));
  expect(written.mock.calls).toEqual([[50]]);
});

test("Escape takes back what was typed into a number", () => {
  const { source, control, find, change } = stand(fieldControl, 42);
  const field = find(".driftdb-field");
  const written = vi.spyOn(source, "write");
  change(field, "5", "input");
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  expect(field.value).toBe("42");
  field.dispatchEvent(new Event("blur"));
  expect(written).not.toHaveBeenCalled();
  source.value = 43;
  control.show(43);
  expect(field.value).toBe("43");
});

test("of radio buttons one is pressed", () => {
  const { source, control } = stand(radioControl, "tea", { options: CHOICES });
  const inputs = [...document.querySelectorAll("input")];
  expect(inputs.map(({ checked }) => checked)).toEqual([true, false, false]);
  expect(new Set(inputs.map(({ name }) => name)).size).toBe(1);
  inputs[1]?.click();
  expect(source.value).toBe(2);
  control.show([1]);
  expect(inputs.map(({ checked }) => checked)).toEqual([false, false, true]);
  expect(document.querySelector("[role=radiogroup]")?.getAttribute("aria-label")).toBe("Speed");
});

test.each([
  ["2024-02-29T12:00:00+01:00", "UTC+01:00"],
  ["2024-02-29T12:00:00-00:00", "UTC"],
  ["2024-02-29T12:00:00Z", "UTC"],
  ["2024-02-29T12:00:00", ""],
])("the zone of %s stands beside it, also where it was emptied and set again", (text, zone) => {
  const { source, find, change, control } = stand(datetimeControl, { $datetime: text });
  expect(find(".driftdb-zone").textContent).toBe(zone);
  change(find("input"), "");
  control.show(source.value);
  expect(source.value).toBeNull();
  change(find("input"), "2025-01-01T08:05");
  expect(source.value).toEqual({ $datetime: `2025-01-01T08:05:00${text.slice(19)}` });
});

test("a multiselect keeps the order of its choices", () => {
  const { source } = stand(multiselectControl, [2], { options: CHOICES });
  const inputs = [...document.querySelectorAll("input")];
  inputs[2]?.click();
  inputs[0]?.click();
  expect(source.value).toEqual(["tea", 2, [1]]);
  inputs[1]?.click();
  expect(source.value).toEqual(["tea", [1]]);
});

test.each([
  [dateControl, { $date: "2024-02-29" }, "2024-02-29", "2025-01-01", { $date: "2025-01-01" }],
  [timeControl, { $time: "12:30:00" }, "12:30:00", "08:05", { $time: "08:05:00" }],
  [
    datetimeControl,
    { $datetime: "2024-02-29T12:00:00+01:00" },
    "2024-02-29T12:00:00",
    "2025-01-01T08:05",
    { $datetime: "2025-01-01T08:05:00+01:00" },
  ],
  [timeControl, { $time: "12:30:00Z" }, "12:30:00", "08:05", { $time: "08:05:00Z" }],
  [timeControl, "12:30-03:30", "12:30", "08:05", { $time: "08:05:00-03:30" }],
  [
    datetimeControl,
    { $datetime: "2024-02-29T12:00:15.250000-00:01:30" },
    "2024-02-29T12:00:15",
    "2025-01-01T08:05:15",
    { $datetime: "2025-01-01T08:05:15.250000-00:01:30" },
  ],
  [
    datetimeControl,
    { $datetime: "2024-02-29T12:00:15.250000" },
    "2024-02-29T12:00:15",
    "2025-01-01T08:05:16",
    { $datetime: "2025-01-01T08:05:16" },
  ],
])("%o reads and writes moments", (make, value, shown, typed, written) => {
  const { source, control, find, change } = stand(make, value as Json);
  expect(shown.startsWith(find("input").value)).toBe(true); // without seconds that are none
  expect(find("input").value.length).toBeGreaterThan(4);
  change(find("input"), typed);
  expect(source.value).toEqual(written);
  change(find("input"), "");
  expect(source.value).toBe(null);
  control.show(3);
  expect(find("input").value).toBe("");
});

test("a colour is a colour", () => {
  const { source, find, change, control } = stand(colourControl, "#ff0000");
  expect(find("input").value).toBe("#ff0000");
  change(find("input"), "#00ff00", "input");
  expect(source.value).toBe("#00ff00");
  control.show("javascript:alert(1)");
  expect(find("input").value).toBe("#00ff00");
});

test("a button counts who presses it, whatever else was there", () => {
  const { source, control, find } = stand(buttonControl, undefined);
  const button = find<HTMLButtonElement>("button");
  expect(button.textContent).toBe("Speed");
  button.click();
  button.click();
  expect(source.value).toBe(2);
  control.show(7);
  expect(find("[role=status]").textContent).toBe("7");
});

test("a range's handles take each other along", () => {
  const { source, control, change } = stand(rangeControl, [20, 40], { min: 0, max: 100 });
  const [low, high] = [...document.querySelectorAll("input")] as HTMLInputElement[];
  if (low === undefined || high === undefined) throw new Error("expected two handles");
  expect([low.value, high.value, low.max]).toEqual(["20", "40", "100"]);
  change(high, "60", "input");
  expect(source.value).toEqual([20, 60]);
  change(low, "80", "input");
  expect(source.value).toEqual([80, 80]);
  control.show([1, 2]);
  expect(document.querySelector("output")?.textContent).toBe("1 – 2");
  low.dispatchEvent(new Event("pointerdown"));
  control.show([5, 6]);
  expect(low.value).toBe("1");
});

test.each([
  ["below 0", [-50, 10], 1, "20", [-50, 20]],
  ["between two steps", [20.5, 40], 1, "60", [20.5, 60]],
  ["with another sign", [-150, 50], 0, "-30", [-30, 50]],
] as const)(
  "a range's handle that is %s stays where it is when the other one is moved",
  (_, pair, which, text, expected) => {
    const { source, change } = stand(rangeControl, [...pair]);
    const handles = [...document.querySelectorAll("input")] as HTMLInputElement[];
    expect(
      handles.every(({ min, max }) => pair.every((each) => +min <= each && each <= +max)),
    ).toBe(true);
    change(handles[which] as HTMLInputElement, text, "input");
    expect(source.value).toEqual(expected);
  },
);

test("two who move the two handles of a range at the same time have both moved theirs", () => {
  const { source, change } = stand(rangeControl, [20, 40], { min: 0, max: 100 });
  const [low, high] = [...document.querySelectorAll("input")] as [
    HTMLInputElement,
    HTMLInputElement,
  ];
  low.dispatchEvent(new Event("pointerdown"));
  change(low, "30", "input");
  source.write([20, 90]); // somebody else's, which came first
  change(low, "35", "input");
  expect(source.value).toEqual([35, 90]);
  low.dispatchEvent(new Event("pointerup"));
  expect([low.value, high.value]).toEqual(["35", "90"]);
});

test.each([
  [50, { min: 0, max: 10 }, 10, "From 0 to 10: 50 became 10."],
  [-1, { min: 0 }, 0, "At least 0: -1 became 0."],
  [10.5, { max: 10 }, 10, "At most 10: 10.5 became 10."],
  [7, { min: 0, max: 10 }, 7, ""],
] as const)(
  "a field that is given %d says in a live region what became of it",
  (typed, bounds, value, said) => {
    const { source, find, change } = stand(fieldControl, 3, bounds);
    const notice = find("[role=status]");
    change(find("input"), String(typed));
    expect([source.value, notice.textContent]).toEqual([value, said]);
    change(find("input"), "5", "input");
    expect(notice.textContent).toBe("");
  },
);

test("the bounds of a field may be long integers", () => {
  const max = new LongInteger("9007199254740999999");
  const { source, find, change } = stand(fieldControl, 3, { max });
  expect(find("input").max).toBe("9007199254740999999");
  change(find("input"), "9007199254740999998");
  expect(source.value).toEqual(new LongInteger("9007199254740999998"));
  change(find("input"), "9007199254741000000");
  expect(source.value).toEqual(max);
  expect(find("[role=status]").textContent).toBe(
    "At most 9007199254740999999: 9007199254741000000 became 9007199254740999999.",
  );
});

test("a field holds a number within its bounds", () => {
  const { source, find, change } = stand(fieldControl, 3, { min: 0, max: 10 });
  change(find("input"), "99");
  expect(source.value).toBe(10);
  change(find("input"), "");
  expect(source.value).toBe(10);
});

test("a file that can't be read is told, and may be chosen again", async () => {
  const { source, find } = stand(fileControl, null, { limitBytes: 10_000 });
  const folder = new File(["x"], "folder\u202e");
  folder.arrayBuffer = () => Promise.reject(new DOMException("no", "NotReadableError"));
  const input = find("input");
  Object.defineProperty(input, "files", { value: [folder], configurable: true });
  input.dispatchEvent(new Event("change"));
  await vi.waitFor(
    () => expect(find(".driftdb-file-text").textContent).toBe("folder\\u202e can't be read"),
    50_000,
  );
  expect(source.value).toBeNull();
  expect(input.value).toBe("");
});

test("a file is read, unless it is too large", async () => {
  const { source, find } = stand(fileControl, null);
  const choose = async (name: string, text: string) => {
    const file = new File([text], name, { type: "text/plain" });
    Object.defineProperty(find("input"), "files", { value: [file], configurable: true });
    find("input").dispatchEvent(new Event("change"));
    await new Promise((resolve) => setTimeout(resolve));
  };
  expect(document.body.textContent).toContain("up to 10 bytes");
  await choose("big.txt", "more than that");
  expect(source.value).toBe(null);
  expect(document.body.textContent).toBe("Expected at most 10 bytes, got 14 bytes");
  await choose("a.txt", "hello");
  expect(source.value).toEqual({
    name: "a.txt",
    type: "text/plain",
    size: 5,
    data: { $bytes: "aGVsbG8=" },
  });
});

test.each([
  [[{ a: 1, b: "<b>" }, { c: null }], ["a", "b", "c"], 2],
  [[[1, 2], [3]], ["0", "1"], 2],
  [{ $dataframe: { columns: ["x"], data: { x: [1, null, 3] } } }, ["x"], 3],
])("%j is a table", (value, columns, rows) => {
  stand(tableControl, value as Json);
  const heads = [...document.querySelectorAll("th")].map(({ textContent }) => textContent);
  expect(heads).toEqual(columns);
  expect(document.querySelectorAll("tr").length).toBe(rows + 1);
  expect(document.querySelector("td b")).toBeNull();
});

test("of a wide and long table so much is shown as can be read", { timeout: 50_000 }, () => {
  const rows = Array.from({ length: 700 }, (_, n) => ({ [`k${n}`]: n }));
  for (const value of [rows, rows.map(() => rows.map(() => 1))]) {
    stand(tableControl, value as Json);
    expect(document.querySelectorAll("th")).toHaveLength(50);
    expect(document.querySelectorAll("tr")).toHaveLength(501);
    expect(document.querySelectorAll("td")).toHaveLength(500 * 50);
    expect(document.body.textContent).toContain("… and 650 more columns and 200 more rows");
  }
});

test("any number of columns and rows is a table", () => {
  const many = Array.from({ length: 200_000 }, (_, n) => String(n));
  stand(tableControl, { $dataframe: { columns: many, data: {} } });
  stand(tableControl, [[], many]);
  stand(
    tableControl,
    many.map(() => []),
  );
  expect(document.body.textContent).toContain("… and 199500 more rows");
});

test("a column may have any name", () => {
  const data = JSON.parse('{"__proto__": [1], "constructor": [2], "{\\"toString\\":1}": [3]}');
  const columns = ["__proto__", "constructor", { toString: 1 }, "toString"];
  stand(tableControl, { $dataframe: { columns, data } });
  const cells = () => [...document.querySelectorAll("td")].map(({ textContent }) => textContent);
  expect(cells()).toEqual(["1", "2", "3", ""]);
  stand(tableControl, JSON.parse('[{"__proto__": 1, "constructor": 2}, {}]'));
  expect(cells()).toEqual(["1", "2", "", ""]);
});

test("what is no table is none", () => {
  for (const value of [3, [], [1, 2], {}, { $dataframe: 3 }, null, undefined])
    expect(readTable(value as Json)).toBe(null);
});

test("a slider without a value is empty, and sets one", () => {
  const { source, control, find, change } = stand(numberControl, 7, { min: 5, max: 10 });
  control.show(null);
  expect(find(".driftdb-field").value).toBe("");
  const slider = find(".driftdb-slider");
  expect(slider.classList.contains("driftdb-empty")).toBe(true);
  expect(slider.getAttribute("aria-valuetext")).toBe("no value");
  change(slider, "6", "input");
  expect(source.value).toBe(6);
  control.show(6);
  expect(slider.classList.contains("driftdb-empty")).toBe(false);
  expect(slider.getAttribute("aria-valuetext")).toBe("6");
  expect(find(".driftdb-field").value).toBe("6");
});

test("a text without a value is empty, and sets one", () => {
  const { source, control, find, change } = stand(lineControl, "a");
  source.value = null;
  control.show(null);
  expect(find("input").value).toBe("");
  change(find("input"), "b", "input");
  expect(source.value).toBe("b");
});

test("what a deleted key held stays in a field that somebody may be in", () => {
  const text = stand(lineControl, "hello");
  text.control.show(undefined);
  expect(text.find("input").value).toBe("hello");
  const { control, find } = stand(numberControl, 7);
  control.show(undefined);
  expect(find(".driftdb-field").value).toBe("7");
  expect(find(".driftdb-slider").value).toBe("7");
});
