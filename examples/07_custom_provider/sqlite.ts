/**
 * A database that an agent may ask and not change. The provider is database_provider.ts.
 *
 *     deno run -P=examples examples/07_custom_provider/sqlite.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { DatabaseSync } from "node:sqlite";
import { Workspace } from "../workspace.ts";
import { database } from "./database_provider.ts";

using workspace = new Workspace();
const { root } = workspace;
for (const name of ["shop.db", "salaries.db"]) {
  using db = new DatabaseSync(`${root}/${name}`);
  db.exec("CREATE TABLE items (name TEXT, price REAL)");
  db.exec("INSERT INTO items VALUES ('pen', 2.5), ('ink; black', 7)");
}

/** One statement that begins like a SELECT. What a SELECT can do is up to SQLite: below. */
const SELECT_ONLY = `
    constraint:
      sql:
        glob: ["SELECT *", "SELECT */**", "select *", "select */**"]
        not: { glob: ["**/*;*", "**/*;*/**"] }
        max_length: 1000`;
const CAPABILITY = `
capabilities:
  - action: db.query
    resource: ${root}/shop.db`;

const attacks: [what: string, sql: string, values?: unknown[]][] = [
  ["a question", "SELECT name, price / 2 AS half FROM items WHERE price > ?", [5]],
  ["a near miss: a semicolon, as a value", "select price from items where name = ?", [
    "ink; black",
  ]],
  ["a second statement", "SELECT 1; DROP TABLE items"],
  ["another verb", "DROP TABLE items"],
  ["behind a comment", "/* SELECT */ DELETE FROM items"],
  ["behind a WITH", "WITH x AS (SELECT 1) DELETE FROM items"],
  ["a setting", "PRAGMA writable_schema = 1"],
  ["another database", `ATTACH '${root}/salaries.db' AS s`],
  ["a copy", `VACUUM INTO '${root}/copy.db'`],
  ["code of its own", "SELECT load_extension('/tmp/evil')"],
  ["a value of a gigabyte", "SELECT zeroblob(1000000000)"],
  ["a file, by a function that only the shell has", "SELECT readfile('/etc/passwd')"],
];

async function attack(title: string, policy: string): Promise<void> {
  console.log(title);
  await using kernel = await Kernel.open({
    policy: { text: policy },
    providers: [database],
    logPath: `${root}/kernel.log`,
    base: root,
    onWarning: () => {},
  });
  for (const [what, sql, values = []] of attacks) {
    const { status, code = "", data, error = "" } = await kernel.submit({
      action: "db.query",
      target: "shop.db",
      params: { sql, values },
    });
    // That it is denied needs no further words here.
    const told = status === "OK" ? JSON.stringify(data) : status === "ERROR" ? error : "";
    console.log(`  ${what}: ${status} ${code} ${told}`.trimEnd());
  }
  const other = await kernel.submit({
    action: "db.query",
    target: "salaries.db",
    params: { sql: "SELECT * FROM items" },
  });
  console.log(`  a file that no rule names: ${other.status} ${other.code}`);
}

await attack("With the constraint, the policy stops what is no SELECT:", CAPABILITY + SELECT_ONLY);
await attack("Without it, what is behind the policy still holds:", CAPABILITY);

using db = new DatabaseSync(`${root}/shop.db`, { readOnly: true });
const files = Array.from(Deno.readDirSync(root), ({ name }) => name);
console.log("rows left:", db.prepare("SELECT count(*) AS n FROM items").get()?.n);
console.log("a copy was made:", files.includes("copy.db"));
