import { DatabaseSync } from "node:sqlite";

type Row = Record<string, null | number | bigint | string | Uint8Array>;

/**
 * Copies the row of one run in a table of MLflow's schema, with some columns changed, `count` times: peers take hours to be filled over
 * HTTP. `change` gets the number of the copy and the row that was found.
 */
export function cloneRows(
  file: string,
  table: string,
  where: string,
  count: number,
  change: (i: number, template: Row) => Row | readonly Row[],
): void {
  const database = new DatabaseSync(file, { timeout: 30_000 });
  try {
    const template = database.prepare(`SELECT * FROM ${table} WHERE ${where} LIMIT 1`).get() as Row | undefined;
    if (!template) throw new Error(`${table} has no row where ${where}.`);
    const columns = Object.keys(template);
    const places = columns.map(() => "?").join(", ");
    const insert = database.prepare(
      `INSERT INTO ${table} (${columns.map((it) => `"${it}"`).join(", ")}) VALUES (${places})`,
    );
    database.exec("BEGIN IMMEDIATE");
    for (let i = 0; i < count; i++) {
      for (const changed of [change(i, template)].flat() as Row[]) {
        insert.run(...columns.map((column) => changed[column] ?? template[column]!));
      }
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

/** Runs what is SQL only. */
export function execute(file: string, sql: string): void {
  const database = new DatabaseSync(file, { timeout: 30_000 });
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}
