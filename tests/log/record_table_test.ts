/**
 * The table of fields in docs/audit-log.md says what the code says.
 */
import { assert, assertEquals } from "@std/assert";
import { FIELDS, type RecordField } from "../../src/core/record/record.ts";
import { ROOT } from "../workspace.ts";

/** What the docstrings of the record's interfaces say of each field. */
function meanings(source: string): Map<string, string> {
  const docs = source.matchAll(/\/\*\*([^/]*?(?:\/(?!\*)[^/]*?)*?)\*\/\s+readonly (\w+)\??:/g);
  return new Map(Array.from(docs, ([, text = "", name = ""]) => [
    name,
    text.replaceAll(/\s*\n\s*\*?\s*/g, " ").trim().replace(/\.$/, ""),
  ]));
}

/** The rows of the table, without the padding that the formatter adds. */
function expectedRows(): string[] {
  const source = Deno.readTextFileSync(`${ROOT}/src/core/record/record.ts`);
  const meaning = meanings(source.slice(source.indexOf("export interface RecordBody")));
  const fields: readonly RecordField[] = FIELDS;
  return fields.map(({ name, type, optional, intent }) => {
    const text = meaning.get(name);
    assert(text !== undefined, name);
    return `| \`${name}${optional ? "?" : ""}\` | ${type} | ${intent ? "yes" : ""} | ${text} |`;
  });
}

Deno.test("docs/audit-log.md has the fields of the record as the code defines them", () => {
  const text = Deno.readTextFileSync(`${ROOT}/docs/audit-log.md`);
  const [, table = ""] = /<!-- fields -->\n\n([\s\S]*?)\n\n<!-- \/fields -->/.exec(text) ?? [];
  const rows = table.split("\n").slice(2).map((row) => row.replaceAll(/ +/g, " "));
  assertEquals(rows, expectedRows().map((row) => row.replaceAll(/ +/g, " ")));
});

if (import.meta.main) console.log(expectedRows().join("\n"));
