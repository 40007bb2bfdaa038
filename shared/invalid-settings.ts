/** A fault of the settings, told to whoever runs the app. */
export class InvalidSettings extends Error {
  override name = "InvalidSettings";
}
