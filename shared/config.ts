import * as z from "zod/mini";

const Environment = z.object({
  /** Days until what was soft-deleted goes for good; 0: never. */
  CAIRN_RETENTION_DAYS: z._default(z.coerce.number().check(z.int(), z.minimum(0), z.maximum(3650)), 30),
});

export interface Config {
  readonly retentionDays: number;
}

/**
 * Reads the settings of the app, once. The only place that looks at the environment.
 * @throws an error that lists all faults at once
 */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => {
      const name = path.join(".");
      return `${name}=${environment[name]}: ${message}`;
    });
    throw new Error(`The settings are not valid:\n${faults.join("\n")}`);
  }
  return Object.freeze({ retentionDays: parsed.data.CAIRN_RETENTION_DAYS });
}
