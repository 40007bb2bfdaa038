/** What a person can put right: its message says all they need, so it is shown without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}
