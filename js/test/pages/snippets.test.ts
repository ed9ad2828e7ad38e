import { expect, test } from "vitest";
import { snippets } from "../../src/pages/snippets";

const code = (root: string, id: string) =>
  Object.fromEntries(snippets(root, id).map(({ name, code }) => [name, code]));

test("a server's URL and a room's name are text in the code, whatever they are", () => {
  const { React, curl } = code("http://a.example/it's/", 'x" {...alert(1)}>');
  expect(React).toContain('room={"x\\" {...alert(1)}>"}');
  const url = "http://a.example/it'\\''s/room/x%22%20%7B...alert(1)%7D%3E/send";
  expect(curl).toContain(`curl '${url}' -d '{`);
});

test("nobody is sent to a registry for a package that isn't there", () => {
  const { Python, React } = code("http://a.example/", "x");
  expect(Python).toMatch(/^# needs driftdb-jupyter, which isn't on PyPI yet/);
  expect(React).toMatch(/^\/\/ needs react and driftdb-jupyter, which isn't on npm yet/);
  expect(`${Python}${React}`).not.toMatch(/install driftdb-jupyter/);
});
