/**
 * SQLite databases for agents that may ask, and not change.
 *
 * What holds, one behind the other: the policy (which files, and that a text begins like a SELECT);
 * SQLite's own parser (one statement); a database that is opened for reading; and the Worker, which
 * may read the files that the policy names and nothing else.
 */
import { Provider, ProviderError, serveProvider } from "@agent-kernel/kernel/provider";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** `db.query {sql, values?}` on a database file → its rows. */
export const database = new Provider({
  name: "database",
  module: import.meta.url,
  // A path: so the policy names files, links are resolved, and the Worker gets "read" of them.
  actions: { "db.query": { kind: "path", access: ["read"], defaults: { values: [] } } },
});

/** Extensions are off unless asked for. No value is larger than a million bytes. */
const READ_ONLY = { readOnly: true, limits: { length: 1_000_000 } };

// A question that takes too long is answered at the deadline, but a statement of SQLite cannot be
// interrupted here: it keeps its thread busy. Who may ask anything has to be trusted with that.
serveProvider("database", ({ target, params }) => {
  const { sql, values } = params;
  if (typeof sql !== "string" || !Array.isArray(values)) {
    throw new ProviderError("INVALID_PARAMS", 'Expected a text "sql" and a list "values"');
  }
  try {
    using db = new DatabaseSync(target, READ_ONLY);
    const statement = db.prepare(sql);
    // SQLite compiles the first statement and leaves the rest alone: an agent should hear of it.
    if (statement.sourceSQL.trim().replace(/;$/, "") !== sql.trim().replace(/;$/, "")) {
      throw new ProviderError("INVALID_PARAMS", "Expected one statement");
    }
    return statement.all(...values as SQLInputValue[]);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError("SQL_FAILED", error instanceof Error ? error.message : String(error));
  }
});
