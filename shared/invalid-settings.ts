import { redact } from "./redact.ts";

/** A fault of the settings, told to whoever runs the app. */
export class InvalidSettings extends Error {
  override name = "InvalidSettings";
}

/**
 * The value of a setting as a fault shows it. What has the marks of a connection string, a signature or a password is not shown, whatever it may
 * be.
 */
export function shownSetting(value: string): string {
  return /[;?@#]/.test(value) ? "…" : redact(value);
}
