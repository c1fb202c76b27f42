import { expect, jest, test } from "@jest/globals";
import type { Column } from "../components/table.tsx";
import { toCsv } from "./csv.ts";
import { nameDirection } from "./direction.ts";

test("what would turn a name is named where people read it, and kept where it is sent, followed or compared", () => {
  const name = "invoice\u202efdp.exe > 1";
  const html = `<td data-value="${name}"><a href="/x?of=${name}" title="${name}">${name}</a></td><input value="${name}" aria-label="${name}"/><textarea name="t">${name}</textarea>`;
  const named = "invoice[U+202E]fdp.exe > 1";
  expect(nameDirection(html)).toBe(
    `<td data-value="${name}"><a href="/x?of=${name}" title="${named}">${named}</a></td><input value="${name}" aria-label="${named}"/><textarea name="t">${name}</textarea>`,
  );
  expect(nameDirection("<p>a\u061cb\u200fc\u2066d\u2069</p>")).toBe("<p>a[U+061C]b[U+200F]c[U+2066]d[U+2069]</p>");
});

test("a page without such a character is not taken apart", () => {
  const html = `<p title="a > b">${"<b>x</b>".repeat(3)}</p><textarea>y</textarea>`;
  const taken = jest.spyOn(String.prototype, "split");
  try {
    expect(nameDirection(html)).toBe(html);
    expect(taken).not.toHaveBeenCalled();
  } finally {
    taken.mockRestore();
  }
});

test("an export keeps a name as it is, but for an apostrophe before a formula that hides behind what is not seen", () => {
  const columns: Column<{ name: string }>[] = [{ name: "name", label: "Name", kind: "text", value: (row) => row.name }];
  const lines = toCsv(
    columns,
    ["a\u202eb", "\u202e=1+1", "\u200b\t@sum", "-1"].map((name) => ({ name })),
  );
  expect(lines.split("\r\n")).toEqual(["name", "a\u202eb", `"'\u202e=1+1"`, `"'\u200b\t@sum"`, "-1", ""]);
});
