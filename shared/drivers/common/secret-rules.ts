import { InvalidArgument, TooLarge } from "../../stores/errors.ts";
import { MAX_SECRET_BYTES } from "../../stores/secret-store.ts";

const SECRET_NAME = /^[a-z0-9-]{1,127}$/;

/** @throws InvalidArgument */
export function checkSecretName(name: string): void {
  if (SECRET_NAME.test(name)) return;
  throw new InvalidArgument(`name: ${JSON.stringify(name)} must be 1-127 of a-z, 0-9 and -.`);
}

/** @throws InvalidArgument for an empty text and one that is not well-formed, TooLarge beyond 25,000 bytes; without the value */
export function checkSecretValue(value: string): void {
  if (value === "") throw new InvalidArgument("value: is empty.");
  if (!value.isWellFormed()) throw new InvalidArgument("value: has a surrogate that is not one of a pair.");
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_SECRET_BYTES) throw new TooLarge(`value: ${bytes} bytes, a secret has at most ${MAX_SECRET_BYTES}.`);
}
