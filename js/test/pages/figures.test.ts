// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { Figures } from "../../src/pages/figures";

const textOf = (figures: Figures) =>
  [...figures.element.querySelectorAll(".figure")].map((each) => each.textContent);

test("a server alone has no name", () => {
  const figures = new Figures();
  figures.connections(2);
  expect(textOf(figures)).toEqual(["connections2", "keys–", "messages/s–", "data/s–"]);
});

test("of several it says which one this is, how far it is behind, and what is wrong", () => {
  const figures = new Figures();
  figures.server("0123456789abcdef", 0, "");
  expect(textOf(figures).at(-1)).toBe("server01234567");
  figures.server("0123456789abcdef", 4.2, "It can't keep all.");
  expect(textOf(figures).at(-1)).toBe("server01234567, 5 s behind. It can't keep all.");
});
