// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { Theme } from "../../src/chart/theme";

afterEach(() => {
  document.head.replaceChildren();
  document.body.replaceChildren();
});

const settled = () => new Promise((resolve) => setTimeout(resolve));

function watched() {
  const box = document.createElement("div");
  document.body.append(box);
  let changes = 0;
  const theme = new Theme(box, () => {
    changes += 1;
  });
  return { box, theme, changes: () => changes };
}

test("what a page puts in its head is looked at only where it may change colours", async () => {
  const { theme, changes } = watched();
  document.head.append(document.createElement("meta"), document.createElement("script"));
  await settled();
  expect(changes()).toBe(0);
  document.head.append(document.createElement("style"));
  await settled();
  expect(changes()).toBe(1);
  theme.destroy();
});

test("a chart is made anew only if its colours are others", async () => {
  const { box, theme } = watched();
  expect([theme.refresh(), theme.refresh()]).toEqual([true, false]);
  document.head.append(document.createElement("style"));
  await settled();
  expect(theme.refresh()).toBe(false);
  box.style.color = "rgb(250, 250, 250)";
  document.body.className = "dark";
  await settled();
  expect(theme.refresh()).toBe(true);
  theme.destroy();
});
